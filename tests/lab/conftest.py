"""What the lab's tests share: fonts that matplotlib opens once a process and keeps."""

from __future__ import annotations

import pytest
from matplotlib import rc_context
from matplotlib.figure import Figure


@pytest.fixture(scope="session", autouse=True)
def _fonts_open() -> None:
    """Have matplotlib open its fonts before the first test, so that none seems to have left them open."""
    with rc_context({"font.family": "sans-serif"}):
        figure = Figure()
        figure.text(0, 0, "µ $10^{-5}$")
        figure.subplots().set_yscale("log")
        figure.draw_without_rendering()
