"""What workers really add to the memory of a program, and what sharing saves."""
