"""Custom TFX components, and the user code that TFX's own components call."""
