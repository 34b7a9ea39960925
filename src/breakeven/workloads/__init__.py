"""Real programs, written on the public surface alone.

Lives here: one room a program, each with functions of one item that the command line can name too. Never here:
anything that reaches below `import breakeven`.
"""
