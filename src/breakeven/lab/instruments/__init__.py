"""The instruments, one a file or a folder: what each asks of this machine, and how its finding is drawn.

Lives here: `measure` and `draw` of each. Never here: how things are timed (`measuring`), what is shown (`showing`).
"""
