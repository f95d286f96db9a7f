"""Floor 3: YAML text to the located tree, to the checked document, to the graph."""
