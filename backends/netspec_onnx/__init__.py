"""ONNX files as sketches: what a network of another framework does, said in netspec's ops."""
