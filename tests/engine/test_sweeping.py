"""Items that take next to no time are not named one by one, and are told apart all the same."""

from __future__ import annotations

import breakeven as be
from tests.engine import tasks

ITEMS = 30_000
VICTIM = 12_345


def test_a_death_among_quick_items_is_charged_to_its_item_alone(method: str) -> None:
    """The few that it may have been are run again, each alone, and there it shows itself."""
    items = list(range(ITEMS))
    assert be.map(tasks.die_if_negative, items, backend="processes", start_method=method, max_workers=2) == items
    items[VICTIM] = -1
    for _ in range(2):
        results = be.map(
            tasks.die_if_negative,
            items,
            backend="processes",
            start_method=method,
            max_workers=2,
            on_error="return",
        )
        failure = results[VICTIM]
        assert isinstance(failure, be.Failure)
        assert (failure.index, failure.cause) == (VICTIM, "killed by SIGSEGV")
        assert [at for at, value in enumerate(results) if at not in (value, VICTIM)] == []
        assert len(results.report.failures) == 1


def test_stop_iteration_of_a_quick_item_is_its_failure_and_not_the_end() -> None:
    """C takes it for the end of the items; those after it are done all the same."""
    items = list(range(ITEMS))
    assert be.map(tasks.stop_if_negative, items, backend="processes", max_workers=2) == items
    items[VICTIM] = -1
    results = be.map(tasks.stop_if_negative, items, backend="processes", max_workers=2, on_error="return")
    failure = results[VICTIM]
    assert isinstance(failure, be.Failure)
    assert failure.index == VICTIM
    assert [at for at, value in enumerate(results) if at not in (value, VICTIM)] == []


def test_quick_items_draw_the_numbers_of_their_place() -> None:
    """Whoever asks for its index gets it, named on the board or not."""
    alone = be.map(tasks.drawn, range(ITEMS), backend="serial", seed=5)
    for _ in range(2):
        assert be.map(tasks.drawn, range(ITEMS), backend="processes", max_workers=2, seed=5) == alone
