"""The project's own benchmark: breakeven beside its peers, interleaved, against stated targets.

Nothing here is part of the library, and nothing in the library imports it.
"""
