"""Every measured library behind one small face, so that an experiment is written once.

A variant is a library with one way of starting it. Only the module of the variant asked for is imported.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from benchmarks.peers.base import Peer

REGISTRY = {
    "breakeven": ("breakeven_api", "Functions", "fork"),
    "breakeven-spawn": ("breakeven_api", "Functions", "spawn"),
    "breakeven-auto": ("breakeven_api", "Auto", ""),
    "breakeven-executor": ("breakeven_api", "Futures", "fork"),
    "breakeven-executor-spawn": ("breakeven_api", "Futures", "spawn"),
    "pool": ("standard", "Pool", "fork"),
    "pool-spawn": ("standard", "Pool", "spawn"),
    "pool-inherit": ("standard", "InheritingPool", "fork"),
    "ppe": ("standard", "ProcessExecutor", "fork"),
    "ppe-spawn": ("standard", "ProcessExecutor", "spawn"),
    "joblib": ("loky_family", "Joblib", ""),
    "loky": ("loky_family", "Loky", ""),
    "mpire": ("light", "Mpire", "fork"),
    "pebble": ("light", "Pebble", "fork"),
    "ray": ("clusters", "Ray", ""),
    "dask": ("clusters", "Dask", ""),
    "bare": ("references", "BareForks", "fork"),
}
"""variant -> module here, class, start method ("" where the library has no such choice)"""


def make(variant: str) -> "Peer":
    """Build a variant, not yet started and with its library not yet imported."""
    module_name, class_name, start_method = REGISTRY[variant]
    module = __import__(f"benchmarks.peers.{module_name}", fromlist=[class_name])
    peer: Peer = getattr(module, class_name)(start_method)
    return peer
