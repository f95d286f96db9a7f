"""Floor 0: text as it was written, where in it something stands, and what there is to say about it."""

from netspec.text.diagnostic import Diagnostic, Edit, Label, Severity, SpecError
from netspec.text.source import Source, Span
from netspec.text.suggest import nearest

__all__ = ["Diagnostic", "Edit", "Label", "Severity", "Source", "Span", "SpecError", "nearest"]
