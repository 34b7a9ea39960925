"""The process engine, held against real deaths, hangs, signals, full disks and rubbish; its parts against laws."""
