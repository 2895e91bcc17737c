"""Opening a connection to a tenant that may just be moving."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from croft.placement import Placement
from croft.tenancy._locators import AsyncLocatorLike, LocatorLike
from croft.tenancy._refused import refused

C = TypeVar("C")

#: Seconds that a request waits for a tenant's newer placement.
WAIT = 10.0
#: Seconds between two questions to the control plane while it waits, should the watch be silent.
LOOK = 1.0
#: Seconds that even the last attempt may take.
SHORTEST = 1.0


class _Attempts:
    """Decides what follows a failed attempt; the sync and the asyncio way share it."""

    def __init__(self, wait: float) -> None:
        self._deadline = time.monotonic() + wait
        self._tried = ""
        self._asked = False

    def note(self, tried: Placement, error: Exception) -> None:
        """:raises: the error, when nothing newer is to be expected, or not in time."""
        again = self._tried == tried.key
        self._tried = tried.key
        if not refused(error) and self._asked and again:
            # The server is away, and the control plane has no other for it.
            raise error
        self._asked = True
        if time.monotonic() >= self._deadline:
            raise error

    def is_new(self, placement: Placement) -> bool:
        return placement.key != self._tried

    def left(self) -> float:
        return self._deadline - time.monotonic()

    def limit(self) -> float:
        """Seconds that the next attempt may take."""
        return max(SHORTEST, self.left())


def open_connection(
    locator: LocatorLike, tenant: str, connect: Callable[[Placement], C], *, wait: float = WAIT
) -> C:
    """``connect(placement)`` with the tenant's placement. When PostgreSQL refuses it, asks the control plane again and
    waits up to ``wait`` seconds for a newer placement, as during a restore in place or a move.

    An attempt that hangs is ``connect``'s to end: give libpq a ``connect_timeout``.

    :raises: what ``connect`` last raised; what :meth:`~croft.Locator.locate` raises, at once.
    """
    placement = locator.locate(tenant)
    attempts = _Attempts(wait)
    while True:
        try:
            return connect(placement)
        except Exception as error:
            attempts.note(placement, error)
            last = error
        placement = locator.connection_rejected(tenant)
        if attempts.is_new(placement) or not refused(last):
            continue
        placement = _await_change(locator, placement, min(LOOK, attempts.left()))


def _await_change(locator: LocatorLike, placement: Placement, seconds: float) -> Placement:
    changed = threading.Event()
    stop = locator.on_change(lambda tenant, _: changed.set() if tenant == placement.tenant else None)
    try:
        now = locator.locate(placement.tenant)
        if now.key == placement.key and seconds > 0:
            changed.wait(seconds)
            now = locator.locate(placement.tenant)
        return now
    finally:
        stop()


async def open_connection_async(
    locator: AsyncLocatorLike, tenant: str, connect: Callable[[Placement], Awaitable[C]], *, wait: float = WAIT
) -> C:
    """:func:`open_connection` for asyncio. An attempt that hangs is given up when ``wait`` is over."""
    placement = await locator.locate(tenant)
    attempts = _Attempts(wait)
    last: Exception | None = None
    while True:
        try:
            return await asyncio.wait_for(connect(placement), attempts.limit())
        except TimeoutError:
            raise last or ConnectionError(f"PostgreSQL did not answer within {wait:g} s") from None
        except Exception as error:
            attempts.note(placement, error)
            last = error
        placement = await locator.connection_rejected(tenant)
        if attempts.is_new(placement) or not refused(last):
            continue
        placement = await _await_change_async(locator, placement, min(LOOK, attempts.left()))


async def _await_change_async(locator: AsyncLocatorLike, placement: Placement, seconds: float) -> Placement:
    changed = asyncio.Event()
    stop = locator.on_change(lambda tenant, _: changed.set() if tenant == placement.tenant else None)
    try:
        now = await locator.locate(placement.tenant)
        if now.key == placement.key and seconds > 0:
            try:
                await asyncio.wait_for(changed.wait(), seconds)
            except TimeoutError:
                pass
            now = await locator.locate(placement.tenant)
        return now
    finally:
        stop()
