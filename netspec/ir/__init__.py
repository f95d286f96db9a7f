"""Floor 1: sizes, types, ops and the graph they form."""
