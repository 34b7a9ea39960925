"""Runs the snippets of one page of documentation, top to bottom, as a reader would: `python snippets.py PAGE`.

`python` blocks are executed, `pycon` blocks compared with what they show, `sh` blocks run by bash. All share one
`__main__` and one working directory. In an `sh` block, `make` is only asked whether it knows the verb: a page that
installs and tests would not end. The first block that fails ends the page with exit code 1.
"""

from __future__ import annotations

import doctest
import os
import re
import subprocess
import sys
import types
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
KINDS = ("python", "pycon", "sh")


def blocks(page: str) -> Iterator[tuple[str, int, str]]:
    """Kind, line number and text of every block on a page that can be run."""
    for found in re.finditer(r"^( *)```(\w+)\n(.*?)^\1```$", page, re.MULTILINE | re.DOTALL):
        if found[2] in KINDS:
            text = "".join(line.removeprefix(found[1]) for line in found[3].splitlines(keepends=True))
            yield found[2], page.count("\n", 0, found.start(3)), text


def run_page(path: Path) -> None:
    """Run every block; what fails raises."""
    main = types.ModuleType("__main__")
    sys.modules["__main__"] = main
    for kind, line, text in blocks(path.read_text(encoding="utf-8")):
        if kind == "python":
            exec(compile("\n" * line + text, str(path), "exec"), main.__dict__)  # noqa: S102 - our own pages
        elif kind == "pycon":
            _compare(path, line, text, main.__dict__)
        else:
            _shell(text)


def _compare(path: Path, line: int, text: str, names: dict[str, object]) -> None:
    examples = doctest.DocTestParser().get_doctest(text, names, path.name, str(path), line)
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    runner.run(examples, clear_globs=False)
    names.update(examples.globs)
    if runner.failures:
        raise AssertionError(f"{path.name} shows something else than what happens")


def _shell(text: str) -> None:
    verbs = re.findall(r"^make ([a-z-]+)", text, re.MULTILINE)
    known = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    if unknown := set(verbs) - set(known):
        raise AssertionError(f"the Makefile has no {', '.join(sorted(unknown))}")
    script = "\n".join(line for line in text.splitlines() if not line.startswith(("make ", "git ", "cd ")))
    here = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    subprocess.run(["bash", "-euo", "pipefail", "-c", script], check=True, env=os.environ | {"PATH": here})


if __name__ == "__main__":
    run_page(Path(sys.argv[1]))
