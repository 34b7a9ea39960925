"""`breakeven fem`: solve, mesh, compare, scaling, as a user types them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from breakeven.workloads import fem
from tests.cli.program import breakeven

PROMISED = {
    "nodes",
    "elements",
    "nnz",
    "implementation",
    "stage_seconds",
    "iterations",
    "relative_residual",
    "mass_imbalance",
    "u_min",
    "u_max",
    "speed_min",
    "speed_max",
    "pressure_min",
    "pressure_max",
}


def figures(*words: str, cwd: Path) -> Any:
    """What a command prints with --json."""
    done = breakeven("fem", *words, "--json", cwd=cwd)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_case_is_solved_and_every_promised_figure_printed(tmp_path: Path) -> None:
    """The patch test, end to end."""
    words = ("solve", "channel", "--case", "patch", "--set", "nx=12", "--set", "ny=4", "--implementation", "numpy")
    found = figures(*words, cwd=tmp_path)
    assert set(found) >= PROMISED
    assert (found["nodes"], found["elements"], found["implementation"]) == (177, 48, "numpy")
    assert found["u_max"] == pytest.approx(7.5, abs=1e-11)
    assert found["speed_min"] == pytest.approx(2.5, abs=1e-11)
    assert found["pressure_max"] == pytest.approx(101_325.0, abs=1e-8)
    assert found["max_error"] < 1e-11
    assert found["iterations"] > 0
    stages = {"load", "assemble", "boundary", "solve", "velocity", "pressure"}
    assert stages <= set(found["stage_seconds"])


def test_a_file_is_solved_written_and_drawn(tmp_path: Path) -> None:
    """Conditions by boundary name; a file with inlet and outlet needs none."""
    mesh = figures("mesh", "venturi", "--set", "nx=24", "--set", "ny=8", "--out", "v.h5", cwd=tmp_path)
    assert mesh["boundaries"] == {"inlet": 8, "outlet": 8, "wall": 48}
    usual = figures("solve", "v.h5", "--vtu", "v.vtu", "--picture", "v.png", cwd=tmp_path)
    asked = figures("solve", "v.h5", "--flux", "inlet=2.5", "--dirichlet", "outlet=0", cwd=tmp_path)
    assert usual["u_max"] == pytest.approx(asked["u_max"], rel=1e-12)
    assert (tmp_path / "v.vtu").stat().st_size > 10_000
    assert (tmp_path / "v.png").read_bytes().startswith(b"\x89PNG")


def test_a_case_may_be_named_wherever_a_generator_may(tmp_path: Path) -> None:
    """Where only its mesh is asked for, too; and other conditions than its own may be given."""
    mesh = figures("mesh", "nafems_t4", "--set", "nx=2", "--set", "ny=3", cwd=tmp_path)
    assert mesh["elements"] == 6
    words = ("solve", "nafems-t4", "--set", "nx=2", "--set", "ny=3", "--dirichlet", "air=1", "--dirichlet", "base=5")
    assert figures(*words, cwd=tmp_path)["u_max"] == 5.0


def test_words_for_people_tell_the_same(tmp_path: Path) -> None:
    """Without --json."""
    done = breakeven("fem", "solve", "cylinder", "--set", "radial=6", "--set", "around=16", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "320 nodes, 96 elements" in done.stdout
    assert "mass imbalance" in done.stdout
    listed = breakeven("fem", "mesh", cwd=tmp_path)
    assert all(name in listed.stdout for name in (*fem.GENERATORS, *fem.CASES))


def test_compare_holds_implementations_against_one_another(tmp_path: Path) -> None:
    """Exit code 0 says that they agree."""
    words = ("compare", "channel", "--set", "nx=12", "--rounds", "1", "--max-workers", "2")
    found = figures(*words, "--implementations", "python,processes-shared,numpy", cwd=tmp_path)
    assert found["agree"]
    assert [one["name"] for one in found["implementations"]] == ["python", "processes-shared", "numpy"]
    table = breakeven("fem", *words, "--implementations", "numpy,processes-pickle", cwd=tmp_path)
    assert table.returncode == 0, table.stderr
    assert "processes-pickle" in table.stdout


def test_heat_is_told_in_degrees_and_has_no_pressure(tmp_path: Path) -> None:
    """What flows and presses in the other cases would be nonsense of a plate."""
    done = breakeven("fem", "solve", "nafems-t4", "--picture", "plate.svg", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "100            °C" in done.stdout
    assert "pressure" not in done.stdout.partition("\nload ")[0]
    assert "m²/s" not in done.stdout
    assert (tmp_path / "plate.svg").stat().st_size > 5000


def test_scaling_prints_its_table_and_model(tmp_path: Path) -> None:
    """Small enough for a test, real all the same."""
    words = ("scaling", "--elements", "100", "--batch-sizes", "20,50", "--rounds", "1", "--max-workers", "2")
    done = breakeven("fem", *words, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "model: T = " in done.stdout
    assert "break-even on 2 workers" in done.stdout
    found = figures(*words, cwd=tmp_path)
    assert [run["tasks"] for run in found["runs"][::2]] == [5, 4, 2]


@pytest.mark.parametrize(
    "words, told",
    [
        (("solve",), "name a mesh file"),
        (("solve", "tube"), "neither a file nor a generator; there are channel"),
        (("solve", "none.h5"), "no file none.h5"),
        (("solve", "channel", "--set", "nx"), "is not KEY=VALUE"),
        (("solve", "channel", "--set", "nz=1"), "no parameter nz"),
        (("solve", "channel", "--set", "inflow=fast"), "inflow is 'fast'"),
        (("solve", "channel", "--flux", "inlet"), "is not NAME=VALUE"),
        (("solve", "channel", "--flux", "inlet=1"), "no Dirichlet or Robin"),
        (("solve", "channel", "--dirichlet", "door=1"), "no boundary 'door'"),
        (("solve", "venturi", "--case", "patch"), "case patch is one of the generator channel"),
        (("solve", "channel", "--picture", "no/where.png"), "no folder"),
        (("solve", "channel", "--implementation", "cuda"), "no implementation 'cuda'"),
        (("solve", "channel", "--solver", "lu"), "no solver 'lu'"),
        (("solve", "ogrid"), "without a case"),
        (("mesh", "channel", "--out", "mesh.doc"), "cannot be written"),
        (("compare", "channel", "--rounds", "0"), "less than 1"),
        (("scaling", "--batch-sizes", "a"), "no list of whole numbers"),
        (("scaling", "--implementation", "numpy"), "moves nothing"),
    ],
)
def test_wrong_usage_is_told_in_one_line(words: tuple[str, ...], told: str, tmp_path: Path) -> None:
    """Exit code 2, no traceback, and what to change."""
    done = breakeven("fem", *words, cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    assert told in done.stderr
    assert "Traceback" not in done.stderr


def test_a_mesh_with_other_names_asks_for_conditions(tmp_path: Path) -> None:
    """Rather than guessing what flows where."""
    mesh = fem.generate("l-shape", n=2)
    fem.write(tmp_path / "l.npz", mesh)
    done = breakeven("fem", "solve", "l.npz", cwd=tmp_path)
    assert done.returncode == 2
    assert "has no inlet and outlet but rim" in done.stderr
    done = breakeven("fem", "solve", "l.npz", "--robin", "rim=1,2", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
