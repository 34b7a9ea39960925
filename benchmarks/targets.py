"""What breakeven has to reach, row for row: the design's "How fast" table as arithmetic.

Bounds only; what they are compared with stands in ``catalogue`` and ``verdicts``.
"""

from __future__ import annotations

from benchmarks.nouns import Target

EXECUTOR = "breakeven-executor"
MOST_AHEAD = 50_000
"""Items (5 % of the stream) that may have been read ahead of a pausing consumer for a stream to count as bounded."""

TARGETS = (
    Target("round-trip", "", "median_us", "submit → result, warm no-op, median", 20, "µs", variant=EXECUTOR),
    Target("round-trip", "", "p99_us", "submit → result, warm no-op, p99", 40, "µs", variant=EXECUTOR),
    Target("message", "", "task_us", "one tiny task a message", 15, "µs"),
    Target("tiny-map", "forced", "plain_us", "map of 100 000 `x * 2`, processes forced, an item", 0.12, "µs"),
    Target("tiny-map", "auto", "auto_over_serial", "the same, auto ÷ serial", 1.03, "×", variant="breakeven-auto"),
    Target("cold", "fork", "first_results_ms", "cold start, fork, by `map`", 12, "ms"),
    Target("cold", "fork", "first_results_ms", "cold start, fork, by `Executor`", 12, "ms", variant=EXECUTOR),
    Target("cold", "spawn", "first_results_ms", "cold start, spawn, by `map`", 30, "ms", variant="breakeven-spawn"),
    Target(
        "cold", "spawn", "first_results_ms", "cold start, spawn, by `Executor`", 30, "ms", variant=EXECUTOR + "-spawn"
    ),
    Target("arrays-in", "100 MB", "steady_gb_s", "arrays of 100 MB in, by value", 8, "GB/s", at_least=True),
    Target("arrays-in", "10 MB", "steady_gb_s", "arrays of 10 MB in, by value", 8, "GB/s", at_least=True),
    Target("arrays-in", "1 MB", "steady_gb_s", "arrays of 1 MB in, by value", 8, "GB/s", at_least=True),
    Target("arrays-in", "100 MB", "first_gb_s", "arrays of 100 MB in, first call", 3.5, "GB/s", at_least=True),
    Target("arrays-in", "100 MB", "same_gb_s", "the same 100 MB array to every task", 21, "GB/s", at_least=True),
    Target("arrays-shared", "100 MB", "steady_gb_s", "arrays already shared", 20, "GB/s", at_least=True),
    Target("arrays-out", "100 MB", "steady_gb_s", "arrays of 100 MB out", 7, "GB/s", at_least=True),
    Target("arrays-out", "1 MB", "steady_gb_s", "arrays of 1 MB out", 7, "GB/s", at_least=True),
    Target(
        "arrays-out",
        "100 MB",
        "first_gb_s",
        "arrays of 100 MB out, first call, numpy's import included",
        3,
        "GB/s",
        at_least=True,
    ),
    Target(
        "arrays-out",
        "100 MB, numpy loaded",
        "first_gb_s",
        "arrays of 100 MB out, first call, numpy loaded",
        3,
        "GB/s",
        at_least=True,
    ),
    Target("speed-up", "", "speedup_1ms", "speed-up of 8 × 1 ms", 1.6, "×", at_least=True),
    Target("speed-up", "", "speedup_10ms", "speed-up of 8 × 10 ms", 1.93, "×", at_least=True),
    Target("speed-up", "", "speedup_100ms", "speed-up of 8 × 100 ms", 1.95, "×", at_least=True),
    Target("uneven", "", "lognormal_over_bound", "uneven tasks over the bound: lognormal", 1.03, "×"),
    Target("uneven", "", "straggler_over_bound", "uneven tasks over the bound: straggler last", 1.04, "×"),
    Target("uneven", "", "rising_over_bound", "uneven tasks over the bound: rising", 1.05, "×"),
    Target(
        "stream",
        "",
        "item_us",
        "stream of 1 000 000, bounded, an item",
        0.26,
        "µs",
        rivals=("lead_items", 0, MOST_AHEAD),
    ),
    Target("stream", "", "lead_items", "the same, read ahead of a pausing consumer", MOST_AHEAD, "items"),
    Target("stream", "", "lead_growth_items", "the same, growth of what is read ahead in a pause", 0, "items"),
    Target(
        "death",
        "",
        "seen_ms",
        "death of a worker, seen by the caller",
        50,
        "ms",
        variant=EXECUTOR,
        rivals=("finished", 8, 8),
    ),
    Target("death", "", "finished", "the same, others finished of 8", 8, "", at_least=True, variant=EXECUTOR),
    Target("hung", "", "left_ms", "leaving with a hung task, `map`", 50, "ms"),
    Target("hung", "", "left_ms", "leaving with a hung task, `Executor`", 50, "ms", variant=EXECUTOR),
    Target("ledger", "", "chunk_us", "ledger, always on, a chunk", 2, "µs"),
    Target("ledger", "", "share_percent", "ledger, share of a chunk of 1 ms", 1, "%"),
)
