"""Tests of the shift-register workload."""
