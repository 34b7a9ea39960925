"""The vocabulary of a ledger: every state a lane can be in, and what kind of time it is.

Rule: a state that is not named here does not exist. Every nanosecond of a lane is in exactly one of its states or in
none, and then it is unexplained. Nothing is computed here and nothing imported, so the recorder reads the tables; it
counts on the order of their states.
"""

from __future__ import annotations

UNEXPLAINED = "unexplained"
"""The time of a lane or of the whole call that no state claims. Derived, never recorded, never spread over the rest."""

PARENT = "parent"
"""The name of the calling process's own lane."""

OWN_WORKER = -1
"""The worker number of a chunk that the parent computed itself."""

PARENT_STATES = {
    "plan": "start",
    "start": "start",
    "input": "caller",
    "dispatch": "engine",
    "serialise": "pickling",
    "send": "transport",
    "send_blocked": "transport",
    "wait": "waiting",
    "receive": "transport",
    "deserialise": "pickling",
    "merge": "engine",
    "compute": "compute",
    "consumer": "caller",
    "stop": "start",
}
"""State of the parent → kind. `input` pulls the caller's iterable, `consumer` is the caller between two results."""

WORKER_STATES = {
    "boot": "start",
    "import": "start",
    "init": "start",
    "idle_before_first": "waiting",
    "receive": "transport",
    "deserialise": "pickling",
    "compute": "compute",
    "serialise": "pickling",
    "send": "transport",
    "idle_starved": "waiting",
    "idle_tail": "waiting",
    "exit": "start",
}
"""State of a worker → kind. `idle_starved` had no chunk to take, `idle_tail` had none left while others still ran."""

COMPUTE_PARTS = ("cpu", "runq", "gil_wait", "blocked")
"""What a lane's compute is made of: on a CPU, queueing for one, queueing for the GIL, blocked on anything else."""

KINDS = ("compute", "pickling", "transport", "engine", "caller", "start", "waiting", UNEXPLAINED)
"""Every kind of time, in the order in which they are shown."""

PATH_KINDS = {"transit": "transport", "start": "start", "plan": "start", "stop": "start", "wait": "waiting"}
"""Critical-path categories that belong to no single lane → kind; all others are written `<lane>.<state>`."""


def kind_of(category: str) -> str:
    """Name the kind of a critical-path category such as `worker.compute` or `transit`; unknown ones are `engine`."""
    lane, _, state = category.rpartition(".")
    if state == UNEXPLAINED:
        return UNEXPLAINED
    if not lane:
        return PATH_KINDS.get(state, "engine")
    states = PARENT_STATES if lane == PARENT else WORKER_STATES
    return states.get(state, "engine")
