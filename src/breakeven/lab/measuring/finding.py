"""The nouns of the lab: a quantity with its samples, a row of them, and what an instrument found.

Lives here: what is kept of a measurement, and how it is read from and written to plain data. Never here: taking it,
or showing it. Every quantity has a unit and keeps its raw samples, so that any figure can be made again.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from breakeven.lab.measuring.fits import Fit
from breakeven.lab.measuring.statistics import median_interval, quartiles

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from breakeven.lab.measuring.statistics import Interval

VERSION = 1


@dataclass(frozen=True, slots=True)
class Quantity:
    """Samples of one thing in one unit, such as `Quantity("one-way", "µs", (8.1, 8.3, 7.9))`.

    >>> one_way = Quantity("one-way", "µs", (8.1, 8.3, 7.9))
    >>> one_way.median, one_way.n, one_way.low, one_way.high
    (8.1, 3, 7.9, 8.3)
    """

    name: str
    unit: str
    samples: tuple[float, ...]

    @property
    def n(self) -> int:
        """How many samples."""
        return len(self.samples)

    @property
    def interval(self) -> Interval:
        """The median with its 95 % interval by ranks; of fewer than six samples, with their range."""
        return median_interval(self.samples)

    @property
    def median(self) -> float:
        """The median of the samples."""
        return self.interval.value

    @property
    def low(self) -> float:
        """Lower bound of the median."""
        return self.interval.low

    @property
    def high(self) -> float:
        """Upper bound of the median."""
        return self.interval.high

    @property
    def quartiles(self) -> tuple[float, float, float]:
        """First quartile, median and third quartile."""
        return quartiles(self.samples)


@dataclass(frozen=True, slots=True)
class Row:
    """What was measured under one set of labels, such as {"transport": "os.pipe", "size_bytes": 4096}."""

    labels: Mapping[str, str | float]
    quantities: tuple[Quantity, ...]

    def __getitem__(self, name: str) -> Quantity:
        for quantity in self.quantities:
            if quantity.name == name:
                return quantity
        names = ", ".join(quantity.name for quantity in self.quantities)
        raise KeyError(f"no quantity {name!r} in this row; it has {names}")

    def __contains__(self, name: object) -> bool:
        return any(quantity.name == name for quantity in self.quantities)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What an instrument found: rows of quantities, fits by name, the conditions, and one sentence that sums it up.

    `shown` names the quantities that a table shows, all of them where it is empty. `across` = (label, quantity, …) has
    a table lay the values of that label side by side, one table a quantity. `violated` says that a check which the
    instrument makes did not hold. `interrupted` says that it was stopped before it had everything.

    >>> row = Row({"transport": "os.pipe"}, (Quantity("one-way", "µs", (8.1, 8.3, 7.9)),))
    >>> found = Finding(instrument="latency", headline="8.1 µs", conditions={"cpus": 2}, rows=(row,))
    >>> Finding.from_dict(found.to_dict()) == found
    True
    """

    instrument: str
    headline: str
    conditions: Mapping[str, Any]
    rows: tuple[Row, ...]
    fits: Mapping[str, Fit] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    interrupted: bool = False
    violated: bool = False
    shown: tuple[str, ...] = ()
    across: tuple[str, ...] = ()

    def select(self, **labels: str | float) -> tuple[Row, ...]:
        """Rows that carry all of these labels."""
        return tuple(row for row in self.rows if all(row.labels.get(name) == it for name, it in labels.items()))

    def to_dict(self) -> dict[str, Any]:
        """Return plain data, as JSON holds it: each quantity with n, median, interval and raw samples."""
        return {
            "version": VERSION,
            "instrument": self.instrument,
            "headline": self.headline,
            "conditions": dict(self.conditions),
            "rows": [
                {"labels": dict(row.labels), "quantities": [_quantity_to(one) for one in row.quantities]}
                for row in self.rows
            ],
            "fits": {name: fit.to_dict() for name, fit in self.fits.items()},
            "notes": list(self.notes),
            "interrupted": self.interrupted,
            "violated": self.violated,
            "shown": list(self.shown),
            "across": list(self.across),
        }

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Finding:
        """Read what `to_dict` wrote. Raises `ValueError` for another version."""
        if plain.get("version") != VERSION:
            raise ValueError(
                f"this finding has version {plain.get('version')!r}, and {VERSION} can be read; measure again"
            )
        return cls(
            instrument=plain["instrument"],
            headline=plain["headline"],
            conditions=plain["conditions"],
            rows=tuple(Row(row["labels"], tuple(map(_quantity_from, row["quantities"]))) for row in plain["rows"]),
            fits={name: Fit.from_dict(fit) for name, fit in plain["fits"].items()},
            notes=tuple(plain["notes"]),
            interrupted=plain["interrupted"],
            violated=plain["violated"],
            shown=tuple(plain["shown"]),
            across=tuple(plain["across"]),
        )


def _quantity_to(quantity: Quantity) -> dict[str, Any]:
    interval = quantity.interval
    bounds = {"median": interval.value, "low": interval.low, "high": interval.high}
    return {
        "name": quantity.name,
        "unit": quantity.unit,
        "n": quantity.n,
        **{name: value if math.isfinite(value) else None for name, value in bounds.items()},
        "covers": interval.covers,
        "samples": list(quantity.samples),
    }


def _quantity_from(plain: Mapping[str, Any]) -> Quantity:
    return Quantity(plain["name"], plain["unit"], tuple(plain["samples"]))
