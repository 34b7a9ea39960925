"""Options of instruments, read from text and checked before anything is started.

Lives here: what several instruments ask for alike. Never here: a default. Everything wrong is a `UsageError` that
names the option.
"""

from __future__ import annotations

from breakeven.errors import UsageError
from breakeven.probes.capacity import available_memory_bytes
from breakeven.units import parse_bytes

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

COPIES_THAT_FIT = 8
"""Of a message: some transports make five."""


def messages(parser: argparse.ArgumentParser, such_as: str) -> None:
    """Add the options that say which messages are sent, over what; `such_as` shows how sizes are written."""
    parser.add_argument("--transports", metavar="NAMES", help="only these, by comma (default: all that are there)")
    parser.add_argument("--sizes", metavar="SIZES", help=f"sizes by comma, such as {such_as}")
    parser.add_argument("--shape", default="bytes", help="shape of the payload (default: bytes)")


def placed(parser: argparse.ArgumentParser, default: str) -> None:
    """Add the options that say where the two processes run."""
    parser.add_argument(
        "--placement", metavar="WHERE", help=f"CPUs of the two processes, by comma: one, two, free (default: {default})"
    )
    parser.add_argument(
        "--asleep", action="store_true", help="let CPUs sleep where nobody computes (default: keep them awake)"
    )


def sizes(text: str | None, default: Sequence[int], *, option: str = "sizes", least: int = 0) -> tuple[int, ...]:
    """Sizes of messages with commas between them, sorted; as large as both processes can hold a few copies of.

    >>> sizes("1MiB, 0, 4kB", ())
    (0, 4000, 1048576)
    >>> sizes("8 B", (), option="size", least=4096)
    Traceback (most recent call last):
    breakeven.errors.UsageError: --size 8: it has to be at least 4096
    """
    try:
        found = sorted(map(parse_bytes, text.split(","))) if text else sorted(default)
    except ValueError as error:
        raise UsageError(f"--{option} {text}: {error}", option) from error
    whole(option, found[0], least=least)
    room = available_memory_bytes()
    if room is not None and not text:
        found = [size for size in found if size <= room // COPIES_THAT_FIT] or found[:1]
    elif room is not None and found[-1] > room // COPIES_THAT_FIT:
        raise UsageError(
            f"--{option} {text}: {COPIES_THAT_FIT} copies of it do not fit into the memory that is free; "
            f"write less than {room // COPIES_THAT_FIT / 1e6:.0f} MB",
            option,
        )
    return tuple(found)


def one_size(text: str | None, default: int, *, least: int = 0) -> int:
    """The size of a message where there is only one.

    >>> one_size("4 MiB,8 MiB", 0)
    Traceback (most recent call last):
    breakeven.errors.UsageError: --size 4 MiB,8 MiB: it takes one size, not 2; run it once for each
    """
    found = sizes(text, (default,), option="size", least=least)
    if len(found) > 1:
        raise UsageError(f"--size {text}: it takes one size, not {len(found)}; run it once for each", "size")
    return found[0]


def whole(option: str, number: int, *, least: int = 1) -> int:
    """A whole number that is large enough.

    >>> whole("workers", 2)
    2
    >>> whole("workers", 0)
    Traceback (most recent call last):
    breakeven.errors.UsageError: --workers 0: it has to be at least 1
    """
    if number < least:
        raise UsageError(f"--{option} {number}: it has to be at least {least}", option)
    return number


def wholes(option: str, text: str, *, least: int = 1) -> tuple[int, ...]:
    """Several whole numbers with commas between them.

    >>> wholes("ranks", "2,4,8")
    (2, 4, 8)
    """
    try:
        numbers = [int(word) for word in text.split(",")]
    except ValueError:
        raise UsageError(f"--{option} {text}: write whole numbers with commas between, such as 2,4,8", option) from None
    return tuple(whole(option, number, least=least) for number in numbers)


def size_bytes(option: str, text: str) -> int:
    """A size, cut down to whole words of eight bytes.

    >>> size_bytes("size", "50 MB"), size_bytes("size", "13 B")
    (50000000, 8)
    """
    try:
        found = parse_bytes(text) // 8 * 8
    except ValueError as error:
        raise UsageError(f"--{option}: {error}", option) from None
    return whole(option, found, least=8)


def positive(option: str, number: float) -> float:
    """A number above zero.

    >>> positive("rate", 30.0)
    30.0
    """
    if not number > 0:
        raise UsageError(f"--{option} {number:g}: it has to be more than 0", option)
    return number
