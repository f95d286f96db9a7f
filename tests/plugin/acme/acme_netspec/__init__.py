"""What Acme adds to netspec: a pool of images, with its rules for NumPy and PyTorch, and a backend of its own."""
