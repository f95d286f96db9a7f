"""The proof that a backend computes what the mathematics says, on a user's own model: values, gradients, updates."""

from netspec.proof.result import KINDS, Proof, Row
from netspec.proof.verify import verify

__all__ = ["KINDS", "Proof", "Row", "verify"]
