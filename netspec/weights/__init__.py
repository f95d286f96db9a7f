"""Weights: the values they start from, what a file of them says of itself, and which of its tensors go where."""
