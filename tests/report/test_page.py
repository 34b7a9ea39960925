"""What the HTML page promises: one file that needs nothing else, runs nothing, and is well formed."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given

from breakeven.ledger import store
from breakeven.report import Report
from breakeven.report.picture import coalesced, picture_of, row_height, ticks_of
from breakeven.report.timeline import Slice, slices_of
from tests.examples import dear
from tests.ledger.recordings import Recording, by_hand, for_replay, recordings, serial

VOID = {"meta", "br", "line"}


class _Nesting(HTMLParser):
    """Fails where a tag closes another than the last that was opened."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def _page(recording: Recording, folder: Path) -> str:
    Report.from_recording(recording).to_html(folder / "report.html")
    return (folder / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("recording", [by_hand(), for_replay(), serial()], ids=["processes", "replay", "serial"])
def test_the_page_is_well_formed(recording: Recording, tmp_path: Path) -> None:
    """Every tag is closed, in its turn."""
    nesting = _Nesting()
    nesting.feed(_page(recording, tmp_path))
    assert nesting.open == []
    assert {"h1", "table", "style"} <= {tag for tag, _ in nesting.seen}


def test_the_page_needs_no_other_file_and_no_network(tmp_path: Path) -> None:
    """No link, no source, no import, no address."""
    nesting = _Nesting()
    page = _page(for_replay(), tmp_path)
    nesting.feed(page)
    assert not {"script", "link", "img", "iframe"} & {tag for tag, _ in nesting.seen}
    assert not {"src", "href", "onclick", "onload"} & {name for _, attributes in nesting.seen for name in attributes}
    assert not re.search(r"url\(|@import|https?:", page)


def test_the_page_forbids_scripts_to_the_browser(tmp_path: Path) -> None:
    """Should one get in after all."""
    assert "default-src 'none'; style-src 'unsafe-inline'" in _page(by_hand(), tmp_path)


def test_texts_of_the_ledger_are_escaped(tmp_path: Path) -> None:
    """Wherever a run, or whoever wrote the file, could put one."""
    evil = '"><script>alert(1)</script>'
    recording = for_replay() | {"name": evil, "backend": evil, "choice": evil, "notes": [evil]}
    recording |= {"failures": [{"index": 1, "cause": evil, "exception": evil, "pid": 1, "attempts": 1}]}
    recording["lanes"][0]["name"] = evil
    recording["path"][evil] = 1.0
    page = _page(recording, tmp_path)
    assert "<script" not in page
    assert page.count("&lt;script&gt;") >= 7


def test_both_colour_schemes_name_the_same_colours(tmp_path: Path) -> None:
    """Else something would be invisible in one of them."""
    light, dark = re.findall(r":root \{(.*?)\}", _page(by_hand(), tmp_path), re.DOTALL)
    assert set(re.findall(r"--\w+", light)) == set(re.findall(r"--\w+", dark))


@dear(4)
@given(recordings())
def test_every_rectangle_lies_within_the_picture(recording: Recording) -> None:
    """To a pixel."""
    ledger = store.from_dict(recording)
    height = row_height(len(ledger.all_lanes)) * len(ledger.all_lanes)
    for x, y, width, tall in re.findall(r'x="([\d.]+)" y="(\d+)" width="([\d.]+)" height="(\d+)"', picture_of(ledger)):
        assert 0 <= float(x) <= float(x) + float(width) <= 1001
        assert 0 <= int(y) < int(y) + int(tall) <= height


def test_slices_too_narrow_to_be_seen_are_drawn_together() -> None:
    """A run of a million chunks makes no million rectangles."""
    short = [Slice(lane=1, state="compute", start=at / 1e6, end=(at + 1) / 1e6) for at in range(100_000)]
    groups = list(coalesced(short, 1000.0))
    assert len(groups) <= 200
    assert sum(map(len, groups)) == 100_000


@dear(4)
@given(recordings())
def test_drawing_together_loses_no_slice_and_mixes_no_lanes(recording: Recording) -> None:
    """And keeps their order."""
    slices = slices_of(store.from_dict(recording))
    groups = list(coalesced(slices, 3.0))
    assert [piece for group in groups for piece in group] == slices
    assert all(len({piece.lane for piece in group}) == 1 for group in groups)


@pytest.mark.parametrize("seconds", [1e-9, 3.7e-5, 0.92, 1.0, 59.0, 86_400.0])
def test_the_time_axis_has_a_handful_of_round_ticks(seconds: float) -> None:
    """From zero to the end."""
    ticks = ticks_of(seconds)
    assert ticks[0] == 0.0
    assert 3 <= len(ticks) <= 9
    assert ticks[-1] <= seconds * (1 + 1e-12)
