"""How a training is run here: what was chosen (`Settled`), and what measures the choice."""

from netspec_torch.plan.settled import PLAIN, Settled

__all__ = ["PLAIN", "Settled"]
