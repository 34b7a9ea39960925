"""Puts CPython's own `test_concurrent_futures` where the tests find it: `python tests/cpython/fetch.py`.

Lives here: where the suite can be had, tried in order. Never here: what is done with it (`suite`). Nothing is
installed: one module or package is unpacked below `.cache/`, which git ignores. What it finds, in this order:

1. the suite that this Python has in its own `test` package;
2. Debian's `libpython3.x-testsuite` for this version, by `apt-get download`;
3. the same of the version before: the tests of one version mostly hold for the next.

Ends with status 1, and says so, where none of these is to be had.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / ".cache" / "cpython-tests"
NAME = "test_concurrent_futures"
SECONDS = 120  # for each program that is asked


def place() -> Path:
    """Return the folder that the suite for the running Python is, or would be, found in."""
    return CACHE / "{}.{}".format(*sys.version_info)


def found() -> bool:
    """Say whether the suite is there."""
    return any((place() / name).exists() for name in (NAME, f"{NAME}.py"))


def fetch() -> str | None:
    """Put the suite in its place; returns where it came from, or None when it cannot be had."""
    major, minor = sys.version_info[:2]
    source = _from_this_python()
    for version in (f"{major}.{minor}", f"{major}.{minor - 1}"):
        source = source or _from_debian(version)
    if source is not None:
        (CACHE / ".gitignore").write_text("*\n")
    return source


def _from_this_python() -> str | None:
    package = find_spec("test")
    for folder in (package.submodule_search_locations or ()) if package is not None else ():
        for name in (NAME, f"{NAME}.py"):
            if (Path(folder) / name).exists():
                place().mkdir(parents=True, exist_ok=True)
                (place() / name).symlink_to(Path(folder) / name)
                return folder
    return None


def _from_debian(version: str) -> str | None:
    """Unpack the suite from Debian's package, without installing it."""
    package = f"libpython{version}-testsuite"
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        return None
    with tempfile.TemporaryDirectory() as folder:
        download = "apt-get", "-qq", "download", package
        if not _run(folder, *download) and os.geteuid() == 0:  # perhaps no package lists were ever fetched here
            _run(folder, "apt-get", "-qq", "update")
            _run(folder, *download)
        archives = list(Path(folder).glob("*.deb"))
        if not archives or not _run(folder, "dpkg-deb", "-x", str(archives[0]), folder):
            return None
        for name in (NAME, f"{NAME}.py"):
            for suite in Path(folder).glob(f"usr/lib/python*/test/{name}"):
                place().mkdir(parents=True, exist_ok=True)
                shutil.move(suite, place() / name)
                return archives[0].name
    return None


def _run(folder: str, *command: str) -> bool:
    try:
        subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, timeout=SECONDS, check=True)
    except (OSError, subprocess.SubprocessError):
        return False
    return True


def main() -> int:
    """Fetch, unless it is there; returns the exit status."""
    if found():
        return 0
    source = fetch()
    if source is None:
        sys.stderr.write(f"{NAME} is neither in this Python's test package nor to be had from Debian\n")
        return 1
    sys.stdout.write(f"{NAME}: {source} -> {place().relative_to(ROOT)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
