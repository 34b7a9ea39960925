"""The machine's profile on disk: where it lies, whether it is still of this machine, how it is read and replaced.

Lives here: the file. Never here: what the figures mean (`model.profile`), or how they are measured
(`executor.calibration`).
The file holds a line a figure, so that reading it loads no parser: importing `json` alone takes 7 ms, which is more
than the decision that asks for the profile.
"""

from __future__ import annotations

import os
import sys

from breakeven.probes.capacity import cpu_quota, usable_cpus
from breakeven.probes.kernel import read_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any


def machine_key() -> str:
    """What a profile is true of: CPU model, kernel, Python build, usable CPUs and quota."""
    release = os.uname() if hasattr(os, "uname") else None
    model = ""
    for line in (read_text("/proc/cpuinfo") or "").splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    quota = cpu_quota()
    return "; ".join(
        (
            model or sys.platform,
            f"{release.sysname} {release.release}" if release else sys.platform,
            f"{sys.implementation.name} {'.'.join(map(str, sys.version_info[:3]))}",
            f"{usable_cpus()} CPUs" + ("" if quota is None else f", quota {quota:g}"),
        )
    )


def profile_path() -> str:
    """Where the profile lies: `$BREAKEVEN_PROFILE`, or breakeven/profile in the user's cache directory."""
    named = os.environ.get("BREAKEVEN_PROFILE")
    if named:
        return named
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")  # noqa: PTH111, PTH118 - pathlib is slow to import
    return f"{base}/breakeven/profile"


def read_profile(path: str) -> dict[str, Any] | None:
    """The plain data of a profile, None where there is none that can be read."""
    text = read_text(path)
    if text is None:
        return None
    plain: dict[str, Any] = {}
    try:
        for line in text.splitlines():
            name, _, value = line.partition(" = ")
            _put(plain, name.split("."), _value(value))
    except (ValueError, IndexError, AttributeError, TypeError):
        return None
    return plain


def write_profile(path: str, plain: Mapping[str, Any]) -> None:
    """Replace the profile, whole or not at all; raises OSError where that cannot be done."""
    folder = os.path.dirname(path)  # noqa: PTH120
    if folder:
        os.makedirs(folder, exist_ok=True)  # noqa: PTH103
    beside = f"{path}.{os.getpid()}"
    try:
        with open(beside, "w", encoding="utf-8") as file:  # noqa: PTH123
            file.writelines(f"{name} = {value!r}\n" for name, value in _flat("", plain))
        os.replace(beside, path)  # noqa: PTH105
    except OSError:
        if os.path.exists(beside):  # noqa: PTH110
            os.unlink(beside)  # noqa: PTH108
        raise


def _flat(prefix: str, value: Any) -> list[tuple[str, Any]]:
    if isinstance(value, dict):
        pairs = [(str(name), inner) for name, inner in value.items()]
    elif isinstance(value, list | tuple):
        pairs = [(str(at), inner) for at, inner in enumerate(value)]
    else:
        return [(prefix, value)]
    flat: list[tuple[str, Any]] = []
    for name, inner in pairs:
        flat += _flat(f"{prefix}.{name}" if prefix else name, inner)
    return flat


def _value(text: str) -> str | int | float:
    if text[:1] in "'\"":
        return text[1:-1]
    try:
        return int(text)
    except ValueError:
        return float(text)


def _put(plain: dict[str, Any], path: list[str], value: Any) -> None:
    """Put a figure where its dotted name says; numbered names make lists."""
    here: Any = plain
    for at, name in enumerate(path[:-1]):
        inner: Any = [] if path[at + 1].isdigit() else {}
        if isinstance(here, list):
            if int(name) == len(here):
                here.append(inner)
            here = here[int(name)]
        else:
            here = here.setdefault(name, inner)
    if isinstance(here, list):
        here.append(value)
    else:
        here[path[-1]] = value
