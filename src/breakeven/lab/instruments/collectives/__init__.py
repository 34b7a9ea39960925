"""Gathering and reducing over processes: what the choice of an algorithm does."""
