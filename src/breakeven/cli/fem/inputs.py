"""Words of the command line → meshes, conditions, options. Lives here: reading them. Never here: computing."""

from __future__ import annotations

import json
from pathlib import Path

from breakeven.cli.exits import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from typing import Any


def mesh_arguments(parser: argparse.ArgumentParser) -> None:
    """Add where a mesh comes from."""
    parser.add_argument(
        "mesh",
        metavar="MESH|GENERATOR",
        nargs="?",
        help="a mesh file, a drawing (.geo, needs gmsh), or the name of a generator",
    )
    parser.add_argument("--case", metavar="NAME", help="a named case: a generator's mesh with conditions on it")
    parser.add_argument(
        "--set",
        metavar="KEY=VALUE",
        action="append",
        default=[],
        dest="parameters",
        help="a parameter of the generator, case or drawing; may be given again",
    )
    parser.add_argument(
        "--drop-triangles", action="store_true", help="leave out a file's triangles, which leaves holes"
    )


def effort_arguments(parser: argparse.ArgumentParser) -> None:
    """Add how the work may be spread."""
    parser.add_argument("--max-workers", metavar="N", type=int, help="default: the CPUs this process may use")
    parser.add_argument("--batch-size", metavar="N", type=int, help="elements a task; default: the implementation's")
    parser.add_argument("--chunksize", metavar="N", type=int, help="tasks a message; default: a quarter of a share")
    parser.add_argument("--start-method", choices=("fork", "forkserver", "spawn"), help="how processes start")
    parser.add_argument("--kernel", choices=("python", "numpy"), help="what threads and processes compute with")


def effort_options(options: argparse.Namespace) -> dict[str, Any]:
    """Those of `effort_arguments`, as the workload names them."""
    names = ("max_workers", "batch_size", "chunksize", "start_method", "kernel")
    return {name: getattr(options, name) for name in names}


def parameters(words: list[str]) -> dict[str, Any]:
    """KEY=VALUE words; a value is JSON where it reads as JSON, else text.

    >>> parameters(["nx=30", "naca=0012", "length=.5"])
    {'nx': 30, 'naca': '0012', 'length': 0.5}
    """
    found = {}
    for word in words:
        key, equals, text = word.partition("=")
        if not equals or not key:
            raise UsageError(f"--set {word} is not KEY=VALUE")
        found[key.replace("-", "_")] = _value(key, text)
    return found


def _value(key: str, text: str) -> Any:
    if key == "naca":  # 0012 is a name, not a number
        return text
    for read in (json.loads, float):  # JSON knows no .5
        try:
            return read(text)
        except ValueError:
            continue
    return text


def mesh_of(options: argparse.Namespace) -> Any:
    """The mesh that was asked for, without conditions."""
    from breakeven.workloads import fem

    given = parameters(options.parameters)
    if options.case is not None:
        return fem.case(_case_name(options), **given)[0]
    source = _source(options)
    return _made(source, given) if _is_generator(source) else _file(source, given, options)


def _made(name: str, given: dict[str, Any]) -> Any:
    """The mesh of a generator, or of a case that goes by another name than its generator."""
    from breakeven.workloads import fem

    return fem.generate(name, **given) if name.replace("_", "-") in fem.GENERATORS else fem.case(name, **given)[0]


def flow_of(options: argparse.Namespace) -> tuple[Any, list[Any], str]:
    """Mesh, conditions, and the name of the case where there is one."""
    from breakeven.workloads import fem

    given = parameters(options.parameters)
    own = conditions(options)
    source = options.mesh
    if options.case is None and source is not None and not _is_generator(source):
        mesh = _file(source, given, options)
        return mesh, own or _usual(mesh, source), ""
    name = _case_name(options) if options.case is not None else _source(options)
    if own:
        return (fem.case(name, **given)[0] if options.case is not None else _made(name, given)), own, ""
    if name == "ogrid":
        raise UsageError("ogrid is a mesh without a case; give conditions, or solve cylinder")
    mesh, found = fem.case(name, **given)
    return mesh, found, name.replace("_", "-")


def conditions(options: argparse.Namespace) -> list[Any]:
    """What --dirichlet, --flux and --robin say, in that order."""
    from breakeven.workloads import fem

    found: list[Any] = []
    for kind, words in ((fem.Dirichlet, options.dirichlet), (fem.Flux, options.flux)):
        for word in words:
            name, numbers = _named(word, 1)
            found.append(kind(name, *numbers))
    for word in options.robin:
        name, numbers = _named(word, 2)
        found.append(fem.Robin(name, *numbers))
    return found


def _named(word: str, count: int) -> tuple[str, list[float]]:
    name, equals, text = word.rpartition("=")
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if not equals or not name or len(numbers) != count:
        shape = "NAME=VALUE" if count == 1 else "NAME=COEFFICIENT,VALUE"
        raise UsageError(f"{word!r} is not {shape}")
    return name, numbers


def _usual(mesh: Any, source: str) -> list[Any]:
    """What a mesh with an inlet and an outlet is for, where nothing else was said."""
    from breakeven.workloads import fem
    from breakeven.workloads.fem.cases import INFLOW

    if {"inlet", "outlet"} <= set(mesh.boundaries):
        return [fem.Flux("inlet", INFLOW), fem.Dirichlet("outlet", 0.0)]
    names = ", ".join(mesh.boundaries)
    raise UsageError(f"{source} has no inlet and outlet but {names}; say what holds there: --dirichlet NAME=VALUE …")


def _case_name(options: argparse.Namespace) -> str:
    from breakeven.workloads import fem

    name: str = options.case
    known = fem.CASES.get(name.replace("_", "-"))
    if known is not None and options.mesh is not None and _is_generator(options.mesh):
        asked = options.mesh.replace("_", "-")
        if asked not in {known.generator, name}:
            raise UsageError(f"case {name} is one of the generator {known.generator}, not of {options.mesh}")
    elif known is not None and options.mesh is not None:
        raise UsageError(f"--case {name} brings its own mesh; leave {options.mesh} out, or give conditions by name")
    return name


def _source(options: argparse.Namespace) -> str:
    if options.mesh is None:
        raise UsageError("name a mesh file, a generator, or a --case")
    return str(options.mesh)


def _is_generator(source: str) -> bool:
    from breakeven.workloads import fem

    name = source.replace("_", "-")
    if name in fem.GENERATORS or name in fem.CASES:
        return True
    if not Path(source).suffix and not Path(source).exists():
        raise UsageError(f"{source} is neither a file nor a generator; there are {', '.join(fem.GENERATORS)}")
    return False


def _file(source: str, given: dict[str, Any], options: argparse.Namespace) -> Any:
    from breakeven.workloads import fem

    if given and Path(source).suffix.lower() != ".geo":
        raise UsageError(f"--set {next(iter(given))} is for generators and drawings (.geo); {source} is a mesh")
    return fem.read(source, drop_triangles=options.drop_triangles, **given)


def writable(path: str | None) -> None:
    """Refuse a place that cannot be written before the work, not after it."""
    if path is not None and not Path(path).absolute().parent.is_dir():
        raise UsageError(f"{path} cannot be written: there is no folder {Path(path).parent}")


def rounds_of(options: argparse.Namespace) -> int:
    """How often everything is measured."""
    rounds: int = options.rounds
    if rounds < 1:
        raise UsageError(f"--rounds {rounds} is less than 1")
    return rounds
