"""Endurance: minutes long and hard on the machine; `make soak` runs them, nothing else does."""
