"""What configures the server: TensorFlow Serving's text protos, read and checked."""
