"""What both pools share: which connections there are, of whom, and who makes room."""

from __future__ import annotations

import dataclasses
import time
from collections import OrderedDict
from typing import Any

from croft.placement import Placement


class PoolTimeout(TimeoutError):
    """All connections that there may be are in use."""


class PlacementGone(RuntimeError):
    """The current tenant was purged, and its name belongs to another one now."""


@dataclasses.dataclass(frozen=True)
class PoolStatus:
    """For metrics."""

    idle: int
    in_use: int
    opened: int
    closed: int


@dataclasses.dataclass(eq=False)
class _Idle:
    connection: Any
    key: str
    uid: str
    since: float


def check_same_tenant(now: Placement, placement: Placement) -> None:
    """:raises PlacementGone: purged and made anew under its name meanwhile: another customer."""
    if now.uid != placement.uid:
        raise PlacementGone(f"tenant {now.tenant} is another one now")


class Shelf:
    """Counts connections and keeps idle ones. Whoever uses it has a lock, or one thread, and closes what it gives back as
    doomed."""

    def __init__(self, max_connections: int, max_per_tenant: int, max_idle: float) -> None:
        if not 0 < max_per_tenant <= max_connections:
            raise ValueError("max_per_tenant: must be 1 to max_connections")
        self._max_connections, self._max_per_tenant, self._max_idle = max_connections, max_per_tenant, max_idle
        self._idle: OrderedDict[int, _Idle] = OrderedDict()  # the one that was idle longest first
        self._used: dict[str, int] = {}  # connections by uid, idle ones too
        self._in_use = 0
        self._opened = self._closed = 0

    def status(self) -> PoolStatus:
        return PoolStatus(len(self._idle), self._in_use, self._opened, self._closed)

    def idle(self) -> list[Any]:
        return [one.connection for one in self._idle.values()]

    def reserve(self, uid: str, key: str, doomed: list[Any]) -> tuple[bool, Any]:
        """(Whether the caller may go on, an idle connection of this login or None for a new one)."""
        self._expire(doomed)
        for one in reversed(self._idle.values()):
            if one.uid == uid and one.key == key:
                del self._idle[id(one)]
                self._in_use += 1
                return True, one.connection
        if not self._has_room(uid, doomed):
            return False, None
        self._used[uid] = self._used.get(uid, 0) + 1
        self._in_use += 1
        return True, None

    def note_opened(self) -> None:
        self._opened += 1

    def give_back(self, connection: Any, uid: str, key: str, keep: bool) -> list[Any]:
        """What is to be closed: the connection itself, unless it is to be kept."""
        self._in_use -= 1
        if keep:
            one = _Idle(connection, key, uid, time.monotonic())
            self._idle[id(one)] = one
            return []
        self._forget(uid)
        self._closed += 1
        return [connection]

    def release(self, uid: str) -> None:
        """What was reserved did not come about, or is closed."""
        self._in_use -= 1
        self._forget(uid)

    def take_replaced(self, placement: Placement) -> list[Any]:
        """The idle ones of the tenant's former placements, which are to be closed."""
        old = [one for one in self._idle.values() if _is_replaced(one, placement)]
        return [self._drop(one) for one in old]

    def take_all(self) -> list[Any]:
        """All idle ones, which are to be closed."""
        return [self._drop(one) for one in list(self._idle.values())]

    def _has_room(self, uid: str, doomed: list[Any]) -> bool:
        if self._used.get(uid, 0) >= self._max_per_tenant:
            oldest = next((one for one in self._idle.values() if one.uid == uid), None)
        elif sum(self._used.values()) >= self._max_connections:
            oldest = next(iter(self._idle.values()), None)
        else:
            return True
        if oldest is None:
            return False
        doomed.append(self._drop(oldest))
        return True

    def _expire(self, doomed: list[Any]) -> None:
        if not self._idle:
            return
        since = time.monotonic() - self._max_idle
        while self._idle and next(iter(self._idle.values())).since < since:
            doomed.append(self._drop(next(iter(self._idle.values()))))

    def _drop(self, one: _Idle) -> Any:
        del self._idle[id(one)]
        self._forget(one.uid)
        self._closed += 1
        return one.connection

    def _forget(self, uid: str) -> None:
        self._used[uid] -= 1
        if not self._used[uid]:
            del self._used[uid]


def _is_replaced(one: _Idle, placement: Placement) -> bool:
    return one.uid == placement.uid and one.key != placement.key and one.key.split("/")[1] == placement.role
