"""What is measured: every section with its cases, its variants and the columns of its table.

The order is that of the report. How a figure is taken stands in ``experiments``.
"""

from __future__ import annotations

from benchmarks.nouns import Case, Column, Section

FORKED = ("pool", "ppe", "joblib", "loky", "mpire", "pebble", "ray", "dask")
OURS = ("breakeven",)
SPAWNED = ("breakeven-spawn", "breakeven-executor-spawn", "pool-spawn", "ppe-spawn")
TIMED = {"milliseconds": 2_000}
TIMED_QUICK = {"milliseconds": 200}

ROUND_TRIP = Section(
    "round-trip",
    "One no-op there and back, workers warm",
    "Submit a function that returns its argument, wait for the result, up to 5 000 times in 2 s; then 30 times after "
    "20 ms of idleness each. breakeven by `Executor.submit(…).result()`, and by `map` over one item.",
    (
        Case(
            "",
            "round_trip",
            ("breakeven-executor", *OURS, *FORKED, "bare"),
            TIMED | {"pauses": 30},
            TIMED_QUICK | {"pauses": 5},
        ),
    ),
    (
        Column("median_us", "median µs"),
        Column("p99_us", "p99 µs"),
        Column("fastest_us", "fastest µs"),
        Column("rested_median_us", "median after 20 ms idle µs"),
    ),
)

MESSAGE = Section(
    "message",
    "One tiny task a message",
    "`x * 2` over up to 20 000 integers with `chunksize=1` or what comes to the same; every result is compared.",
    (Case("", "one_a_message", (*OURS, "breakeven-executor", *FORKED), TIMED, TIMED_QUICK),),
    (Column("task_us", "µs a task"), Column("items", "items")),
)

TINY_MAP = Section(
    "tiny-map",
    "Map of 100 000 `x * 2`",
    "The plain map, nothing tuned, processes forced (fewer items where those would take longer than 2 s); beside it "
    "chunks of 5 000 where there is such a setting. Every result is compared.",
    (
        Case(
            "forced",
            "tiny_map",
            (*OURS, *FORKED),
            TIMED | {"items": 100_000},
            TIMED_QUICK | {"items": 20_000},
        ),
        Case(
            "auto",
            "auto_against_serial",
            ("breakeven-auto",),
            {"items": 100_000, "repeats": 25},
            {"items": 20_000, "repeats": 5},
        ),
    ),
    (
        Column("plain_us", "plain, µs an item"),
        Column("chunks_of_5000_us", "chunks of 5 000, µs an item"),
        Column("items", "items"),
        Column("serial_us", "serial, µs an item"),
        Column("auto_us", "auto, µs an item"),
        Column("auto_over_serial", "auto ÷ serial"),
    ),
)

COLD = Section(
    "cold",
    "Cold start: import, two workers, first four results",
    "In an interpreter that has imported nothing but `os`, `sys` and `time`: import the library, start two workers, "
    "get four no-ops back; then stop. *Workers seen* says how many processes answered: one quick worker may take all "
    "four. The cases with two tasks of 5 ms keep the first worker busy, so that the second has to come up too.",
    (
        Case("fork", "cold_start", (*OURS, "breakeven-executor", *FORKED, "bare"), limit_seconds=30),
        Case("spawn", "cold_start", SPAWNED, limit_seconds=30),
        Case(
            "fork, two tasks of 5 ms",
            "cold_start",
            (*OURS, "breakeven-executor", *FORKED, "bare"),
            {"both": 1},
            limit_seconds=30,
        ),
        Case("spawn, two tasks of 5 ms", "cold_start", SPAWNED, {"both": 1}, limit_seconds=30),
    ),
    (
        Column("first_results_ms", "first results ms"),
        Column("stop_ms", "stop ms"),
        Column("workers_seen", "workers seen", more_is_better=True),
    ),
)

ARRAYS_IN = Section(
    "arrays-in",
    "Arrays in, by value",
    "Eight different float64 arrays in one call, each summed by one task, against the same sums in one process. "
    "*First* is the first call of warm but unused workers, *steady* the median of later ones. *Same*: one array to all "
    "eight tasks, as plain call and the best way the library has (Ray's `put`, Dask's `scatter`).",
    tuple(
        Case(
            f"{megabytes} MB",
            "arrays_in",
            (*OURS, *FORKED),
            {"megabytes": megabytes, "repeats": repeats, "same": int(megabytes == 100)},
            {"repeats": 1},
            limit_seconds=120,
        )
        for megabytes, repeats in ((100, 3), (10, 6), (1, 15))
    ),
    (
        Column("steady_gb_s", "steady GB/s", more_is_better=True),
        Column("first_gb_s", "first GB/s", more_is_better=True),
        Column("same_gb_s", "same, plain GB/s", more_is_better=True),
        Column("broadcast_gb_s", "same, by hand GB/s", more_is_better=True),
        Column("serial_gb_s", "one process GB/s", more_is_better=True),
    ),
)

ARRAYS_SHARED = Section(
    "arrays-shared",
    "Arrays already shared",
    "Eight arrays of 100 MB that workers read in place: `be.SharedArray`, a global inherited by fork, Ray's object "
    "store. *Share* is what it takes to get them there (a copy, or the fork of a pool) and is not in the rates.",
    (
        Case(
            "100 MB",
            "arrays_shared",
            (*OURS, "pool-inherit", "ray"),
            {"megabytes": 100, "repeats": 6},
            {"repeats": 2},
        ),
    ),
    (
        Column("steady_gb_s", "steady GB/s", more_is_better=True),
        Column("first_gb_s", "first GB/s", more_is_better=True),
        Column("share_ms", "share ms"),
        Column("serial_gb_s", "one process GB/s", more_is_better=True),
    ),
)

ARRAYS_OUT = Section(
    "arrays-out",
    "Arrays out",
    "Eight tasks return an array each; the clock stops when the caller has read from every page of all. *First* is the "
    "first call of warm workers: in the plain cases neither caller nor workers have imported numpy before, so that "
    "import is in it; in the case *numpy loaded* the caller had it before the workers started.",
    (
        *(
            Case(
                f"{megabytes} MB",
                "arrays_out",
                (*OURS, *FORKED),
                {"megabytes": megabytes, "repeats": repeats},
                {"repeats": 1},
                limit_seconds=120,
            )
            for megabytes, repeats in ((100, 3), (1, 15))
        ),
        Case(
            "100 MB, numpy loaded",
            "arrays_out",
            (*OURS, *FORKED),
            {"megabytes": 100, "repeats": 0, "numpy_first": 1},
        ),
    ),
    (
        Column("steady_gb_s", "steady GB/s", more_is_better=True),
        Column("first_gb_s", "first GB/s", more_is_better=True),
    ),
)

SPEED_UP = Section(
    "speed-up",
    "Speed-up of eight equal tasks on two workers",
    "Pure-Python tasks of 1, 10 and 100 ms; serial and parallel in turn in one process, ratio of medians. Bare forks "
    "get half the tasks each as one message: what the machine itself allows at that moment.",
    (Case("", "speed_up", (*OURS, *FORKED, "bare"), {"repeats": 9}, {"repeats": 2}),),
    tuple(
        Column(f"speedup_{milliseconds}ms", f"8 × {milliseconds} ms", more_is_better=True)
        for milliseconds in (1, 10, 100)
    ),
)

UNEVEN = Section(
    "uneven",
    "Uneven tasks",
    "200 tasks, 2 s in all: lognormal (shape 1.25), 199 equal ones with one ten times as long last, the lognormal "
    "in rising order. Elapsed over max(sum / 2, longest), the tasks' own times measured alone before and after. Plain "
    "map, and one task a message.",
    (Case("", "uneven", (*OURS, *FORKED), {"total_ms": 2_000}, {"total_ms": 300}, limit_seconds=120),),
    tuple(
        Column(f"{shape}{kind}_over_bound", f"{heading}{how}")
        for kind, how in (("", ""), ("_single", ", one a message"))
        for shape, heading in (("lognormal", "lognormal"), ("straggler", "straggler last"), ("rising", "rising"))
    ),
)

STREAM = Section(
    "stream",
    "Stream of 1 000 000 items from a generator",
    "Defaults, input cut after 5 s. The consumer pauses 1.5 s after 1 000 results: *ahead* is how many items had been "
    "pulled beyond what was consumed, *growth* how many of these in the last second of the pause (0 is bounded). The "
    "pause is not in the time an item, though a library that runs ahead goes on working in it.",
    (
        Case(
            "",
            "stream",
            (*OURS, *FORKED),
            {"items": 1_000_000, "milliseconds": 5_000, "pause_ms": 1_500},
            {"items": 100_000, "milliseconds": 1_000, "pause_ms": 300},
            limit_seconds=60,
        ),
    ),
    (
        Column("item_us", "µs an item"),
        Column("first_result_ms", "first result ms"),
        Column("lead_items", "ahead"),
        Column("lead_growth_items", "growth"),
        Column("received_items", "received", more_is_better=True),
    ),
)

DEATH = Section(
    "death",
    "A worker dies",
    "SIGKILL inside the fifth of nine tasks (50 ms each): from the kill to the exception at the caller, and how many "
    "of the eight others are finished. *never*: no exception within 3 s. joblib has batches only.",
    (
        Case(
            "",
            "death",
            ("breakeven-executor", *FORKED),
            {"patience_ms": 3_000},
            {"patience_ms": 1_000},
            limit_seconds=20,
        ),
    ),
    (Column("seen_ms", "seen after ms", missing="never"), Column("finished", "finished of 8", more_is_better=True)),
)

HUNG = Section(
    "hung",
    "Leaving with a hung task",
    "A task sleeps for ever; the caller, waiting for it, is interrupted as by Ctrl-C and leaves the library's own "
    "`with` block (for `be.map` and Ray there is none). *never*: still in it after 5 s.",
    (Case("", "hung", (*OURS, "breakeven-executor", *FORKED), limit_seconds=30),),
    (Column("left_ms", "left after ms", missing="never"),),
)

LEDGER = Section(
    "ledger",
    "What the ledger costs",
    "The calls that breakeven's recorder got in a real run of one-task chunks are played again and timed, the worker's "
    "stamps and clocks added. *A chunk of 1 ms* includes the CPU and run-queue clocks read for chunks that long.",
    (Case("", "ledger_cost", OURS, {"chunks": 5_000}, {"chunks": 1_000}),),
    (
        Column("chunk_us", "µs a tiny chunk"),
        Column("worker_stamps_us", "of it in the worker"),
        Column("long_chunk_us", "µs a chunk of 1 ms"),
        Column("share_percent", "% of a chunk of 1 ms"),
    ),
)

SECTIONS = (
    ROUND_TRIP,
    MESSAGE,
    TINY_MAP,
    COLD,
    ARRAYS_IN,
    ARRAYS_SHARED,
    ARRAYS_OUT,
    SPEED_UP,
    UNEVEN,
    STREAM,
    DEATH,
    HUNG,
    LEDGER,
)
