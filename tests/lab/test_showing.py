"""Findings as text, figures and pages: every figure has its unit, its interval and n."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

from breakeven.lab.measuring.conditions import conditions
from breakeven.lab.measuring.finding import Finding, Quantity, Row
from breakeven.lab.measuring.fits import fit_segments
from breakeven.lab.showing import drawing
from breakeven.lab.showing.pages import page, section
from breakeven.lab.showing.tables import render

SIZES = (1024.0, 4096.0, 65536.0, 1 << 20)


def found(**more: Any) -> Finding:
    """A finding with two rows a size, and a fit."""
    rows = []
    for number, name in enumerate(("os.pipe", "socketpair")):
        for size in SIZES:
            time = 8 + number + size / 1000
            samples = tuple(time * (1 + step / 100) for step in range(-5, 6))
            rate = tuple(size / sample for sample in samples)
            labels = {"transport": name, "size_bytes": size}
            rows.append(Row(labels, (Quantity("one-way", "µs", samples), Quantity("rate", "MB/s", rate))))
    fit = fit_segments(SIZES, [8 + size / 1000 for size in SIZES])
    return Finding(
        instrument="latency",
        headline="A pipe < 9 µs.",
        conditions=conditions(),
        rows=tuple(rows),
        fits={"os.pipe": fit},
        **more,
    )


def draw(finding: Finding, axes: Any) -> None:
    """Both transports, named at their ends."""
    ends = []
    for number, name in enumerate(("os.pipe", "socketpair")):
        rows = finding.select(transport=name)
        sizes = [float(row.labels["size_bytes"]) for row in rows]
        drawing.series(axes, sizes, [row["one-way"] for row in rows], number=number, breaks=[2048])
        ends.append((name, sizes[-1], rows[-1]["one-way"].median, number))
    drawing.logarithmic(axes, x="size [B]", y="one-way [µs]", sizes=True)
    drawing.name_ends(axes, ends)


def test_a_table_names_units_and_gives_n_and_an_interval_within_100_columns() -> None:
    """The headline comes first, then columns, the fit with its range of validity, and the conditions."""
    lines = render(found()).splitlines()
    assert lines[0] == "A pipe < 9 µs."
    assert lines[2].split("  ")[0] == "transport"
    assert "one-way [µs]" in lines[2]
    assert "rate [MB/s]" in lines[2]
    assert lines[3].split() == ["os.pipe", "1", "KiB", "11", "9.02", "(8.66–9.38)", "113", "(109–118)"]
    assert any(line.startswith("os.pipe             1 KiB … 1 MiB  8 ±") for line in lines)
    assert "usable CPUs" in lines[-1]
    assert max(map(len, lines[:12])) <= 100


def test_a_table_too_wide_goes_on_below() -> None:
    """Columns that do not fit beside one another stand in a second table under the same labels."""
    quantities = tuple(Quantity(f"quantity number {number}", "µs", (1.0, 2.0)) for number in range(8))
    finding = Finding(instrument="x", headline="h", conditions={}, rows=(Row({"way": "a"}, quantities),))
    lines = render(finding).splitlines()
    assert sum(line.startswith("way") for line in lines) >= 2
    assert max(map(len, lines[:9])) <= 100


def test_an_interrupted_finding_says_so_in_the_table() -> None:
    """What was not measured is not passed over in silence."""
    assert "Interrupted" in render(found(interrupted=True))


def test_a_finding_is_read_back_as_it_was_written() -> None:
    """Raw samples, fits and conditions included; another version is refused."""
    finding = found(notes=("a note",))
    plain = finding.to_dict()
    assert Finding.from_dict(plain) == finding
    assert plain["rows"][0]["quantities"][0]["n"] == 11
    with pytest.raises(ValueError, match="version 99"):
        Finding.from_dict(plain | {"version": 99})


@pytest.mark.parametrize("ending", ["svg", "png"])
def test_a_figure_is_written_as_its_ending_says(ending: str, tmp_path: Path) -> None:
    """An SVG is well-formed and holds names and units as text; a PNG begins as PNGs do."""
    path = tmp_path / f"figure.{ending}"
    drawing.write(drawing.figure_of(found(), draw), path)
    whole = path.read_bytes()
    if ending == "png":
        assert whole.startswith(b"\x89PNG")
        return
    texts = "".join(ET.fromstring(whole).itertext())  # noqa: S314 - just written
    assert "one-way [µs]" in texts
    assert "socketpair" in texts
    assert "usable CPUs" in texts


def test_a_page_holds_figure_and_table_and_asks_for_nothing_from_elsewhere() -> None:
    """No link, no script, no ink of its own: light and dark are the page's."""
    finding = found()
    text = page("This machine", [section(finding, drawing.figure_of(finding, draw))])
    assert "<svg" in text
    assert "A pipe &lt; 9 µs." in text
    assert drawing.INK not in text.split("</style>", 1)[1]
    assert "<script" not in text
    assert 'src="http' not in text


def test_sizes_of_nothing_alone_can_be_drawn() -> None:
    """A logarithm of it is none."""
    from matplotlib.figure import Figure

    axes = Figure().subplots()
    axes.plot([0.0], [1.0])
    drawing.logarithmic(axes, x="size [B]", y="one-way [µs]", sizes=True)
    assert axes.get_xticks()[0] == 0.0
