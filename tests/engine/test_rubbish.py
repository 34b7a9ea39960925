"""What a worker says is not believed: rubbish on its channel ends that worker, and nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import breakeven as be
from breakeven.engine import supervise
from breakeven.testing.tasks import count
from tests.engine import tasks

ITEMS = 12
VICTIM = 5


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer that does not come is missed sooner than usual."""
    monkeypatch.setattr(supervise, "STUCK_SECONDS", 0.05)


@pytest.mark.parametrize("kind", tasks.RUBBISH)
def test_rubbish_on_the_channel_ends_that_worker_alone(method: str, kind: str) -> None:
    """The item that ran is charged with it; the parent stands, and all else is finished."""
    results = be.map(
        tasks.send_rubbish,
        range(ITEMS),
        [VICTIM] * ITEMS,
        [kind] * ITEMS,
        backend="processes",
        start_method=method,
        max_workers=2,
        chunksize=1,
        on_error="return",
    )
    others = [result for at, result in enumerate(results) if at != VICTIM]
    assert others == [number for number in range(ITEMS) if number != VICTIM]
    assert results.report.ledger.deaths == 1
    failure = results[VICTIM]
    assert isinstance(failure.exception, be.WorkerDied)
    assert "garbage" in failure.cause


@pytest.mark.parametrize("kind", tasks.RUBBISH)
def test_an_item_whose_worker_sent_rubbish_is_tried_again(method: str, kind: str, tmp_path: Path) -> None:
    """As after any other death."""
    path = str(tmp_path / "tries")
    results = be.map(
        tasks.send_rubbish_once,
        range(ITEMS),
        [path] * ITEMS,
        [kind] * ITEMS,
        backend="processes",
        start_method=method,
        max_workers=2,
        retries=1,
    )
    assert results == list(range(ITEMS))
    assert count(path) >= ITEMS
    assert results.report.ledger.deaths == 1


@pytest.mark.parametrize("chunksize", [1, ITEMS])
def test_a_worker_that_closes_its_channel_is_replaced(method: str, chunksize: int) -> None:
    """It cannot be asked any more, so it is ended."""
    results = be.map(
        tasks.close_everything,
        range(ITEMS),
        [VICTIM] * ITEMS,
        backend="processes",
        start_method=method,
        max_workers=2,
        chunksize=chunksize,
        on_error="return",
    )
    assert [result for result in results if isinstance(result, int)] == [n for n in range(ITEMS) if n != VICTIM]
    assert isinstance(results[VICTIM], be.Failure)


@pytest.mark.parametrize("kind", ["noise", "half a body", "a body as large as can be"])
def test_futures_beside_rubbish_are_not_touched(method: str, kind: str) -> None:
    """Nor is the executor."""
    with be.Executor(2, backend="processes", start_method=method) as executor:
        rubbish = executor.submit(tasks.send_rubbish, 0, 0, kind)
        others: list[Any] = [executor.submit(tasks.triple, number) for number in range(10)]
        assert [future.result() for future in others] == [3 * number for number in range(10)]
        assert rubbish.exception() is None or isinstance(rubbish.exception(), be.WorkerDied)
        assert executor.submit(tasks.triple, 5).result() == 15
