"""The files of a library. Lives here: finding Python files below a folder. Never here: opening one."""

from __future__ import annotations

import os
import sysconfig
from pathlib import Path

_INSTALLED = {"site-packages", "dist-packages"}
"""Folders below the standard library that hold what is not of it."""


def standard_library() -> Path:
    """Folder of the running Python's standard library."""
    return Path(sysconfig.get_path("stdlib"))


def python_files(root: Path) -> list[str]:
    """Paths of all `.py` files below a folder, sorted; installed packages and links to folders are left out."""
    found = []
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if name not in _INSTALLED]
        found += [str(Path(folder, name)) for name in names if name.endswith(".py")]
    return sorted(found)
