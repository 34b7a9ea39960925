"""`processes-pickle`: every task carries its range, x, y, connectivity, points and weights; every result its triplets.

The method as it is first written, on workers whose death is noticed (decision 0030). What it costs is the point of it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from breakeven.workloads.fem.assembly import packing, tasks
from breakeven.workloads.fem.assembly.effort import BATCH_SIZE, Assembled, Effort, Flow, Watch, batches, summed
from breakeven.workloads.fem.element import STIFFNESS_RULE, VELOCITY_RULE, Floats, Rule
from breakeven.workloads.fem.mesh import Mesh


def matrix(mesh: Mesh, effort: Effort) -> Assembled:
    """Assemble in processes."""
    watch = Watch()
    parts, traffic = packing.run(tasks.packed, _tasks(mesh, effort, STIFFNESS_RULE), effort, name="assemble")
    watch.lap("elements")
    rows, columns, values = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    found = summed(mesh, rows, columns, values)
    watch.lap("convert")
    return Assembled(found, watch.seconds, traffic)


def velocity(mesh: Mesh, potential: Floats, effort: Effort) -> Flow:
    """Differentiate in processes; the potential travels with every task."""
    watch = Watch()
    carried = _tasks(mesh, effort, VELOCITY_RULE, potential)
    parts, traffic = packing.run(tasks.packed, carried, effort, name="velocity")
    means, lengths = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    watch.lap("velocity")
    return Flow(means, lengths, watch.seconds, traffic)


def _tasks(mesh: Mesh, effort: Effort, rule: Rule, *more: Any) -> list[tuple[Any, ...]]:
    x, y = np.ascontiguousarray(mesh.points[:, 0]), np.ascontiguousarray(mesh.points[:, 1])
    carried = (x, y, mesh.quad8, rule.points, rule.weights, *more)
    spans = batches(len(mesh.quad8), effort.batch_size or BATCH_SIZE)
    return [(effort.kernel or "python", start, stop, *carried) for start, stop in spans]
