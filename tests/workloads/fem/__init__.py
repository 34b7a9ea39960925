"""The finite-element workload."""
