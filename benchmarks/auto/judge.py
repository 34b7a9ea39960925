"""From cells to a verdict: regret, harm, forecast errors, wrong choices, and the peers beside them.

Lives here: the arithmetic and the tables. Never here: a measurement.

Regret is auto's time over the best fixed way's, less 1, deciding included; harm is a run slower than the plain loop by
more than 5 % and 5 ms. Times are medians over the blocks; the oracle is chosen by those, too, so that the luckiest of
ten ways counts as the best. Beside it stands the regret without that luck: in each block against the way that was best
in the others.
"""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from benchmarks.auto.arms import fixed_arms
from benchmarks.auto.workloads import draw

KINDS = ("cold", "warm")
HARM_SHARE, HARM_SECONDS = 0.05, 5e-3
LEAST_FORECAST_SECONDS = 5e-3  # a call below is over before anything is forecast
CLEAR = 0.10  # the best and the second-best class differ by more than this: the choice can be wrong

Times = dict[str, dict[str, float]]


def report(record: dict[str, Any]) -> str:
    """The whole report as Markdown."""
    machine = record["machine"]
    blocks = 1 + max(cell["block"] for cell in record["cells"])
    lines = [
        "# auto against every fixed way",
        "",
        (
            f"{machine['cpu']}, {machine['usable_cpus']} usable CPUs, {machine['kernel']}, {machine['python']};"
            f" {machine['date']}, commit {machine['commit']}; seed {record['seed']}, {blocks} blocks."
        ),
        *_noise(record["cells"]),
    ]
    for kind in KINDS:
        lines += ["", f"## {kind.capitalize()}", "", *_kind(record, kind)]
    lines += ["", "## Forecasts", "", *_forecasts(record)]
    failed = [cell for cell in record["cells"] if "failed" in cell]
    if failed:
        lines += ["", "## Cells that failed", ""]
        lines += [f"- {cell['workload']}, {cell['arm']}: {cell['failed'].strip()[-120:]}" for cell in failed]
    return "\n".join(lines)


def _noise(cells: list[dict[str, Any]]) -> list[str]:
    foreign = [cell["foreign_cores"] for cell in cells if "foreign_cores" in cell]
    busy = sum(share > 0.1 for share in foreign)
    if not busy:
        return ["Nobody else used the machine."]
    return [f"**{busy} of {len(foreign)} cells ran while others used more than a tenth of a CPU.**"]


def times_of(record: dict[str, Any], kind: str) -> dict[str, Times]:
    """Workload → arm → {median, least, most} seconds."""
    seen: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for cell in record["cells"]:
        if f"{kind}_seconds" in cell:
            seen[cell["workload"]][cell["arm"]].append(cell[f"{kind}_seconds"])
    return {
        key: {
            arm: {"median": statistics.median(taken), "least": min(taken), "most": max(taken)}
            for arm, taken in arms.items()
        }
        for key, arms in seen.items()
    }


def _kind(record: dict[str, Any], kind: str) -> Iterator[str]:
    titles = {one.key: one.title for one in draw(record["seed"])}
    fixed = set(fixed_arms())
    yield "| work | serial ms | best fixed way | ms | auto ms | regret | auto chose | best peer | ms |"
    yield "| --- | ---: | --- | ---: | ---: | ---: | --- | --- | ---: |"
    regrets, harms, wrong, clear, sums = [], [], 0, 0, defaultdict(float)
    for key, arms in sorted(times_of(record, kind).items(), key=lambda pair: list(titles).index(pair[0])):
        if "auto" not in arms or "serial" not in arms:
            continue
        ours = {arm: time["median"] for arm, time in arms.items() if arm in fixed}
        peers = {arm: time["median"] for arm, time in arms.items() if arm not in fixed and arm != "auto"}
        best, auto, serial = min(ours, key=lambda arm: ours[arm]), arms["auto"]["median"], ours["serial"]
        regret = auto / ours[best] - 1
        regrets.append(regret)
        harms.append(auto > serial * (1 + HARM_SHARE) + HARM_SECONDS)
        classes = _classes(ours)
        ranked = sorted(classes.values())
        if len(ranked) > 1 and ranked[1] > ranked[0] * (1 + CLEAR):
            clear += 1
            wrong += _class_of(_choice(record, key, kind)) != min(classes, key=lambda name: classes[name])
        for arm, seconds in {**ours, **peers, "auto": auto}.items():
            sums[arm] += seconds
        peer = min(peers, key=lambda arm: peers[arm], default="–")
        yield (
            f"| {key} {titles[key]} | {_ms(serial)} | {best} | {_ms(ours[best])} | {_ms(auto)} | {regret:+.1%} |"
            f" {_choice(record, key, kind)} | {peer} | {_ms(peers[peer]) if peers else '–'} |"
        )
    yield ""
    yield from _summary(regrets, harms, wrong, clear)
    sober = _without_luck(record["cells"], kind, fixed)
    if sober:
        yield (
            f"In each block against the way that was best in the others: median {statistics.median(sober):.1%},"
            f" 90th percentile {_quantile(sober, 0.9):.1%}, worst {max(sober):.1%}."
        )
    everywhere = {arm: total for arm, total in sums.items() if total}
    ranking = ", ".join(
        f"{arm} {total:.2f} s" for arm, total in sorted(everywhere.items(), key=lambda pair: pair[1])[:8]
    )
    yield ""
    yield f"Sum over all work: {ranking}."


def _without_luck(cells: list[dict[str, Any]], kind: str, fixed: set[str]) -> list[float]:
    """Each workload's regret, median over blocks; the oracle is chosen by all blocks but the one it is timed in."""
    seen: dict[str, dict[int, dict[str, float]]] = defaultdict(lambda: defaultdict(dict))
    for cell in cells:
        if f"{kind}_seconds" in cell:
            seen[cell["workload"]][cell["block"]][cell["arm"]] = cell[f"{kind}_seconds"]
    regrets = []
    for blocks in seen.values():
        ratios = []
        for here, times in blocks.items():
            others = [block for at, block in blocks.items() if at != here]
            ways = [way for way in fixed & set(times) if all(way in block for block in others)]
            if others and ways and "auto" in times:
                best = min(ways, key=lambda way, others=others: statistics.median(block[way] for block in others))
                ratios.append(times["auto"] / times[best] - 1)
        if ratios:
            regrets.append(statistics.median(ratios))
    return regrets


def _summary(regrets: list[float], harms: list[bool], wrong: int, clear: int) -> Iterator[str]:
    if not regrets:
        yield "Nothing to compare."
        return
    yield (
        f"Regret: median {statistics.median(regrets):.1%} (asked 3 %), 90th percentile {_quantile(regrets, 0.9):.1%}"
        f" (10 %), worst {max(regrets):.1%} (25 %). Harm: {sum(harms)} of {len(harms)} (2 %)."
        f" Wrong class where it is clear: {wrong} of {clear} (10 %)."
    )


def _classes(ours: dict[str, float]) -> dict[str, float]:
    """Backend → the least time of its ways."""
    classes: dict[str, float] = {}
    for arm, seconds in ours.items():
        name = _class_of(arm)
        classes[name] = min(classes.get(name, seconds), seconds)
    return classes


def _class_of(arm: str) -> str:
    return next((name for name in ("threads", "processes") if name in arm), "serial")


def _choice(record: dict[str, Any], key: str, kind: str) -> str:
    """Where auto went last, in the first block."""
    for cell in record["cells"]:
        if cell["workload"] == key and cell["arm"] == "auto" and cell.get("reports"):
            told = cell["reports"][0 if kind == "cold" else -1]
            moves = (told["forecast"] or {}).get("moves") or []
            return str(moves[-1]["to"]) if moves else str(told["choice"]).partition(":")[0]
    return "–"


def _forecasts(record: dict[str, Any]) -> Iterator[str]:
    """What the sample said of each way for all items, against what that way took, cold."""
    times = times_of(record, "cold")
    heavy = {one.key for one in draw(record["seed"]) if one.payload_heavy}
    errors: dict[str, list[tuple[float, bool, str]]] = defaultdict(list)
    for cell in record["cells"]:
        if "whole" not in cell:
            continue
        measured = times.get(cell["workload"], {})
        for one in cell["whole"]:
            arm = _arm_of(one)
            if arm in measured and measured[arm]["median"] > LEAST_FORECAST_SECONDS:
                taken = measured[arm]["median"]
                inside = one["low_seconds"] <= taken <= one["high_seconds"]
                errors[one["backend"]].append((one["seconds"] / taken - 1, inside, cell["workload"]))
    yield "| way | plans | median error | 90th percentile | inside the 80 % interval |"
    yield "| --- | ---: | ---: | ---: | ---: |"
    for way, found in errors.items():
        for label, rows in (
            (f"{way}, light payload", [row for row in found if row[2] not in heavy]),
            (f"{way}, heavy payload", [row for row in found if row[2] in heavy]),
        ):
            if rows:
                off = [abs(error) for error, _, _ in rows]
                inside = sum(hit for _, hit, _ in rows) / len(rows)
                middle, high = statistics.median(off), _quantile(off, 0.9)
                yield f"| {label} | {len(rows)} | {middle:.0%} | {high:.0%} | {inside:.0%} |"


def _arm_of(one: dict[str, Any]) -> str:
    if one["backend"] == "serial":
        return "serial"
    if one["backend"] == "threads":
        return f"threads {one['workers']}"
    return f"processes {one['start_method']} auto"


def _quantile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)]


def _ms(seconds: float) -> str:
    return f"{seconds * 1e3:.3g}" if seconds < 1 else f"{seconds * 1e3:.0f}"
