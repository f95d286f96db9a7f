"""Floor 3: what is worked out about a finished graph."""
