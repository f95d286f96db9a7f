"""Training and evaluation: the only room that knows the engine (pytorch-lightning)."""
