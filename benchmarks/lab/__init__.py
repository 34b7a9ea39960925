"""The lab's instruments beside outside ones, and beside what they promise: `make bench-lab`.

`reference.py` is a ping-pong on `os.read` and `os.write` that shares nothing with the lab; mpi4py's own benchmark is
the other. Both run in turns with the lab's, in one program. `questions.py` takes figures, `verdicts.py` holds targets.
"""
