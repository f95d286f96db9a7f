"""What the YAML parser refuses, told in the words of somebody who writes specs."""

from __future__ import annotations

from collections.abc import Sequence as Items

import yaml

from netspec.lang.tree import Scalar
from netspec.text.diagnostic import Diagnostic, Edit, Severity
from netspec.text.source import Source


def explain(source: Source, trouble: yaml.MarkedYAMLError, scalars: Items[Scalar]) -> Diagnostic:
    """The one diagnostic for a syntax error; `scalars` are those read before it."""
    mark = trouble.problem_mark or trouble.context_mark
    at = mark.index if mark else 0
    return Diagnostic("NS008", Severity.ERROR, f"this is not YAML: {trouble.problem}", source.span(at, at + 1))


def tab(source: Source, places: Items[int]) -> Diagnostic:
    """Tabs outside quotes and comments."""
    span = source.span(places[0], places[0] + 1)
    lines = {source.position(place)[0] for place in places}
    notes = (f"the same on {len(lines) - 1} more lines",) if len(lines) > 1 else ()
    return Diagnostic("NS013", Severity.ERROR, "a tab stands here, and YAML is indented by spaces", span,
                      notes=notes, help="set the editor to write spaces", edit=Edit(span, "  "))  # fmt: skip
