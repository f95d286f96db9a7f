"""The PyTorch backend: a checked graph becomes readable Python source and an ordinary `nn.Module`."""
