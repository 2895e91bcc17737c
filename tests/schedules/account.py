"""What schedules had to do, worked out from their policy and their times alone, and held against what was done.

A schedule of an interval has a slot in each of them, always at the same place. A run serves the slot that is nearest to it, so
that one that comes late by more than half an interval is the next slot's, too: what was missed is made up for once.
"""
import bisect
import math
from dataclasses import dataclass, field

# A look at what is due, the commit, and a machine with other work.
SLACK = 5.0


@dataclass(frozen=True)
class Run:
    """An operation that nobody asked for. Times are seconds."""
    name: str
    kind: str  # BACK_UP, VERIFY or DELETE_BACKUP
    tenant: str
    backup: str
    host: str
    start: float
    end: float
    succeeded: bool


@dataclass
class Slots:
    """Of one schedule."""
    every: float
    offset: float  # of any slot

    def nearest(self, time):
        return math.floor((time - self.offset) / self.every + 0.5)

    def time(self, slot):
        return self.offset + slot * self.every

    def first(self, since):
        return math.ceil((since - self.offset) / self.every)

    def last(self, until):
        return math.floor((until - self.offset) / self.every)


class Excuses:
    """Times when nothing could be begun, each with the delay after which it is tried again at the latest."""

    def __init__(self, intervals, delay):
        self._merged = []
        for start, end in sorted((start, end + delay) for start, end in intervals):
            if self._merged and start <= self._merged[-1][1]:
                self._merged[-1][1] = max(self._merged[-1][1], end)
            else:
                self._merged.append([start, end])

    def cover(self, start, end):
        """Whether there was one at all times from `start` to `end`."""
        at = bisect.bisect_right(self._merged, [start, math.inf]) - 1
        return at >= 0 and self._merged[at][1] >= end


@dataclass
class Tally:
    """What an account found."""
    slots: int = 0
    on_time: int = 0
    late: int = 0     # begun later than at once, and what stood in the way is known
    made_up: int = 0  # whose run serves a later slot, too
    latest: float = 0.0
    wrong: list = field(default_factory=list)

    def add(self, other):
        self.slots += other.slots
        self.on_time += other.on_time
        self.late += other.late
        self.made_up += other.made_up
        self.latest = max(self.latest, other.latest)
        self.wrong += other.wrong


def judge_slots(name, slots, starts, since, until, excuses):
    """The Tally of a schedule that is there from `since`, of which runs began at `starts`, in order, until `until`."""
    tally = Tally()
    runs = [(start, slots.nearest(start)) for start in starts]
    for (before, first), (start, second) in zip(runs, runs[1:]):
        if first == second:
            tally.wrong.append(f"{name}: doubled, {start - before:.1f} s apart")
    served = {}
    for start, slot in runs:
        served.setdefault(slot, start)
    for slot in range(slots.first(since), slots.last(until - SLACK) + 1):
        _judge_slot(name, slots, slot, served, starts, until, excuses, tally)
    for slot, start in served.items():
        early = start < slots.time(slot) - 0.001
        if early and (slot - 1 in served or slots.time(slot - 1) < since):
            tally.wrong.append(f"{name}: {slots.time(slot) - start:.1f} s before its time")
    return tally


def _judge_slot(name, slots, slot, served, starts, until, excuses, tally):
    tally.slots += 1
    due = slots.time(slot)
    began = served.get(slot)
    if began is not None and began - due <= SLACK:
        tally.on_time += 1
        return
    if began is None:
        later = bisect.bisect_left(starts, due)
        began = starts[later] if later < len(starts) else until
        tally.made_up += 1
    else:
        tally.late += 1
    tally.latest = max(tally.latest, began - due)
    if not excuses.cover(due + SLACK, began):
        tally.wrong.append(f"{name}: missed, or {began - due:.1f} s late, and nothing was in its way")


def times_of_many(runs, most):
    """When at least `most` of the runs were under way."""
    changes = sorted([(run.start, 1) for run in runs] + [(run.end, -1) for run in runs])
    intervals, count, since = [], 0, None
    for time, change in changes:
        count += change
        if count >= most and since is None:
            since = time
        elif count < most and since is not None:
            intervals.append((since, time))
            since = None
    return intervals


def most_at_once(runs):
    """How many of the runs were under way at the same time at most."""
    count = most = 0
    for _, change in sorted([(run.start, 1) for run in runs] + [(run.end, -1) for run in runs]):
        count += change
        most = max(most, count)
    return most


@dataclass
class History:
    """What was done to one tenant's backups, by its runs."""
    runs: list

    def _done(self, kind, until):
        return [run for run in self.runs if run.kind == kind and run.succeeded and run.end <= until]

    def made(self, until):
        return sorted(run.backup for run in self._done("BACK_UP", until))

    def proven(self, until):
        """The newest one."""
        return max((run.backup for run in self._done("VERIFY", until)), default=None)

    def surplus(self, keep, until):
        """All that are older than the `keep` newest, but for the newest proven one."""
        made = self.made(until)
        return set(made[:max(len(made) - keep, 0)]) - {self.proven(until)}


def judge_retention(name, runs, keep, listed, until):
    """What is wrong with what was deleted of a tenant whose scheduled backups are `listed`, long after its last run."""
    history = History(runs)
    wrong = []
    deleted = {run.backup: run for run in runs if run.kind == "DELETE_BACKUP"}
    if len(deleted) != sum(run.kind == "DELETE_BACKUP" for run in runs):
        wrong.append(f"{name}: a backup was deleted twice")
    wrong += [f"{name}: {backup} was deleted, and it was to be kept" for backup, run in deleted.items()
              if backup not in history.surplus(keep, run.start)]
    if set(listed) != set(history.made(until)) - set(deleted):
        wrong.append(f"{name}: {sorted(listed)} are listed")
    # The newest proven one stays until the next scheduled backup looks at what is to be deleted.
    last = max((run.end for run in runs if run.kind == "BACK_UP"), default=until)
    spared = {history.proven(last), history.proven(until)}
    wrong += [f"{name}: {backup} is kept, and it was to be deleted"
              for backup in sorted(history.surplus(keep, until) - set(deleted) - spared)]
    return wrong
