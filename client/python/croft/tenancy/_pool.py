"""A pool of connections over all tenants, for psycopg, psycopg2 and other blocking drivers."""

from __future__ import annotations

import contextlib
import os
import threading
import time
import weakref
from collections.abc import Callable
from types import TracebackType
from typing import Any

from croft.placement import Placement
from croft.tenancy import _locators
from croft.tenancy._context import current
from croft.tenancy._open import WAIT, open_connection
from croft.tenancy._refused import ended
from croft.tenancy._shelf import PoolStatus, PoolTimeout, Shelf, check_same_tenant


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
        self._connect = connect
        self._limits = (max_connections, max_per_tenant, max_idle)
        self._timeout, self._wait = timeout, wait
        self._inherited: list[Any] = []
        self._reset()
        _pools.add(self)

    def _reset(self) -> None:
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)
        self._waiting = 0  # for it; to tell nobody is dear, too
        self._shelf = Shelf(*self._limits)
        self._closed = False
        self._watched: set[tuple[str, int]] = set()  # locators

    def connection(self) -> contextlib.AbstractContextManager[Any]:
        """A connection of the current tenant; commits at the end, or rolls back what raised.

        :raises croft.tenancy.NoTenant: there is no current tenant.
        :raises PoolTimeout: none became free in time.
        :raises: what :func:`~croft.tenancy.open_connection` raises.
        """
        return _Block(self)

    def status(self) -> PoolStatus:
        with self._lock:
            return self._shelf.status()

    def close(self) -> None:
        """Closes idle connections, and those in use when they come back."""
        with self._lock:
            self._closed = True
            idle = self._shelf.take_all()
            self._tell()
        _close_all(idle)

    # --- Inside.

    def _take(self, placement: Placement) -> tuple[Any, str]:
        locator = _locators.locator(placement.role)
        self._watch(placement.role, locator)
        key = locator.locate(placement.tenant).key
        while True:
            doomed: list[Any] = []
            try:
                connection = self._reserve(placement.uid, key, doomed)
            finally:
                _close_all(doomed)
            if connection is None:
                break
            if not ended(connection):
                return connection, key
            self._release(placement.uid)
            _close_all([connection])
        try:
            return self._open(locator, placement)
        except BaseException:
            self._release(placement.uid)
            raise

    def _open(self, locator: _locators.LocatorLike, placement: Placement) -> tuple[Any, str]:
        def connect(now: Placement) -> tuple[Any, str]:
            check_same_tenant(now, placement)
            return self._connect(now), now.key

        opened = open_connection(locator, placement.tenant, connect, wait=self._wait)
        with self._lock:
            self._shelf.note_opened()
        return opened

    def _reserve(self, uid: str, key: str, doomed: list[Any]) -> Any:
        """An idle connection, or None where there is room for a new one. Adds what is to be closed."""
        deadline = time.monotonic() + self._timeout
        with self._lock:
            while True:
                if self._closed:
                    raise RuntimeError("the pool is closed")
                may_go_on, connection = self._shelf.reserve(uid, key, doomed)
                if doomed:  # others wait for a tenant's room, or for that of all
                    self._tell()
                if may_go_on:
                    return connection
                left = deadline - time.monotonic()
                if left <= 0:
                    raise PoolTimeout(f"no connection became free within {self._timeout} s")
                self._waiting += 1
                try:
                    self._changed.wait(left)
                finally:
                    self._waiting -= 1

    def _tell(self) -> None:
        if self._waiting:
            self._changed.notify_all()

    def _release(self, uid: str) -> None:
        with self._lock:
            self._shelf.release(uid)
            self._tell()

    def _give_back(self, placement: Placement, connection: Any, key: str, is_open: bool) -> None:
        is_current = _locators.refreshed(placement).key == key
        with self._lock:
            keep = is_current and is_open and not self._closed
            doomed = self._shelf.give_back(connection, placement.uid, key, keep)
            self._tell()
        _close_all(doomed)

    def _watch(self, role: str, locator: _locators.LocatorLike) -> None:
        if (role, id(locator)) in self._watched:
            return
        with self._lock:
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
        with self._lock:
            doomed = self._shelf.take_replaced(placement)
            self._tell()
        _close_all(doomed)

    def after_fork_in_child(self) -> None:
        # Closing them would end the parent's sessions: they are kept, and never used.
        self._inherited += self._shelf.idle()
        self._reset()


class _Block(contextlib.AbstractContextManager[Any]):
    """A connection for the length of a block. A generator would say it shorter, and costs each request three times as
    many calls."""

    def __init__(self, pool: ConnectionPool) -> None:
        self._pool = pool

    def __enter__(self) -> Any:
        self._placement = current()
        self._connection, self._key = self._pool._take(self._placement)
        return self._connection

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        ends_well = False
        try:
            if kind is None:
                self._connection.commit()
                ends_well = True
        finally:
            if not ends_well:
                with contextlib.suppress(Exception):  # it may be what broke
                    self._connection.rollback()
            is_open = ends_well or not self._connection.closed
            self._pool._give_back(self._placement, self._connection, self._key, is_open)


def _close_all(connections: list[Any]) -> None:
    for connection in connections:
        with contextlib.suppress(Exception):
            connection.close()


_pools: weakref.WeakSet[ConnectionPool] = weakref.WeakSet()


def _after_fork_in_child() -> None:
    for pool in list(_pools):
        pool.after_fork_in_child()


os.register_at_fork(after_in_child=_after_fork_in_child)
