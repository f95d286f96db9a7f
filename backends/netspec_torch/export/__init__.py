"""A model as a file that others read: ONNX, PyTorch's own program, or its weights with the spec inside."""
