"""Floor 2: what is declared but is no op: data, transforms, splits; optimizers, schedules, initialisers."""
