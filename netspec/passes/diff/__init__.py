"""What changed from one spec to another: in the graph, its types and its cost, the loss, the metrics and the recipe."""

from netspec.passes.diff.change import Change, Difference
from netspec.passes.diff.specs import diff

__all__ = ["Change", "Difference", "diff"]
