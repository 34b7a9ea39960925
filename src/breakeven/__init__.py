"""breakeven: parallel Python that measures before it commits.

The front door: names, found when they are asked for (PEP 562). Computes nothing, imports nothing by itself.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from breakeven.engine.sharing import SharedArray
    from breakeven.errors import (
        BackendUnavailable,
        BreakevenError,
        CheckpointMismatch,
        InitializerFailed,
        LedgerUnreadable,
        LedgerVersionError,
        MemoryExceeded,
        RemoteError,
        RemoteTraceback,
        StartFailed,
        TaskTimeout,
        Unpicklable,
        UsageError,
        UsageTypeError,
        WorkerDied,
    )
    from breakeven.executor import imap, map, reduce, shutdown, starmap  # noqa: A004 - the builtin's name, on purpose
    from breakeven.executor.calibration import calibrate, machine_profile
    from breakeven.executor.plan import Plan, plan
    from breakeven.executor.pool import Executor
    from breakeven.model.profile import MachineProfile
    from breakeven.report import Report, load_report
    from breakeven.work import Failure, rng

__version__ = "0.1.0"

__all__ = [
    "BackendUnavailable",
    "BreakevenError",
    "CheckpointMismatch",
    "Executor",
    "Failure",
    "InitializerFailed",
    "LedgerUnreadable",
    "LedgerVersionError",
    "MachineProfile",
    "MemoryExceeded",
    "Plan",
    "RemoteError",
    "RemoteTraceback",
    "Report",
    "SharedArray",
    "StartFailed",
    "TaskTimeout",
    "Unpicklable",
    "UsageError",
    "UsageTypeError",
    "WorkerDied",
    "calibrate",
    "imap",
    "load_report",
    "machine_profile",
    "map",
    "plan",
    "reduce",
    "rng",
    "shutdown",
    "starmap",
]

_ROOMS = {
    "Executor": "executor.pool",
    "Failure": "work",
    "MachineProfile": "model.profile",
    "Plan": "executor.plan",
    "Report": "report",
    "SharedArray": "engine.sharing",
    "calibrate": "executor.calibration",
    "imap": "executor",
    "load_report": "report",
    "machine_profile": "executor.calibration",
    "map": "executor",
    "plan": "executor.plan",
    "reduce": "executor",
    "rng": "work",
    "shutdown": "executor",
    "starmap": "executor",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'breakeven' has no attribute {name!r}")
    module = f"breakeven.{_ROOMS.get(name, 'errors')}"
    import sys

    from breakeven.loading import loading

    with loading():
        __import__(module)

    value = getattr(sys.modules[module], name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
