"""What each variant is called in tables, and the distribution whose version and presence count."""

from __future__ import annotations

from importlib.util import find_spec

from benchmarks.peers import REGISTRY

LABELS = {
    "breakeven": "**breakeven** `map`/`imap`",
    "breakeven-spawn": "**breakeven** `map`, spawn",
    "breakeven-auto": "**breakeven** `map`, auto",
    "breakeven-executor": "**breakeven** `Executor`",
    "breakeven-executor-spawn": "**breakeven** `Executor`, spawn",
    "pool": "multiprocessing.Pool, fork",
    "pool-spawn": "multiprocessing.Pool, spawn",
    "pool-inherit": "Pool, arrays inherited by fork",
    "ppe": "ProcessPoolExecutor, fork",
    "ppe-spawn": "ProcessPoolExecutor, spawn",
    "joblib": "joblib",
    "loky": "loky",
    "mpire": "mpire",
    "pebble": "Pebble",
    "ray": "Ray",
    "dask": "Dask",
    "bare": "*bare forks and pipes*",
}

MODULES = {
    "joblib": "joblib",
    "loky": "loky",
    "mpire": "mpire",
    "pebble": "pebble",
    "ray": "ray",
    "dask": "distributed",
}
"""family -> the module that has to be there; the standard library is, and this checkout is what it is"""

HEAVY = ("ray", "dask")
"""Families measured only with ``--all``."""

REFERENCES = ("bare",)
"""Families that bound what is possible and compete with nobody."""

DISTRIBUTIONS = ("breakeven", "numpy", "cloudpickle", "joblib", "loky", "mpire", "Pebble", "ray", "dask", "distributed")


def family(variant: str) -> str:
    """The library a variant belongs to.

    >>> family("breakeven-executor-spawn"), family("pool")
    ('breakeven', 'pool')
    """
    return variant.partition("-")[0]


def is_peer(variant: str) -> bool:
    """Whether breakeven is compared with it."""
    return family(variant) != "breakeven" and family(variant) not in REFERENCES


def installed(variant: str) -> bool:
    """Whether its library can be imported here."""
    module = MODULES.get(family(variant))
    return module is None or find_spec(module) is not None


FAMILIES = tuple(dict.fromkeys(family(variant) for variant in REGISTRY))
