"""`processes-initializer`: the mesh is sent once a worker, at its start; a task is two numbers, its result triplets."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np

from breakeven.workloads.fem.assembly import packing, tasks
from breakeven.workloads.fem.assembly.effort import BATCH_SIZE, Assembled, Effort, Flow, Traffic, Watch, batches, summed
from breakeven.workloads.fem.element import STIFFNESS_RULE, VELOCITY_RULE, Floats, Rule, gradients
from breakeven.workloads.fem.mesh import Mesh


def matrix(mesh: Mesh, effort: Effort) -> Assembled:
    """Assemble in processes."""
    watch = Watch()
    parts, traffic = _run(mesh, effort, STIFFNESS_RULE, None)
    watch.lap("elements")
    rows, columns, values = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    found = summed(mesh, rows, columns, values)
    watch.lap("convert")
    return Assembled(found, watch.seconds, traffic)


def velocity(mesh: Mesh, potential: Floats, effort: Effort) -> Flow:
    """Differentiate in processes; the potential is sent once a worker."""
    watch = Watch()
    parts, traffic = _run(mesh, effort, VELOCITY_RULE, potential)
    means, lengths = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    watch.lap("velocity")
    return Flow(means, lengths, watch.seconds, traffic)


def _run(mesh: Mesh, effort: Effort, rule: Rule, potential: Floats | None) -> tuple[list[Any], Traffic]:
    kept = {
        "kernel": effort.kernel or "python",
        "points": mesh.points,
        "quad8": mesh.quad8,
        "slopes": gradients(rule.points),
        "weights": rule.weights,
        "potential": potential,
    }
    message = pickle.dumps(kept, pickle.HIGHEST_PROTOCOL)
    spans = batches(len(mesh.quad8), effort.batch_size or BATCH_SIZE)
    return packing.run(
        tasks.remembered,
        list(spans),
        effort,
        sent_before=len(message),
        initializer=tasks.remember,
        initargs=(message,),
        name="assemble" if potential is None else "velocity",
    )
