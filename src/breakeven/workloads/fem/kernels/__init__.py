"""Arithmetic of a batch of elements, three times: a loop as one writes it first, arrays, and compiled code.

Lives here: from points and connectivity to stiffness matrices and velocities. Never here: how batches are spread.
Each file has `stiffness(points, quad8, slopes, weights)` → (B, 64) and `velocity(points, quad8, potential, slopes)` →
(B, 2) and (B,), on the elements it is given.
"""
