"""The inner loops of enumeration, compiled by numba, without the interpreter's lock.

Lives here: loops over states. Never here: what to walk and what it adds up to (`enumeration`), or threads. Importing
this takes a quarter of a second, so only enumeration does; compiled code is kept on disk, and loaded from there.

All numbers are `int64`: of mixed signs numba makes floating-point numbers.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numba.extending import intrinsic

from breakeven.workloads.lfsr.stepping import FIBONACCI, GALOIS, TABLES_2

LANES = 32
"""Walks side by side in one thread. 8 to 16 leave the processor waiting for the last step: 2.0 states a nanosecond
against 5.9 with 32, where the compiler also keeps all of them in vector registers."""

_PREFIX = 64
"""No state is further from its cycle than there are digits in it, and there are at most 62."""


REACHED = np.uint8(128)
HEIGHT = np.uint8(127)
"""The two parts of a mark in the byte map."""


@intrinsic
def _popcount(typing, x):  # noqa: ARG001 - numba passes it
    """Bits that are set: one instruction."""

    def build(_context, builder, _signature, arguments):
        return builder.ctpop(arguments[0])

    return x(x), build


@njit(inline="always")
def _looked_up(m, tables, x):
    """Next state by tables, for any map. `tables` is apart from `m`, or its references are counted at every step."""
    low = (1 << m.chunk) - 1
    total = tables[0, x & low]
    if m.kind == TABLES_2:
        for at in range(1, tables.shape[0]):
            x >>= m.chunk
            total ^= tables[at, x & low]
        return total
    for at in range(1, tables.shape[0]):
        x >>= m.chunk
        total += tables[at, x & low]
        total -= (((total + m.carry) & m.top) >> (m.width - 1)) * m.prime
    return total


@njit(inline="always")
def _step(m, tables, x):
    """Next packed state."""
    if m.kind == FIBONACCI:
        return (x >> 1) | (((_popcount(x & m.mask) + m.constant) & 1) << (m.bits - 1))
    if m.kind == GALOIS:
        return (x << 1) ^ (-(x >> (m.bits - 1)) & m.mask) ^ m.constant
    return _looked_up(m, tables, x)


@njit(inline="always")
def _number_of(m, numbers, x):
    """Packed state → its number."""
    if m.prime == 2:
        return x
    low = (1 << m.chunk) - 1
    number = numbers[0, x & low]
    for at in range(1, numbers.shape[0]):
        x >>= m.chunk
        number += numbers[at, x & low]
    return number


@njit(inline="always")
def _packed(m, number):
    """A state's number → packed state."""
    if m.prime == 2:
        return number
    word = 0
    for at in range(m.digits):
        word |= (number % m.prime) << (at * m.width)
        number //= m.prime
    return word


@njit(nogil=True, cache=True)
def _walk_lanes(m, tables, x, bound):
    """Step all lanes until one or more are below `bound`; return how many steps that took."""
    steps = 0
    if m.kind == FIBONACCI:
        mask, constant, shift = m.mask, m.constant, m.bits - 1
        while True:
            hit = 0
            for lane in range(LANES):
                y = x[lane]
                y = (y >> 1) | (((_popcount(y & mask) + constant) & 1) << shift)
                x[lane] = y
                hit |= y < bound
            steps += 1
            if hit:
                return steps
    if m.kind == GALOIS:
        mask, constant, shift = m.mask, m.constant, m.bits - 1
        while True:
            hit = 0
            for lane in range(LANES):
                y = x[lane]
                y = (y << 1) ^ (-(y >> shift) & mask) ^ constant
                x[lane] = y
                hit |= y < bound
            steps += 1
            if hit:
                return steps
    while True:
        hit = 0
        for lane in range(LANES):
            y = _looked_up(m, tables, x[lane])
            x[lane] = y
            hit |= y < bound
        steps += 1
        if hit:
            return steps


@njit(nogil=True, cache=True)
def segments(m, distinguished, first, last, ends, lengths):
    """Walk from each state numbered first … last-1 to the next one below `distinguished`; note which, and how far.

    The map must be a bijection: then every walk ends, and no state is walked twice.
    """
    tables, numbers = m.tables, m.numbers
    bound = _packed(m, distinguished)
    x = np.empty(LANES, np.int64)
    origin = np.full(LANES, -1, np.int64)
    began = np.zeros(LANES, np.int64)
    following, active, now = first, 0, 0
    for lane in range(LANES):
        if following < last:
            x[lane] = _packed(m, following)
            origin[lane] = following
            following += 1
            active += 1
        else:
            x[lane] = x[0]
    while active > 0:
        now += _walk_lanes(m, tables, x, bound)
        living = -1
        for lane in range(LANES):
            if x[lane] < bound and origin[lane] >= 0:
                ends[origin[lane] - first] = _number_of(m, numbers, x[lane])
                lengths[origin[lane] - first] = now - began[lane]
                if following < last:
                    x[lane] = _packed(m, following)
                    origin[lane] = following
                    began[lane] = now
                    following += 1
                else:
                    origin[lane] = -1
                    active -= 1
            if origin[lane] >= 0:
                living = lane
        for lane in range(LANES):  # a lane without work shadows one that has some, so that it stops nobody
            if origin[lane] < 0 and living >= 0:
                x[lane] = x[living]


@njit(nogil=True, cache=True)
def joined(ends, lengths, first, seen, out_lengths, out_minima):
    """Follow segments round to whole cycles; the least state of each is its least distinguished one.

    Goes on at `first`, stops when the output is full, and returns (where to go on, cycles found).
    """
    count = 0
    for start in range(first, ends.size):
        if seen[start]:
            continue
        if count == out_lengths.size:
            return start, count
        total, at = 0, start
        while not seen[at]:
            seen[at] = True
            total += np.int64(lengths[at])
            at = np.int64(ends[at])
        if at != start:
            return -1, count
        out_lengths[count] = total
        out_minima[count] = start
        count += 1
    return ends.size, count


@njit(nogil=True, cache=True)
def bitmap(m, states, start, bits, out_lengths, out_minima):
    """Walk each cycle from its least state on, marking states in a bitmap; p = 2 only.

    Goes on at `start`, stops when the output is full, and returns (where to go on, cycles found).
    """
    tables = m.tables
    count = 0
    for s in range(start, states):
        if bits[s >> 3] >> (s & 7) & 1:
            continue
        if count == out_lengths.size:
            return s, count
        x, length = s, 0
        while True:
            bits[x >> 3] |= np.uint8(1 << (x & 7))
            length += 1
            x = _step(m, tables, x)
            if x == s:
                break
            if bits[x >> 3] >> (x & 7) & 1:
                return -1, count
        out_lengths[count] = length
        out_minima[count] = s
        count += 1
    return states, count


@njit(nogil=True, cache=True)
def leaders(m, first, last, at_most, out_lengths, out_minima):
    """Find the states first … last-1 that are the least of their cycle, with no memory of any other.

    A walk ends at the first smaller state. Returns (where to go on, cycles found, steps); (-1, …) past `at_most` steps.
    """
    tables = m.tables
    count, steps = 0, 0
    for s in range(first, last):
        if count == out_lengths.size:
            return s, count, steps
        start = _packed(m, s)
        x, length = _step(m, tables, start), 1
        while x > start and length <= at_most:
            x = _step(m, tables, x)
            length += 1
        steps += length
        if length > at_most:
            return -1, count, steps
        if x == start:
            out_lengths[count] = length
            out_minima[count] = s
            count += 1
    return last, count, steps


@njit(nogil=True, cache=True)
def bytemap(m, states, start, marks, out_lengths, out_minima):
    """The whole graph of any map, each state stepped from once: marks[s] becomes steps to its cycle + 1, + REACHED.

    A walk marks what it meets as periodic, and takes that back for the tail once the cycle closes: a tail is no longer
    than a state has digits, so its states are among the first of the walk. Returns (where to go on, cycles found).
    """
    tables, numbers = m.tables, m.numbers
    count = 0
    prefix = np.empty(_PREFIX + 1, np.int64)
    for s in range(start, states):
        if marks[s] & HEIGHT:
            continue
        if count == out_lengths.size:
            return s, count
        x, at, walked, least = _packed(m, s), s, 0, states
        while not marks[at] & HEIGHT:
            marks[at] |= np.uint8(1)
            if walked <= _PREFIX:
                prefix[walked] = at
            elif at < least:
                least = at
            walked += 1
            x = _step(m, tables, x)
            at = _number_of(m, numbers, x)
            marks[at] |= REACHED
        known = min(walked, _PREFIX + 1)
        entry = known
        for i in range(known):
            if prefix[i] == at:
                entry = i
                break
        beyond = 0  # the height that the last state of the tail stands above
        if entry == known:  # it ran into what was known before
            beyond = (marks[at] & HEIGHT) - 1
            if walked > _PREFIX + 1 or beyond + walked > _PREFIX:
                return -1, count
        for i in range(entry):
            marks[prefix[i]] = (marks[prefix[i]] & REACHED) | np.uint8(beyond + entry - i + 1)
        if entry == known:
            continue
        for i in range(entry, known):
            least = min(least, prefix[i])
        out_lengths[count] = walked - entry
        out_minima[count] = least
        count += 1
    return states, count


@njit(nogil=True, cache=True)
def whole_cycles(m, first, last, looked_at, out_keys, out_lengths):
    """The baseline: from each state first … last-1 all the way round its cycle, whoever else goes there too.

    The key is the least of the first `looked_at` states of the walk, as if that told cycles apart. Returns the steps.
    """
    tables = m.tables
    steps = 0
    for s in range(first, last):
        x, key, length = s, s, 0
        while True:
            if length < looked_at and x < key:
                key = x
            x = _step(m, tables, x)
            length += 1
            if x == s:
                break
        steps += length
        out_keys[s - first] = key
        out_lengths[s - first] = length
    return steps
