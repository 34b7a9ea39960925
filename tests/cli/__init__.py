"""The command line, run as a user runs it, and its parts on their own."""
