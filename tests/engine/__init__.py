"""The process engine, held against real deaths, hangs, signals, full disks and rubbish; and its parts against properties."""
