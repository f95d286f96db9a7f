"""Files of weights: read without trust, and put into a model whole or not at all."""

from netspec_torch.weights.file import digest, read
from netspec_torch.weights.stored import Stored

__all__ = ["Stored", "digest", "read"]
