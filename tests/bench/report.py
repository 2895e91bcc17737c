"""Rows of a benchmark: a subject and a peer measured alternately, medians with their spread."""
import itertools
import json
import os
import platform
import statistics
import time
from dataclasses import dataclass, field


@dataclass
class Row:
    what: str
    peer: str
    subject_seconds: list
    peer_seconds: list
    reach: float  # the ratio of medians is to stay at or under this
    versions: dict = field(default_factory=dict)
    unit: str = "s"  # or MB: then the samples are bytes

    @property
    def reached(self):
        return self.ratio <= self.reach

    @property
    def ratio(self):
        return statistics.median(self.subject_seconds) / statistics.median(self.peer_seconds)


def in_turns(sides, rounds, warm_up=2):
    """Seconds of each call, A B C A B C ...: a list for each side. The warm-up is not counted."""
    taken = [[] for _ in sides]
    for number in range(warm_up + rounds):
        for side, measured in zip(sides, taken):
            start = time.perf_counter()
            side()
            if number >= warm_up:
                measured.append(time.perf_counter() - start)
    return taken


def alternate(subject, peer, rounds, warm_up=2):
    """Seconds of each call, A B A B ...: (subject's, peer's). Each is called with the number of the round."""
    numbers = (itertools.count(), itertools.count())
    sides = [lambda side=side, number=number: side(next(number)) for side, number in zip((subject, peer), numbers)]
    return tuple(in_turns(sides, rounds, warm_up))


def machine():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        models = [line.partition(":")[2].strip() for line in file if line.startswith("model name")]
    return {"cpu": models[0] if models else platform.machine(), "cores": len(os.sched_getaffinity(0)),
            "kernel": platform.release()}


def spread(seconds):
    """(median, lower quartile, upper quartile)"""
    if len(seconds) == 1:
        return seconds[0], seconds[0], seconds[0]
    low, middle, high = statistics.quantiles(seconds, n=4)
    return middle, low, high


def as_json(rows):
    return json.dumps({"machine": machine(), "rows": [
        {"what": row.what, "peer": row.peer, "rounds": len(row.subject_seconds), "ratio": round(row.ratio, 3),
         "reach": row.reach, "reached": row.reached, "unit": row.unit, "versions": row.versions,
         "subject": dict(zip(("median", "p25", "p75"), spread(row.subject_seconds))),
         "peer": dict(zip(("median", "p25", "p75"), spread(row.peer_seconds)))}
        for row in rows]}, indent=2)


def as_table(rows):
    here = machine()
    versions = {name: version for row in rows for name, version in row.versions.items()}
    lines = [f"{here['cpu']}, {here['cores']} cores, Linux {here['kernel']}, "
             + ", ".join(f"{name} {version}" for name, version in versions.items()),
             "Medians (quartiles); subject and peer were measured alternately.", ""]
    table = [("what", "Croft", "peer", "", "ratio", "reach", "", "rounds")]
    for row in rows:
        table.append((row.what, shown(row.subject_seconds, row.unit), row.peer, shown(row.peer_seconds, row.unit),
                      f"{row.ratio:.3g}", f"<= {row.reach:.3g}", "yes" if row.reached else "NOT REACHED",
                      str(len(row.subject_seconds))))
    widths = [max(len(line[column]) for line in table) for column in range(len(table[0]))]
    lines += ["  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip() for line in table]
    return "\n".join(lines)


def shown(samples, unit):
    """Median and quartiles in the unit that suits them."""
    middle, low, high = spread(samples)
    units = (("MB", 1e-6),) if unit == "MB" else (("s", 1), ("ms", 1e3), ("us", 1e6), ("ns", 1e9))
    name, factor = next(((name, factor) for name, factor in units if middle * factor >= 1), units[-1])
    if low == high:
        return f"{middle * factor:.3g} {name}"
    return f"{middle * factor:.3g} {name} ({low * factor:.3g}-{high * factor:.3g})"
