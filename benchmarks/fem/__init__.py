"""The finite-element workload beside scikit-fem and beside itself: `make bench-fem`, or `python -m benchmarks.fem`.

Everything runs in turns in one program, so that what is compared was measured within seconds of each other; figures are
medians, least, most and n. Compile time is apart. `questions.py` takes the figures, `verdicts.py` holds the targets.
"""
