"""Comparison, scaling and pictures: what they say of real runs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.image import imread

from breakeven.workloads import fem
from breakeven.workloads.fem.assembly import Effort
from breakeven.workloads.fem.comparison import compare
from breakeven.workloads.fem.costs import Model, crossing, fit, middles, share
from breakeven.workloads.fem.pictures import PANELS, _around_body, _median, draw, draw_mesh
from breakeven.workloads.fem.scaling import scaling
from breakeven.workloads.fem.streams import stream_function
from tests.workloads.fem.shapes import curved


@pytest.fixture(scope="module", autouse=True)
def _fonts_are_open(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Draw once: matplotlib keeps the fonts it has read open until the program ends, which is no leak of ours."""
    draw_mesh(curved(1), tmp_path_factory.mktemp("fonts") / "first.png", title="fonts")


def test_all_implementations_agree_and_their_figures_are_there() -> None:
    """Bytes only where something moves, memory only where there are workers, compile time apart."""
    mesh = curved(20)
    rows = {row.name: row for row in compare(mesh, Effort(2, 100), rounds=1)}
    assert list(rows) == list(fem.IMPLEMENTATIONS)
    assert all(row.agrees for row in rows.values())
    assert all(row.identical for row in rows.values())
    assert rows["python"].speedup == 1.0
    assert rows["auto"].chosen == "numba-csr"
    for name, row in rows.items():
        moves = name.startswith("processes")
        assert (row.traffic.messages_out > 0) is moves
        assert (row.velocity_traffic.messages_out > 0) is moves
        assert (row.worker_bytes is not None) is moves
        assert "compile" not in row.parts
    assert rows["processes-pickle"].traffic.payload_out_bytes > rows["processes-shared"].traffic.payload_out_bytes


def test_an_implementation_that_differs_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A comparison that cannot fail would be none."""
    from breakeven.workloads.fem.kernels import arrays

    right = arrays.stiffness

    def wrong(*given: Any) -> Any:
        found = right(*given)
        found *= 1 + 1e-9
        return found

    monkeypatch.setattr(arrays, "stiffness", wrong)
    rows = compare(curved(4), Effort(1), ["python", "numpy"], rounds=1)
    assert [row.agrees for row in rows] == [True, False]


def test_the_scaling_table_counts_what_moves_and_fits_a_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every batch size on every number of workers, and sizes between them that the model has not seen."""
    from breakeven.workloads.fem import scaling as room

    # After one round on a busy machine the model may expect the break-even anywhere.
    monkeypatch.setattr(room, "_LONGEST_TRIAL_SECONDS", 0.1)
    found = scaling(curved(16), batch_sizes=(16, 64), workers=(1, 2), rounds=1)
    assert [(run.batch_size, run.workers, run.fitted) for run in found.runs] == [
        (size, workers, size != 32) for size in (16, 32, 64) for workers in (1, 2)
    ]
    assert [run.messages for run in found.runs[::2]] == [2 * 16, 2 * 8, 2 * 4]
    assert found.runs[0].moved_bytes > found.runs[2].moved_bytes > found.runs[4].moved_bytes
    assert found.runs[1].share == pytest.approx(0.5)
    assert found.held_out_error is not None
    assert set(found.break_even) == {"workers", "predicted_elements", "found_elements", "tried"}
    with pytest.raises(fem.ConditionError, match="moves nothing"):
        scaling(curved(2), "numpy")


def test_a_model_gives_back_the_costs_that_made_the_times() -> None:
    """Start, message, byte of the parent and of the workers, and contention, from sixteen exact times."""
    true = Model(4.0, 0.05, 0.002, 3e-9, 5e-9, 0.1)
    rows = []
    for workers in (1, 2, 3, 4):
        for messages, moved in ((10, 10**7), (40, 10**7), (200, 10**8), (10, 10**8)):
            part = 1 / workers + 0.01
            rows.append((workers, part, messages, moved, true.seconds(workers, part, messages, moved)))
    found = fit(4.0, rows)
    assert found.start_seconds == pytest.approx(0.05)
    assert found.message_seconds == pytest.approx(0.002)
    assert found.byte_seconds == pytest.approx(3e-9)
    assert found.worker_byte_seconds == pytest.approx(5e-9)
    assert found.contention == pytest.approx(0.1)


def test_a_busy_round_is_compared_with_itself() -> None:
    """Rounds three times as slow, and single figures that were disturbed, leave the middles where they are."""
    true = np.array([1.0, 2.0, 5.0, 0.3])
    rounds = true * np.array([[1.0], [3.0], [1.01], [0.99], [3.1], [1.0], [2.9]])
    rounds[2, 1] *= 4
    rounds[5, 0] *= 2
    found = middles(rounds)
    assert found.seconds == pytest.approx(true * (found.seconds[2] / 5.0), rel=1e-9)
    assert found.uncertainty < 0.05
    noisy = true * np.exp(np.random.default_rng(1).normal(0, 0.5, (3, 4)))
    assert middles(noisy).uncertainty > 0.05


def test_rounds_go_on_until_the_figures_settle(monkeypatch: pytest.MonkeyPatch) -> None:
    """Up to four times as many as were asked for; the table says how many were made."""
    from breakeven.workloads.fem import scaling as room

    for settled, rounds in ((1e9, 3), (-1.0, 12)):
        monkeypatch.setattr(room, "_SETTLED", settled)
        found = scaling(curved(4), batch_sizes=(8,), workers=(1,), rounds=3)
        assert found.rounds == rounds
        assert {len(run.seconds) for run in found.runs} == {rounds}


def test_the_busiest_workers_share_follows_from_the_batches() -> None:
    """Three batches on two workers: one of them gets two."""
    assert share(300, 100, 2) == pytest.approx(2 / 3)
    assert share(300, 1000, 2) == 1.0
    assert share(300, 1, 3) == pytest.approx(1 / 3)


def test_workers_that_never_pay_have_no_break_even() -> None:
    """Nor do those that always do."""
    slow = [{"elements": 10**n, "serial_seconds": 1.0, "parallel_seconds": 2.0} for n in (1, 2, 3)]
    assert crossing(slow) is None
    fast = [{"elements": 10**n, "serial_seconds": 2.0, "parallel_seconds": 1.0} for n in (1, 2, 3)]
    assert crossing(fast) is None


def test_no_implementation_is_timed_with_an_import_that_all_need() -> None:
    """In a fresh program scipy is there before the first is called."""
    program = (
        "import sys\n"
        "from breakeven.workloads import fem\n"
        "from breakeven.workloads.fem.assembly import Effort\n"
        "from breakeven.workloads.fem.comparison import compare\n"
        "mesh = fem.generate('channel', nx=2, ny=1)\n"
        "compare(mesh, Effort(1), ['numpy'], 1, lambda _: print('scipy.sparse' in sys.modules))\n"
    )
    run = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert run.stdout.split()[0] == "True"


@pytest.mark.parametrize("suffix", [".png", ".svg"])
def test_a_solution_is_drawn_with_all_its_panels(suffix: str, tmp_path: Path) -> None:
    """A picture that is a picture, of a real flow; another window and a stream function too."""
    mesh, conditions = fem.case("cylinder", radial=6, around=16)
    solution = fem.solve(mesh, conditions)
    file = draw(solution, tmp_path / f"flow{suffix}", title="cylinder")
    head = file.read_bytes()[:400]
    assert head.startswith(b"\x89PNG") if suffix == ".png" else b"<svg" in head or b"<?xml" in head
    text = file.read_text(errors="replace") if suffix == ".svg" else ""
    assert suffix == ".png" or len(text) > 10_000
    near = draw(solution, tmp_path / f"near{suffix}", panels=PANELS[1:3], window=(-2, 2, -1, 1), stream=True)
    assert near.stat().st_size > 5000


def test_pressure_is_coloured_about_the_free_streams() -> None:
    """Its median by area: small elements around a body count for as little as they cover."""
    mesh, conditions = fem.case("cylinder")
    solution = fem.solve(mesh, conditions)
    usual = _median(solution.pressure, mesh.points[mesh.quad8[:, [0, 4, 1, 5, 2, 6, 3, 7]]])
    free = float(solution.pressure[solution.speed.argsort()[-1]] + 0.6125 * (solution.speed.max() ** 2 - 1))
    assert usual == pytest.approx(free, abs=0.01)
    assert abs(np.median(solution.pressure) - free) > abs(usual - free)


def test_a_small_body_is_shown_large() -> None:
    """With as much again on all its sides; a mesh without one, or with a large one, is shown whole."""
    assert _around_body(fem.generate("cylinder")) == pytest.approx((-3, 3, -3, 3))
    assert _around_body(fem.generate("cylinder", outer_radius=2.0)) is None
    assert _around_body(fem.generate("elbow")) is None


def test_uniform_flow_and_meshes_are_drawn_too(tmp_path: Path) -> None:
    """Fields without any change have no range to colour, and must not stop the picture."""
    mesh, conditions = fem.case("patch", nx=6, ny=2)
    assert draw(fem.solve(mesh, conditions), tmp_path / "flat.png").stat().st_size > 5000
    assert draw_mesh(mesh, tmp_path / "mesh.png", title="patch").stat().st_size > 5000
    with pytest.raises(fem.MeshError, match="no panel"):
        draw(fem.solve(mesh, conditions), tmp_path / "flat.png", panels=("sound",))
    with pytest.raises(fem.MeshError, match="cannot be drawn"):
        draw_mesh(mesh, tmp_path / "mesh.xyz")


@pytest.mark.parametrize("length, width", [(40.0, 1.0), (3.0, 1.2), (0.5, 20.0)])
def test_nothing_is_cut_off_whatever_the_shape(length: float, width: float, tmp_path: Path) -> None:
    """Long, usual and tall: the edge of the sheet stays white, and the sheet within reason."""
    mesh, conditions = fem.case("channel", nx=4, ny=4, length=length, width=width)
    solution = fem.solve(mesh, conditions)
    for picture in (
        draw(solution, tmp_path / "flow.png", window=(0, length, 0, width)),
        draw_mesh(mesh, tmp_path / "mesh.png", title="channel"),
    ):
        sheet = imread(picture)[..., :3]
        assert min(part.min() for part in (sheet[0], sheet[-1], sheet[:, 0], sheet[:, -1])) > 0.99
        assert max(sheet.shape) < 2600


def test_a_window_may_lie_within_one_element_and_not_beside_the_mesh(tmp_path: Path) -> None:
    """It says where the mesh is."""
    mesh, conditions = fem.case("channel", nx=2, ny=2)
    solution = fem.solve(mesh, conditions)
    assert draw(solution, tmp_path / "near.png", window=(0.2, 0.4, 0.1, 0.2)).stat().st_size > 5000
    with pytest.raises(fem.MeshError, match=r"nothing of the mesh, which lies from \(0, 0\) to \(3, 1\)"):
        draw(solution, tmp_path / "far.png", window=(100, 101, 100, 101))


def test_streamlines_are_those_of_the_exact_stream_function() -> None:
    """Around a cylinder, to the fourth order; and what flows between two of them is what comes in."""
    off = []
    for radial in (8, 16):
        mesh, conditions = fem.case("cylinder", radial=radial, around=3 * radial)
        x, y = mesh.points.T
        off.append(float(np.ptp(stream_function(fem.solve(mesh, conditions)) - y * (1 - 1 / (x**2 + y**2)))))
    assert off[0] < 2e-4
    assert off[0] / off[1] > 2**3.5
    mesh, conditions = fem.case("elbow", n=6)
    stream = stream_function(fem.solve(mesh, conditions))
    assert np.ptp(stream[np.unique(mesh.boundary("inlet"))]) == pytest.approx(1.25, abs=1e-3)
