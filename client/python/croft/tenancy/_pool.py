"""A pool of connections over all tenants, for psycopg, psycopg2 and other blocking drivers."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import threading
import time
import weakref
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Any

from croft.placement import Placement
from croft.tenancy import _locators
from croft.tenancy._context import current
from croft.tenancy._open import WAIT, open_connection
from croft.tenancy._refused import ended


class PoolTimeout(TimeoutError):
    """All connections that there may be are in use."""


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


class ConnectionPool:
    """Connections of the current tenant, bounded over all tenants and for each. Thread-safe; made before a fork, it
    opens connections of its own in the children.

        pool = ConnectionPool(lambda placement: psycopg.connect(**placement.connect_kwargs(connect_timeout=10)))
        with tenant("acme"), pool.connection() as connection:
            connection.execute("SELECT 1")

    An idle connection is used again for the same login of the same database alone. When the bound over all tenants is
    reached, the connection that was idle longest makes room. Connections of a placement that is no more are closed as
    soon as they are idle, and one that the server ended is never handed out.

    :param connect: opens one connection.
    :param max_connections: of this process, over all tenants.
    :param max_per_tenant: of this process, for each tenant.
    :param max_idle: seconds after which an idle connection is closed, when the pool is next used.
    :param timeout: seconds to wait for a free connection.
    :param wait: seconds to wait for a newer placement when PostgreSQL refuses the login.
    """

    def __init__(
        self,
        connect: Callable[[Placement], Any],
        *,
        max_connections: int = 50,
        max_per_tenant: int = 10,
        max_idle: float = 300.0,
        timeout: float = 30.0,
        wait: float = WAIT,
    ) -> None:
        if not 0 < max_per_tenant <= max_connections:
            raise ValueError("max_per_tenant: must be 1 to max_connections")
        self._connect = connect
        self._max_connections, self._max_per_tenant = max_connections, max_per_tenant
        self._max_idle, self._timeout, self._wait = max_idle, timeout, wait
        self._inherited: list[Any] = []
        self._reset()
        _pools.add(self)

    def _reset(self) -> None:
        self._changed = threading.Condition()
        self._idle: OrderedDict[int, _Idle] = OrderedDict()  # the one that was idle longest first
        self._used: dict[str, int] = {}  # connections by uid, idle ones too
        self._in_use = 0
        self._opened = self._closed_count = 0
        self._closed = False
        self._watched: set[tuple[str, int]] = set()  # locators

    @contextlib.contextmanager
    def connection(self) -> Iterator[Any]:
        """A connection of the current tenant; commits at the end, or rolls back what raised.

        :raises croft.tenancy.NoTenant: there is no current tenant.
        :raises PoolTimeout: none became free in time.
        :raises: what :func:`~croft.tenancy.open_connection` raises.
        """
        placement = current()
        self._watch(placement.role)
        connection, key = self._take(placement)
        try:
            yield connection
            connection.commit()
        except BaseException:
            with contextlib.suppress(Exception):  # it may be what broke
                connection.rollback()
            raise
        finally:
            self._give_back(placement, connection, key)

    def status(self) -> PoolStatus:
        with self._changed:
            return PoolStatus(len(self._idle), self._in_use, self._opened, self._closed_count)

    def close(self) -> None:
        """Closes idle connections, and those in use when they come back."""
        with self._changed:
            self._closed = True
            idle = [self._drop(one) for one in list(self._idle.values())]
        _close_all(idle)

    # --- Inside.

    def _take(self, placement: Placement) -> tuple[Any, str]:
        locator = _locators.locator(placement.role)
        key = locator.locate(placement.tenant).key
        while True:
            one, doomed = self._reserve(placement.uid, key)
            _close_all(doomed)
            if one is None:
                break
            if not ended(one.connection):
                return one.connection, key
            self._release(placement.uid)
            _close_all([one.connection])
        try:
            return self._open(locator, placement)
        except BaseException:
            self._release(placement.uid)
            raise

    def _open(self, locator: _locators.LocatorLike, placement: Placement) -> tuple[Any, str]:
        def connect(now: Placement) -> tuple[Any, str]:
            if now.uid != placement.uid:
                # Purged and made anew under its name meanwhile: another customer.
                raise PlacementGone(f"tenant {now.tenant} is another one now")
            return self._connect(now), now.key

        opened = open_connection(locator, placement.tenant, connect, wait=self._wait)
        with self._changed:
            self._opened += 1
        return opened

    def _reserve(self, uid: str, key: str) -> tuple[_Idle | None, list[Any]]:
        """(An idle connection or room for a new one, what is to be closed)."""
        doomed: list[Any] = []
        deadline = time.monotonic() + self._timeout
        with self._changed:
            if self._closed:
                raise RuntimeError("the pool is closed")
            self._expire(doomed)
            while True:
                for one in reversed(self._idle.values()):
                    if one.uid == uid and one.key == key:
                        del self._idle[id(one)]
                        self._in_use += 1
                        return one, doomed
                if self._has_room(uid, doomed):
                    self._used[uid] = self._used.get(uid, 0) + 1
                    self._in_use += 1
                    return None, doomed
                left = deadline - time.monotonic()
                if left <= 0:
                    raise PoolTimeout(f"no connection became free within {self._timeout} s")
                self._changed.wait(left)

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
        since = time.monotonic() - self._max_idle
        while self._idle and next(iter(self._idle.values())).since < since:
            doomed.append(self._drop(next(iter(self._idle.values()))))

    def _drop(self, one: _Idle) -> Any:
        del self._idle[id(one)]
        self._forget(one.uid)
        self._closed_count += 1
        return one.connection

    def _forget(self, uid: str) -> None:
        self._used[uid] -= 1
        if not self._used[uid]:
            del self._used[uid]
        self._changed.notify()

    def _release(self, uid: str) -> None:
        with self._changed:
            self._in_use -= 1
            self._forget(uid)

    def _give_back(self, placement: Placement, connection: Any, key: str) -> None:
        uid = placement.uid
        is_current = _locators.refreshed(placement).key == key
        with self._changed:
            self._in_use -= 1
            if is_current and not self._closed and not connection.closed:
                one = _Idle(connection, key, uid, time.monotonic())
                self._idle[id(one)] = one
                self._changed.notify()
                return
            self._forget(uid)
            self._closed_count += 1
        _close_all([connection])

    def _watch(self, role: str) -> None:
        locator = _locators.locator(role)
        if (role, id(locator)) in self._watched:
            return
        with self._changed:
            if (role, id(locator)) in self._watched:
                return
            self._watched.add((role, id(locator)))
        weak = weakref.WeakMethod(self._turn_over)

        def tell(tenant: str, placement: Placement | None) -> None:
            method = weak()
            if method is not None:
                method(tenant, placement)

        locator.on_change(tell)

    def _turn_over(self, _: str, placement: Placement | None) -> None:
        if placement is None:  # suspended or gone: the server ends them, and locate() says so first
            return
        with self._changed:
            old = [one for one in self._idle.values() if _is_replaced(one, placement)]
            doomed = [self._drop(one) for one in old]
        _close_all(doomed)

    def after_fork_in_child(self) -> None:
        # Closing them would end the parent's sessions: they are kept, and never used.
        self._inherited += [one.connection for one in self._idle.values()]
        self._reset()


class PlacementGone(RuntimeError):
    """The current tenant was purged, and its name belongs to another one now."""


def _is_replaced(one: _Idle, placement: Placement) -> bool:
    return one.uid == placement.uid and one.key != placement.key and one.key.split("/")[1] == placement.role


def _close_all(connections: list[Any]) -> None:
    for connection in connections:
        with contextlib.suppress(Exception):
            connection.close()


_pools: weakref.WeakSet[ConnectionPool] = weakref.WeakSet()


def _after_fork_in_child() -> None:
    for pool in list(_pools):
        pool.after_fork_in_child()


os.register_at_fork(after_in_child=_after_fork_in_child)
