"""The locators that this process uses, by role."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import weakref
from collections.abc import Awaitable, Callable, Iterator
from typing import Protocol, TypeVar

from croft.aio import AsyncLocator
from croft.errors import CroftError
from croft.locator import Locator
from croft.placement import Placement


T = TypeVar("T")


class LocatorLike(Protocol):
    """:class:`croft.Locator` and :class:`croft.StaticLocator`."""

    def cached(self, tenant: str) -> Placement | None: ...

    def locate(self, tenant: str) -> Placement: ...

    def connection_rejected(self, tenant: str) -> Placement: ...

    def on_change(self, callback: Callable[[str, Placement | None], None]) -> Callable[[], None]: ...

    def close(self) -> None: ...


class AsyncLocatorLike(Protocol):
    """:class:`croft.aio.AsyncLocator` and :class:`croft.aio.AsyncStaticLocator`."""

    def cached(self, tenant: str) -> Placement | None: ...

    def locate(self, tenant: str) -> Awaitable[Placement]: ...

    def connection_rejected(self, tenant: str) -> Awaitable[Placement]: ...

    def on_change(self, callback: Callable[[str, Placement | None], None]) -> Callable[[], None]: ...

    async def close(self) -> None: ...


_lock = threading.Lock()
_locators: dict[str, LocatorLike] = {}
_made: list[LocatorLike] = []
_async_overrides: dict[str, AsyncLocatorLike] = {}
_async_locators: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, AsyncLocatorLike]] = (
    weakref.WeakKeyDictionary()
)


def locator(role: str = "app") -> LocatorLike:
    """The process's locator for a role. Made at first use from the environment, unless :func:`use` gave one. It may be
    made before a fork."""
    found = _locators.get(role)
    if found is None:
        with _lock:
            found = _locators.get(role)
            if found is None:
                found = _locators[role] = Locator(role=role)
                _made.append(found)
    return found


def async_locator(role: str = "app") -> AsyncLocatorLike:
    """The running event loop's locator for a role, made at first use from the environment unless :func:`use` gave one.
    Close it by :func:`close_async` before the loop ends."""
    if role in _async_overrides:
        return _async_overrides[role]
    of_loop = _async_locators.setdefault(asyncio.get_running_loop(), {})
    if role not in of_loop:
        of_loop[role] = AsyncLocator(role=role)
    return of_loop[role]


def use(
    locator: LocatorLike | None = None, *, role: str = "app", asynchronous: AsyncLocatorLike | None = None
) -> None:
    """Replaces the locators that are made from the environment."""
    with _lock:
        if locator is not None:
            _locators[role] = locator
        if asynchronous is not None:
            _async_overrides[role] = asynchronous


@contextlib.contextmanager
def override(
    locator: LocatorLike, *, role: str = "app", asynchronous: AsyncLocatorLike | None = None
) -> Iterator[None]:
    """:func:`use` for the length of a block; for tests."""
    with _lock:
        before, async_before = _locators.get(role), _async_overrides.get(role)
    use(locator, role=role, asynchronous=asynchronous)
    try:
        yield
    finally:
        with _lock:
            _restore(_locators, role, before)
            _restore(_async_overrides, role, async_before)


def _restore(table: dict[str, T], role: str, before: T | None) -> None:
    if before is not None:
        table[role] = before
    elif role in table:
        del table[role]


async def close_async() -> None:
    """Closes what :func:`async_locator` made for the running event loop."""
    for one in _async_locators.pop(asyncio.get_running_loop(), {}).values():
        await one.close()


def close() -> None:
    """Closes what :func:`locator` made."""
    with _lock:
        made = _made[:]
        _made.clear()
        for role in [role for role, one in _locators.items() if one in made]:
            del _locators[role]
    for one in made:
        one.close()


def refreshed(placement: Placement) -> Placement:
    """The tenant's placement as the cache has it now, or the same one when it has none."""
    role = placement.role
    known: Placement | None = None
    try:
        loop = asyncio._get_running_loop()  # as get_running_loop(), which raises when there is none: that is dear
        if loop is not None:
            of_loop = _async_overrides.get(role) or _async_locators.get(loop, {}).get(role)
            known = of_loop.cached(placement.tenant) if of_loop is not None else None
        if known is None or known.uid != placement.uid:
            of_threads = _locators.get(role)
            known = of_threads.cached(placement.tenant) if of_threads is not None else None
    except CroftError:
        return placement
    return placement if known is None or known.uid != placement.uid else known
