"""Start-up, sharing, memory, frames: each runs for real, small, and its figures fit together."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from typing import Any

import pytest

from breakeven.lab.instruments.frames import instrument as frames
from breakeven.lab.instruments.memory import instrument as memory
from breakeven.lab.instruments.sharing import instrument as sharing
from breakeven.lab.instruments.startup import instrument as startup
from breakeven.lab.measuring.finding import Finding
from breakeven.lab.processes.families import descendants
from breakeven.lab.showing.drawing import figure_of, svg_of


def units(found: Finding) -> dict[str, str]:
    """Every quantity's unit by its name."""
    return {one.name: one.unit for row in found.rows for one in row.quantities}


def drawn(found: Finding, module: Any) -> str:
    """The figure of a finding as SVG."""
    panels, inches = getattr(module, "PANELS", 1), module.INCHES
    return svg_of(figure_of(found, module.draw, panels=panels, inches=inches))


def test_start_up_has_the_six_differences_and_the_wall_from_outside() -> None:
    """t0 … t3 add up, and the interpreter's own start and end are only in the external wall."""
    found = startup.measure(quick=True)
    assert units(found) == dict(startup.QUANTITIES.values())
    ways = {(row.labels["way"], row.labels["start method"]) for row in found.rows}
    assert len(ways) == len(found.rows) == 2 + 3 + 1 + 1 + 1
    for row in found.rows:
        turns = zip(*(row[name].samples for name in ("t1-t0 init", "t2-t1 work", "t3-t2 fini")), strict=True)
        sums = [(init + work, work + fini, init + work + fini) for init, work, fini in turns]
        told = zip(*(row[name].samples for name in ("t2-t0", "t3-t1", "t3-t0")), strict=True)
        assert [pytest.approx(one) for one in sums] == list(told)
        assert row["external wall"].median > row["t3-t0"].median
        assert row["user CPU"].median > 0
    assert "external wall [ms]" in drawn(found, startup)


def test_start_up_counts_what_a_users_program_imports_and_computes() -> None:
    """The import is in t1 - t0 and the task's 20 ms in t2 - t1."""
    run = startup.run("nothing", "–", "decimal,json", work_ms=20)
    assert run["work"] >= 20
    assert run["init"] > startup.run("nothing", "–", "bare", work_ms=0)["init"]


def test_a_lock_loses_nothing_and_its_lack_is_seen_in_the_sum() -> None:
    """Alone, or under a lock, or in places of their own, every update arrives."""
    found = sharing.measure(quick=True, adders=2)
    assert units(found) == {"one update": "µs", "all together": "updates/ms", "lost": "%", "overlap": "%"}
    for row in found.rows:
        if row.labels["adders"] == 1 or row.labels["way"] in (*sharing.SAFE, "Manager().Value, Lock()"):
            assert set(row["lost"].samples) == {0.0}
    unlocked = ("SharedArray, no lock", "Value, no lock", "Value", "Array", "Manager().Value", "Manager().list")
    raced = [row["lost"].samples for row in found.select(adders=2) if row.labels["way"] in unlocked]
    assert len(raced) == len(unlocked)
    assert any(lost > 0 for samples in raced for lost in samples)
    assert "one update [µs]" in drawn(found, sharing)


@pytest.mark.parametrize("who", [memory.PROCESS, memory.ENGINE])
def test_workers_that_are_sent_a_payload_hold_it_and_those_that_share_do_not(who: str) -> None:
    """Two copies more in the first case for processes of multiprocessing's, and none in the second."""
    size = 36_000_000
    copied = memory.run(who, "fork", memory.COPIED, workers=2, size_bytes=size)
    shared = memory.run(who, "fork", memory.SHARED, workers=2, size_bytes=size)
    copies = {memory.PROCESS: 2, memory.ENGINE: 1}[who]  # the engine puts it once where both workers can see it
    assert 2 * (copied["unfiled"] - shared["unfiled"]) == pytest.approx(copies * size / 1e6, rel=0.1)


@pytest.mark.skipif(not memory.group_is_visible(), reason="no memory group can be read here")
def test_the_peak_of_the_pages_is_what_the_kernel_charges() -> None:
    """Within 5 %, unless the group's charge for the same tree differs from run to run: then others are in it too."""
    charged = []
    for _ in range(5):
        run = memory.run(memory.PROCESS, "fork", memory.COPIED, workers=2, size_bytes=40_000_000)
        if run["agreement"] == pytest.approx(100, abs=5):
            return
        charged.append(run["peak_group"])
    if max(charged) - min(charged) > 0.05 * max(charged):
        pytest.skip("others in this memory group are too busy to hold anything against it")
    pytest.fail(f"the pages are off the group's charge, which was {charged} MB in five runs")


@pytest.mark.parametrize("way", frames.WAYS)
def test_every_way_brings_every_frame_whole(way: str) -> None:
    """A slow camera with small frames loses none; a checksum that differs would be an error."""
    run = frames.film_anew(way, size_bytes=80_000, frames=6, rate=20, analysers=2, depth=4)
    assert run["dropped"] == 0
    assert run["rate"] == pytest.approx(20)
    assert 0 < run["latency"] <= run["worst"]
    assert run["moved"] == pytest.approx(20 * 80_000 / 1e6)


def test_a_camera_too_fast_for_the_room_there_is_loses_frames() -> None:
    """What is lost and what is analysed are all there were."""
    run = frames.film_anew("shared_memory ring", size_bytes=40_000_000, frames=30, rate=1000, analysers=1, depth=1)
    assert 0 < run["dropped"] < 100
    assert run["rate"] < 1000


def test_frames_are_told_in_frames_a_second_and_milliseconds() -> None:
    """Golden units, and a figure that has them."""
    found = frames.measure(quick=True, size="200 kB", seconds=0.1)
    assert units(found) == {
        "rate held": "frames/s",
        "lost": "%",
        "median latency": "ms",
        "95th percentile": "ms",
        "CPUs busy": "CPUs",
        "CPU left": "%",
        "moved": "MB/s",
    }
    svg = drawn(found, frames)
    assert all(text in svg for text in ("rate held [frames/s]", "median latency [ms]", "CPU left [%]"))


def test_memory_is_told_in_megabytes_of_a_million_bytes() -> None:
    """Golden units; the group's columns stand where there is a group."""
    found = memory.measure(quick=True, payload="2 MB")
    of_groups = {"group a worker": "MB", "kernel a worker": "MB", "peak group, all": "MB", "peak by group's": "%"}
    expected = {"PSS a worker": "MB", "USS a worker": "MB", "no file's a worker": "MB", "peak no file's, all": "MB"}
    known = units(found)
    assert {name: unit for name, unit in known.items() if name not in of_groups} == expected
    assert ("group a worker" in known) == memory.group_is_visible()
    assert "MB = 10^6 B" in " ".join(found.notes)
    assert "PSS of the tree [MB]" in drawn(found, memory)


def test_ctrl_c_shows_what_was_measured_and_leaves_nothing() -> None:
    """Exit code 130, a finding that says it was interrupted, and no process of the lab."""
    command = [sys.executable, "-m", "breakeven", "lab", "sharing", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as lab:
        while len(descendants(lab.pid)) < 3:  # the program, and one that adds
            time.sleep(0.01)
        tree = descendants(lab.pid)
        lab.send_signal(signal.SIGINT)
        out, _ = lab.communicate(timeout=20)
    assert lab.returncode == 130
    assert Finding.from_dict(json.loads(out)).interrupted
    assert not [pid for pid in tree if os.path.exists(f"/proc/{pid}")]
