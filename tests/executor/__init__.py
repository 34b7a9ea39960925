"""Executors as users of the standard library know them."""
