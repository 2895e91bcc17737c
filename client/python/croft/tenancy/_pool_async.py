"""A pool of asyncpg's connections over all tenants."""

from __future__ import annotations

import asyncio
import contextlib
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from croft.placement import Placement
from croft.tenancy import _locators
from croft.tenancy._context import current
from croft.tenancy._open import WAIT, open_connection_async
from croft.tenancy._refused import ended_async
from croft.tenancy._shelf import PoolStatus, PoolTimeout, Shelf, check_same_tenant

#: Seconds that the server has to end a connection properly.
FAREWELL = 2.0


class AsyncConnectionPool:
    """:class:`~croft.tenancy.ConnectionPool` for asyncio and asyncpg; of one event loop.

        pool = AsyncConnectionPool(lambda placement: asyncpg.connect(**placement.asyncpg_kwargs()))
        async with tenant("acme"), pool.connection() as connection:
            await connection.fetchval("SELECT 1")

    The password exchange of a new connection takes asyncpg many milliseconds of the event loop, which all other requests
    wait for.

    :param connect: opens one connection.
    :param max_connections: of this event loop, over all tenants.
    :param max_per_tenant: of this event loop, for each tenant.
    :param max_idle: seconds after which an idle connection is closed, when the pool is next used.
    :param timeout: seconds to wait for a free connection.
    :param wait: seconds to wait for a newer placement when PostgreSQL refuses the login.
    """

    def __init__(
        self,
        connect: Callable[[Placement], Awaitable[Any]],
        *,
        max_connections: int = 50,
        max_per_tenant: int = 10,
        max_idle: float = 300.0,
        timeout: float = 30.0,
        wait: float = WAIT,
    ) -> None:
        self._connect = connect
        self._timeout, self._wait = timeout, wait
        self._shelf = Shelf(max_connections, max_per_tenant, max_idle)
        self._closed = False
        self._waiters: set[asyncio.Future[None]] = set()
        self._closing: set[asyncio.Task[None]] = set()
        self._watched: set[tuple[str, int]] = set()  # locators

    @contextlib.asynccontextmanager
    async def connection(self) -> AsyncIterator[Any]:
        """A connection of the current tenant. A transaction that is open at the end is rolled back.

        :raises croft.tenancy.NoTenant: there is no current tenant.
        :raises PoolTimeout: none became free in time.
        :raises: what :func:`~croft.tenancy.open_connection_async` raises.
        """
        placement = current()
        self._watch(placement.role)
        connection, key = await self._take(placement)
        is_whole = False
        try:
            yield connection
            is_whole = True
        except Exception:
            is_whole = True
            raise
        finally:
            # What was cancelled may still be at work on the server.
            keep = is_whole and await self._is_clean(connection)
            self._give_back(placement, connection, key, keep)

    def status(self) -> PoolStatus:
        return self._shelf.status()

    async def close(self) -> None:
        """Closes idle connections, and those in use when they come back."""
        self._closed = True
        self._close_all(self._shelf.take_all())
        self._wake()
        await asyncio.gather(*self._closing)

    # --- Inside.

    async def _take(self, placement: Placement) -> tuple[Any, str]:
        locator = _locators.async_locator(placement.role)
        key = (await locator.locate(placement.tenant)).key
        while True:
            connection = await self._reserve(placement.uid, key)
            if connection is None:
                break
            if not ended_async(connection):
                return connection, key
            self._release(placement.uid)
            self._close_all([connection])
        try:
            opened = await self._open(locator, placement)
        except BaseException:
            self._release(placement.uid)
            raise
        self._shelf.note_opened()
        return opened

    async def _open(self, locator: _locators.AsyncLocatorLike, placement: Placement) -> tuple[Any, str]:
        async def connect(now: Placement) -> tuple[Any, str]:
            check_same_tenant(now, placement)
            return await self._connect(now), now.key

        return await open_connection_async(locator, placement.tenant, connect, wait=self._wait)

    async def _reserve(self, uid: str, key: str) -> Any:
        """An idle connection, or None where a new one may be opened."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._timeout
        while True:
            if self._closed:
                raise RuntimeError("the pool is closed")
            doomed: list[Any] = []
            may_go_on, connection = self._shelf.reserve(uid, key, doomed)
            closing = self._close_all(doomed)
            if doomed:
                self._wake()
            if may_go_on:
                if connection is None:
                    await self._until_closed(closing, uid)
                return connection
            waiter: asyncio.Future[None] = loop.create_future()
            self._waiters.add(waiter)
            try:
                # Not wait_for, which forgets that it was cancelled when the waiter is woken at the same time.
                woken, _ = await asyncio.wait([waiter], timeout=deadline - loop.time())
            finally:
                self._waiters.discard(waiter)
            if not woken:
                raise PoolTimeout(f"no connection became free within {self._timeout} s")

    async def _until_closed(self, closing: list[asyncio.Task[None]], uid: str) -> None:
        """Their places are free only now. What was reserved for `uid` is given back when this is cancelled."""
        try:
            if closing:
                await asyncio.wait(closing)
        except BaseException:
            self._release(uid)
            raise

    def _wake(self) -> None:
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)

    @staticmethod
    async def _is_clean(connection: Any) -> bool:
        try:
            if not connection.is_closed() and connection.is_in_transaction():
                await connection.execute("ROLLBACK")
            return not connection.is_closed()
        except Exception:  # it is what broke
            return False

    def _release(self, uid: str) -> None:
        self._shelf.release(uid)
        self._wake()

    def _give_back(self, placement: Placement, connection: Any, key: str, keep: bool) -> None:
        is_current = _locators.refreshed(placement).key == key
        self._close_all(self._shelf.give_back(connection, placement.uid, key, keep and is_current and not self._closed))
        self._wake()

    def _close_all(self, connections: list[Any]) -> list[asyncio.Task[None]]:
        tasks = [asyncio.get_running_loop().create_task(_close(connection)) for connection in connections]
        for task in tasks:
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)
        return tasks

    def _watch(self, role: str) -> None:
        locator = _locators.async_locator(role)
        if (role, id(locator)) in self._watched:
            return
        self._watched.add((role, id(locator)))
        weak = weakref.ref(self)

        def tell(_: str, placement: Placement | None) -> None:
            pool = weak()
            if pool is not None and placement is not None:
                pool._close_all(pool._shelf.take_replaced(placement))
                pool._wake()

        locator.on_change(tell)


async def _close(connection: Any) -> None:
    try:
        await connection.close(timeout=FAREWELL)
    except Exception:  # it is gone already, or does not listen
        connection.terminate()
