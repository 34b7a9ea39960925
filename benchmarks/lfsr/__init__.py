"""Speed of the shift-register workload against its targets: `make bench-lfsr`.

Lives here: what is measured, interleaved, and the targets. Never here: a figure.
"""
