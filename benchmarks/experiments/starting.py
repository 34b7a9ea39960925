"""From a bare interpreter to the first results: import, two workers, four no-ops.

Never imports anything that a library under measurement might need, or the library would be spared that import.
"""

from benchmarks import tasks
from benchmarks.clock import now

TYPE_CHECKING = False
if TYPE_CHECKING:
    from benchmarks.experiments import Cell


def cold_start(cell: "Cell") -> "dict[str, float | None]":
    """Time the library's import, start and first results together, then its orderly stop."""
    both = cell.options.get("both")
    peer = cell.peer()
    began = now()
    peer.start()
    pids = peer.spread(tasks.brief_pid, (0, 1)) if both else peer.warm(tasks.worker_pid)
    answered = now()
    peer.stop()
    stopped = now()
    return {
        "first_results_ms": (answered - began) * 1e3,
        "stop_ms": (stopped - answered) * 1e3,
        "workers_seen": len(set(pids)),
    }
