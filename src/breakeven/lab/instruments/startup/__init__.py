"""What it costs to have a second hand: nothing, a thread, a process, a pool, an executor, breakeven's engine.

Nothing is imported here: the measured program is a module of this package, and what stands here it would load.
"""
