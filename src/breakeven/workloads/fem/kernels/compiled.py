"""The kernels in compiled code, without the interpreter's lock, so that threads share one mesh at full speed.

Lives here: what numba compiles; compiled once a machine and kept on disk. Never here: threads, which `assembly` brings.
Imported by those who need it only: numba takes half a second. The order of every sum is fixed by the mesh alone, so
that results are the same to the last bit for any number of threads and any size of batch.
"""

from __future__ import annotations

import numpy as np

from breakeven.workloads.fem.element import Floats, Integers
from breakeven.workloads.fem.faults import needed

numba = needed("numba", "compiled assembly")
compiled = numba.njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})
inlined = numba.njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"}, inline="always")
"""Where a call would hide from the compiler that arrays do not overlap, and keep it from doing several at once."""


LANES = 32
"""Elements computed side by side, so that one instruction does several; all their numbers (40 kB) stay near."""

GAUSS, TERMS, ENTRIES = 9, 27, 36
"""Points of the rule, three numbers at each, and entries in the upper half of an element matrix, row by row.

Known while compiling: with sizes that are not, the same loops take half as long again.
"""


def products_of(slopes: Floats) -> Floats:
    """What the kernel multiplies metrics with, once a run: for slopes (9, 2, 8) the sums of products (36, 27).

    Bᵀ B · detJ = p · s sᵀ + q · (s tᵀ + t sᵀ) + r · t tᵀ with the slopes s to xi and t to eta, and three numbers p, q,
    r that are all an element brings.
    """
    to_xi, to_eta = slopes[:, 0, :, None], slopes[:, 1, :, None]
    along_xi, along_eta = slopes[:, 0, None, :], slopes[:, 1, None, :]
    sums = [to_xi * along_xi, to_xi * along_eta + to_eta * along_xi, to_eta * along_eta]
    upper = np.stack(sums, axis=1)[:, :, *np.triu_indices(8)]
    return np.ascontiguousarray(upper.reshape(-1, ENTRIES).T)


@compiled
def stiffness_into(
    points: Floats,
    quad8: Integers,
    slopes: Floats,
    products: Floats,
    weights: Floats,
    start: int,
    stop: int,
    matrices: Floats,
) -> None:
    """Fill rows `start` to `stop` of `matrices` (E, 64); `products` (36, 27) are those of `products_of`.

    Measured on 99 856 elements: 12 ms; one element at a time 24 ms. Lanes past `stop` repeat the last
    element, so that every element goes through the same instructions wherever a batch begins.
    """
    xs, ys = np.empty((8, LANES)), np.empty((8, LANES))
    metrics, halves = np.empty((TERMS, LANES)), np.empty((ENTRIES, LANES))
    for first in range(start, stop, LANES):
        for lane in range(LANES):
            element = min(first + lane, stop - 1)
            for node in range(8):
                xs[node, lane] = points[quad8[element, node], 0] - points[quad8[element, 0], 0]
                ys[node, lane] = points[quad8[element, node], 1] - points[quad8[element, 0], 1]
        metrics_into(xs, ys, slopes, weights, metrics)
        halves_into(metrics, products, halves)
        for lane in range(min(LANES, stop - first)):
            matrix = matrices[first + lane]
            entry = 0
            for row in range(8):
                for column in range(row, 8):
                    matrix[8 * row + column] = matrix[8 * column + row] = halves[entry, lane]
                    entry += 1


@inlined
def metrics_into(xs: Floats, ys: Floats, slopes: Floats, weights: Floats, metrics: Floats) -> None:
    """From places (8, LANES), the first at 0, to p, q and r of every Gauss point: `metrics` (27, LANES)."""
    for at in range(GAUSS):
        for lane in range(LANES):
            a = b = c = d = 0.0
            for node in range(1, 8):
                a += slopes[at, 0, node] * xs[node, lane]
                b += slopes[at, 0, node] * ys[node, lane]
                c += slopes[at, 1, node] * xs[node, lane]
                d += slopes[at, 1, node] * ys[node, lane]
            share = weights[at] / (a * d - b * c)
            metrics[3 * at, lane] = share * (c * c + d * d)
            metrics[3 * at + 1, lane] = -share * (a * c + b * d)
            metrics[3 * at + 2, lane] = share * (a * a + b * b)


@inlined
def halves_into(metrics: Floats, products: Floats, halves: Floats) -> None:
    """The product of `products` (36, 27) and `metrics` (27, LANES), nine terms a pass."""
    for entry in range(ENTRIES):
        for lane in range(LANES):
            halves[entry, lane] = 0.0
        for at in range(0, TERMS, 9):
            m0, m1, m2 = products[entry, at], products[entry, at + 1], products[entry, at + 2]
            m3, m4, m5 = products[entry, at + 3], products[entry, at + 4], products[entry, at + 5]
            m6, m7, m8 = products[entry, at + 6], products[entry, at + 7], products[entry, at + 8]
            for lane in range(LANES):
                halves[entry, lane] += (
                    m0 * metrics[at, lane]
                    + m1 * metrics[at + 1, lane]
                    + m2 * metrics[at + 2, lane]
                    + m3 * metrics[at + 3, lane]
                    + m4 * metrics[at + 4, lane]
                    + m5 * metrics[at + 5, lane]
                    + m6 * metrics[at + 6, lane]
                    + m7 * metrics[at + 7, lane]
                    + m8 * metrics[at + 8, lane]
                )


@compiled
def velocity_into(
    points: Floats,
    quad8: Integers,
    potential: Floats,
    slopes: Floats,
    start: int,
    stop: int,
    means: Floats,
    lengths: Floats,
) -> None:
    """Fill rows `start` to `stop` of `means` (E, 2) and `lengths` (E,)."""
    gauss = slopes.shape[0]
    for element in range(start, stop):
        mean_x = mean_y = length = 0.0
        first_x, first_y = points[quad8[element, 0], 0], points[quad8[element, 0], 1]
        for at in range(gauss):
            a = b = c = d = to_xi = to_eta = 0.0
            for node in range(8):
                number = quad8[element, node]
                x, y, value = points[number, 0] - first_x, points[number, 1] - first_y, potential[number]
                a += slopes[at, 0, node] * x
                b += slopes[at, 0, node] * y
                c += slopes[at, 1, node] * x
                d += slopes[at, 1, node] * y
                to_xi += slopes[at, 0, node] * value
                to_eta += slopes[at, 1, node] * value
            scale = 1.0 / (a * d - b * c)
            flow_x = -(d * to_xi - b * to_eta) * scale
            flow_y = -(a * to_eta - c * to_xi) * scale
            mean_x += flow_x
            mean_y += flow_y
            length += np.sqrt(flow_x * flow_x + flow_y * flow_y)
        means[element, 0] = mean_x / gauss
        means[element, 1] = mean_y / gauss
        lengths[element] = length / gauss


@compiled
def triplets_into(quad8: Integers, start: int, stop: int, rows: Integers, columns: Integers) -> None:
    """Fill `start` to `stop` of the COO indices, (E, 64) each."""
    for element in range(start, stop):
        for row in range(8):
            for column in range(8):
                rows[element, 8 * row + column] = quad8[element, row]
                columns[element, 8 * row + column] = quad8[element, column]


@compiled
def elements_of_points(quad8: Integers, count: int) -> tuple[Integers, Integers]:
    """Where each point is used: `starts` (N + 1,) into `uses` (8 E,), each 8 · element + local node, rising."""
    starts = np.zeros(count + 1, np.int32)
    for element in range(len(quad8)):
        for node in range(8):
            starts[quad8[element, node] + 1] += 1
    for point in range(count):
        starts[point + 1] += starts[point]
    ends = starts[:-1].copy()
    uses = np.empty(8 * len(quad8), np.int32)
    for element in range(len(quad8)):
        for node in range(8):
            point = quad8[element, node]
            uses[ends[point]] = 8 * element + node
            ends[point] += 1
    return starts, uses


@compiled
def count_rows(quad8: Integers, starts: Integers, uses: Integers, start: int, stop: int, lengths: Integers) -> None:
    """Fill `start` to `stop` of `lengths` (N,): how many entries each row of the matrix has."""
    seen = np.full(len(lengths), -1, np.int32)
    for point in range(start, stop):
        length = 0
        for use in range(starts[point], starts[point + 1]):
            element = uses[use] >> 3
            for node in range(8):
                column = quad8[element, node]
                if seen[column] != point:
                    seen[column] = point
                    length += 1
        lengths[point] = length


@compiled
def fill_rows(
    quad8: Integers,
    starts: Integers,
    uses: Integers,
    indptr: Integers,
    start: int,
    stop: int,
    indices: Integers,
    places: Integers,
) -> None:
    """Fill the sorted columns of rows `start` to `stop`, and `places` (8 E, 8): where in its row each goes."""
    place_of = np.full(len(indptr) - 1, -1, np.int32)
    for point in range(start, stop):
        begin = indptr[point]
        length = 0
        for use in range(starts[point], starts[point + 1]):
            element = uses[use] >> 3
            for node in range(8):
                column = quad8[element, node]
                if place_of[column] < 0:
                    place_of[column] = 0
                    at = begin + length
                    while at > begin and indices[at - 1] > column:
                        indices[at] = indices[at - 1]
                        at -= 1
                    indices[at] = column
                    length += 1
        for at in range(length):
            place_of[indices[begin + at]] = at
        for use in range(starts[point], starts[point + 1]):
            element = uses[use] >> 3
            for node in range(8):
                places[use, node] = place_of[quad8[element, node]]
        for at in range(length):
            place_of[indices[begin + at]] = -1


@compiled
def gather_rows(
    matrices: Floats,
    starts: Integers,
    uses: Integers,
    indptr: Integers,
    places: Integers,
    start: int,
    stop: int,
    entries: Floats,
) -> None:
    """Sum element matrices into rows `start` to `stop`; a row has one owner and takes its elements in their order."""
    for point in range(start, stop):
        begin = indptr[point]
        for at in range(begin, indptr[point + 1]):
            entries[at] = 0.0
        for use in range(starts[point], starts[point + 1]):
            element, row = uses[use] >> 3, uses[use] & 7
            for node in range(8):
                entries[begin + places[use, node]] += matrices[element, 8 * row + node]
