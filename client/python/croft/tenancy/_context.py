"""Which tenant the current thread, task or greenlet works for."""

from __future__ import annotations

import contextlib
import contextvars
import functools
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any, ParamSpec, TypeVar

from croft.placement import Placement
from croft.tenancy import _locators

P = ParamSpec("P")
T = TypeVar("T")

_current: contextvars.ContextVar[Placement | None] = contextvars.ContextVar("croft_tenant", default=None)

#: Called with the tenant that is left for another one; raises when that must not be.
Guard = Callable[[Placement], None]

_guards: list[Guard] = []


class NoTenant(RuntimeError):
    """Something needs a tenant and there is none: no request was resolved, or a job runs without ``tenant()``."""


class TenantSwitch(RuntimeError):
    """Another tenant was entered while a transaction of the present one is open."""


def current() -> Placement:
    """The current tenant's placement, as it was when the tenant was entered. :raises NoTenant:"""
    placement = _current.get()
    if placement is None:
        raise NoTenant("there is no current tenant: resolve the request, or enter one by croft.tenancy.tenant(...)")
    return placement


def current_or_none() -> Placement | None:
    """The current tenant's placement, or None."""
    return _current.get()


class tenant:
    """Enters a tenant, by id, alias or placement, for the length of a ``with`` or ``async with`` block.

        with tenant("acme"):
            ...

    What is raised inside does not keep the tenant from being left. A thread, task or greenlet that is started inside a
    block of another one's sees what :mod:`contextvars` say: a task and a greenlet begin with its tenant, a thread with
    none; see :func:`bind`.

    :param role: of the logins that are used inside: ``app``, ``read_only`` or ``migrate``.
    :raises TenantSwitch: on entering, when a transaction of another tenant is open.
    :raises croft.CroftError: on entering, as :meth:`croft.Locator.locate` does.
    """

    def __init__(self, name: str | Placement, *, role: str = "app") -> None:
        self._name = name
        self._role = role
        self._before: list[Placement | None] = []

    def __enter__(self) -> Placement:
        name = self._name
        return self._set(_locators.locator(self._role).locate(name) if isinstance(name, str) else name)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _current.set(self._before.pop())

    async def __aenter__(self) -> Placement:
        name = self._name
        return self._set(await _locators.async_locator(self._role).locate(name) if isinstance(name, str) else name)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _current.set(self._before.pop())

    def _set(self, placement: Placement) -> Placement:
        self._before.append(enter(placement))
        return placement


def enter(placement: Placement) -> Placement | None:
    """For glue: :class:`tenant` without a block, which costs each request four calls more. Whoever enters a tenant leaves
    it in a ``finally``, in the same context.

    :returns: what :func:`leave` needs.
    :raises TenantSwitch: a transaction of another tenant is open.
    """
    before = _current.get()
    if before is not None and (before.uid, before.role) != (placement.uid, placement.role):
        for guard in _guards:
            guard(before)
    _current.set(placement)
    return before


#: For glue: ``leave(before)`` makes the tenant current that was so before :func:`enter`.
leave: Callable[[Placement | None], object] = _current.set


@contextlib.contextmanager
def without_tenant() -> Iterator[None]:
    """Leaves the current tenant for the length of a block, for work on what all tenants share."""
    before = _current.get()
    _current.set(None)
    try:
        yield
    finally:
        _current.set(before)


def add_guard(guard: Guard) -> None:
    """For glue: asks ``guard`` before a tenant is left for another one."""
    if guard not in _guards:
        _guards.append(guard)


def bind(function: Callable[P, T]) -> Callable[P, T]:
    """``function`` with the current tenant, wherever it is called: for threads and executors, which start with none.

    :raises NoTenant: there is none now.
    """
    placement = current()

    @functools.wraps(function)
    def bound(*arguments: P.args, **named: P.kwargs) -> T:
        with tenant(placement):
            return function(*arguments, **named)

    return bound


def tenant_settings() -> dict[str, Any]:
    """The current tenant's ``settings``. From the cache: no call to the control plane. :raises NoTenant:"""
    return _locators.refreshed(current()).settings


def feature(name: str, default: Any = False) -> Any:
    """The current tenant's value of a feature flag, or ``default``. :raises NoTenant:"""
    return _locators.refreshed(current()).features.get(name, default)
