"""How things are timed and what can be said of them, whatever they are.

Lives here: blocks, statistics, fits, findings. Never here: an instrument.
"""
