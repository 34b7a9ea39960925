"""Threads on a stream that has been worked on elsewhere before."""

from __future__ import annotations

from breakeven import work as nouns
from breakeven.backends.gangs import Gang
from breakeven.engine.codec import Encoded
from breakeven.engine.functions import Function
from breakeven.engine.stream import Stream
from breakeven.ledger.recorder import Recorder
from breakeven.testing import tasks
from breakeven.work import Options, Work


def test_what_was_put_back_is_done_however_much_waits_for_it() -> None:
    """Workers gave every other item back, and left more results than the window allows ahead of the first."""
    options = Options(chunksize=1)
    work = Work(tasks.double, range(40), mode=nouns.ONE, length=40, options=options)
    stream = Stream(work, Function(0, tasks.double, Encoded(b""), None), ordered=True, window=4)
    for index, chunk in enumerate([stream.cut(1) for _ in range(20)]):
        assert chunk is not None
        if index % 2:
            stream.accept(index, [2 * index])
        else:
            stream.again(chunk, 0, 1, alone=False)
        stream.finished(chunk)
    gang = Gang(stream, Recorder(), options, 2)
    gang.open()
    assert [value for block in gang.blocks(None) for value in block] == [2 * number for number in range(40)]
