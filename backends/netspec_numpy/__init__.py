"""The reference backend: plain NumPy in float64, a backward written beside every forward, and the update rules."""
