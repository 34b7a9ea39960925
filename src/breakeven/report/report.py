"""The face of a ledger that users hold: `results.report`, `executor.report`, `load_report`.

Lives here: names and delegation. Never here: arithmetic (`ledger`) or layout (its neighbours), which are imported when
they are asked for.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from breakeven.ledger import efficiency, store

if TYPE_CHECKING:
    import os

    from breakeven.ledger.account import Efficiency, FailedItem, Lane, Ledger


class Report:
    """Where every second of a run went.

    Printed it is `table()`. Figures are attributes; the whole record is `ledger`.
    """

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger

    @classmethod
    def from_recording(cls, recording: Mapping[str, object]) -> Report:
        """Make the report of a run that has just been recorded here.

        Raises `LedgerUnreadable` where the recording contradicts itself.
        """
        return cls(store.from_dict(recording))

    @property
    def seconds(self) -> float:
        """Wall-clock seconds from entry to return."""
        return self.ledger.seconds

    @property
    def speedup_estimate(self) -> float | None:
        """How many times as fast as serial this run was, by its own account; None where no time passed.

        Serial seconds are the run's own estimate where it has one, else the useful compute of all lanes. Only a serial
        run measures it: `breakeven compare` does.
        """
        return self.ledger.speedup_estimate

    @property
    def lanes(self) -> tuple[Lane, ...]:
        """The parent, then the workers, each with its seconds by state."""
        return self.ledger.all_lanes

    @property
    def critical_path(self) -> dict[str, float]:
        """Category → elapsed seconds, `unexplained` included; they sum to `seconds`."""
        return self.ledger.critical_path

    @cached_property
    def efficiency(self) -> Efficiency | None:
        """The POP factors, or None where nothing was computed."""
        return efficiency.efficiency_of(self.ledger)

    @property
    def failures(self) -> tuple[FailedItem, ...]:
        """The items that have no result."""
        return self.ledger.failures

    @property
    def forecast(self) -> Mapping[str, object] | None:
        """What `auto` or a plan forecast for this run, as plain data; None where nothing was forecast.

        `chosen` and each of `candidates` hold title, backend, workers, start_method, seconds with low_seconds and
        high_seconds (an 80 % interval), memory_bytes and the dominant term; `reason` says why, `moves` where the
        run went and when.
        """
        return self.ledger.forecast

    @property
    def forecast_error(self) -> float | None:
        """How far off the forecast was: forecast over measured seconds, less 1; None where nothing was forecast."""
        return self.ledger.forecast_error

    def what_if(self) -> dict[str, float]:
        """Seconds that this run would have taken had one cost been nothing, from a replay of its chunks.

        Empty where no chunk went to a worker.
        """
        from breakeven.ledger.whatif import what_if

        return what_if(self.ledger)

    def table(self) -> str:
        """Return the report as about a dozen lines of plain text, none longer than 100 columns."""
        from breakeven.report.table import table_of

        return table_of(self.ledger, self.efficiency)

    def to_dict(self) -> dict[str, Any]:
        """Return everything as what JSON can hold: the saved record, and what follows from it under `derived`."""
        factors = self.efficiency
        return {
            **store.to_dict(self.ledger),
            "derived": {
                "speedup_estimate": self.speedup_estimate,
                "unexplained_seconds": self.ledger.unexplained_seconds,
                "lanes_unexplained_seconds": [lane.unexplained_seconds for lane in self.lanes],
                "useful_seconds": self.ledger.useful_seconds,
                "efficiency": None if factors is None else factors.to_dict(),
            },
        }

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the record to a JSON file, whole or not at all; `load_report` reads it."""
        store.save(self.ledger, path)

    def to_trace(self, path: str | os.PathLike[str]) -> None:
        """Write a trace that https://ui.perfetto.dev and Chrome's about:tracing open."""
        from breakeven.report.trace import trace_of

        store.write_whole(path, json.dumps(trace_of(self.ledger), allow_nan=False))

    def to_html(self, path: str | os.PathLike[str]) -> None:
        """Write one self-contained page with a picture of the lanes; it needs no network and runs no script."""
        from breakeven.report.page import page_of

        store.write_whole(path, page_of(self.ledger, self.efficiency))

    def __str__(self) -> str:
        return self.table()

    def __repr__(self) -> str:
        ledger = self.ledger
        return f"<Report of {ledger.name!r}: {ledger.items} items in {ledger.seconds:.6g} s on {ledger.backend}>"

    def _repr_pretty_(self, printer: Any, _cycle: bool) -> None:  # noqa: FBT001 - as IPython calls it
        """What IPython and notebooks show of it: the table."""
        printer.text(str(self))


def load_report(path: str | os.PathLike[str]) -> Report:
    """Read a report that `Report.save` wrote; the file is data, and reading it runs none of it.

    Raises `OSError` where it cannot be read, `LedgerVersionError` where it is of another version of the format,
    `LedgerUnreadable` where it is no ledger.
    """
    return Report(store.load(path))
