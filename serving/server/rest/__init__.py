"""TensorFlow Serving's REST interface over HTTP."""
