"""A block that hides an op."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from netspec import ops
from netspec.passes.lint.rule import Rule, Subject
from netspec.text import Diagnostic


class ShadowedOp(Rule):
    """A block has the name of an op of the catalogue.

    Why: the block wins, so that an op added to netspec later breaks no spec. Whoever reads the layers takes it for the
    op, and the op itself cannot be written in this file any more.

    Instead: call the block otherwise. A spec that is older than the op silences the rule and says so.
    """

    name: ClassVar[str] = "shadowed_op"
    code: ClassVar[str] = "NS417"

    def check(self, subject: Subject) -> Iterator[Diagnostic]:
        """Every block of the spec's own file that has such a name."""
        for one in subject.spec.definitions:
            if one.what == "block" and subject.is_own(one.span) and ops.find(one.name) is not None:
                yield self.doubt(
                    f"the block `{one.name}` hides the op of that name",
                    one.span,
                    help=f"call it otherwise, as `{one.name}_block`",
                )
