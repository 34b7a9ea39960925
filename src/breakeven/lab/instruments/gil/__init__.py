"""How much of the time a function holds the interpreter's lock."""
