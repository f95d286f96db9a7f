"""Floor 3: YAML text to the located tree, to the checked document, to the graph."""

from netspec.lang.load import check, load, parse_setting

__all__ = ["check", "load", "parse_setting"]
