"""A training step on tensors without numbers: what it keeps in memory, known before anything runs, without PyTorch."""
