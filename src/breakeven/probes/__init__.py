"""What the running machine says: CPUs, memory, threads, how processes ended, and the hazards of this host.

What lives here: questions to the operating system, each answered with a figure or with `None`, not measured.
Never here: a decision taken from the answers. Nothing is imported, since the hot path loads one module at a time.
"""
