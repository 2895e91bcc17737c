"""What every web framework needs: a request's tenant, the answers for those that have none, and paths without one."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus

from croft.errors import (
    CroftError,
    LookupRefused,
    TenantNotFound,
    TenantNotReady,
    TenantRetired,
    TenantSuspended,
    Unauthenticated,
    Unavailable,
)
from croft.placement import Placement
from croft.tenancy import _locators
from croft.tenancy._refused import refused, unreachable
from croft.tenancy._resolve import Request, Resolved, Resolver

#: Statuses of answers, by error. The first that fits counts.
STATUS: dict[type[CroftError], int] = {
    TenantNotFound: 404,
    TenantRetired: 410,
    TenantSuspended: 503,
    TenantNotReady: 503,
    Unavailable: 503,
    Unauthenticated: 503,
    LookupRefused: 503,
    CroftError: 503,
}

#: Makes the body of an answer of this status: (content type, body).
Page = Callable[[int, CroftError | None], tuple[str, str]]


def status_of(error: BaseException) -> int | None:
    """The status that an error is answered with; None for one that is none of Croft's and of no connection."""
    if isinstance(error, CroftError):
        return next(status for kind, status in STATUS.items() if isinstance(error, kind))
    return 503 if refused(error) or unreachable(error) else None


def plain_page(status: int, error: CroftError | None) -> tuple[str, str]:
    """Says no more than the status: what a stranger asked for is not repeated."""
    return "text/plain; charset=utf-8", f"{status} {HTTPStatus(status).phrase}\n"


@dataclasses.dataclass(frozen=True)
class Refusal:
    """An answer in place of the application's."""

    status: int
    content_type: str
    text: str

    @property
    def content(self) -> bytes:
        return self.text.encode()

    @property
    def status_line(self) -> str:
        return f"{self.status} {HTTPStatus(self.status).phrase}"

    @property
    def headers(self) -> dict[str, str]:
        """Without the content's type and length."""
        return {"Retry-After": "5"} if self.status == 503 else {}

    @property
    def all_headers(self) -> list[tuple[str, str]]:
        own = [("Content-Type", self.content_type), ("Content-Length", str(len(self.content)))]
        return own + [*self.headers.items()]


class Budget:
    """How many names that are not in the cache may be asked for: a flood of unknown names must not become a flood of
    lookups. Thread-safe.

    :param rate: a second, over the whole process.
    :param burst: at once.
    """

    def __init__(self, rate: float = 50.0, burst: float = 200.0) -> None:
        self._rate, self._burst = rate, burst
        self._lock = threading.Lock()
        self._left, self._since = burst, time.monotonic()

    def take(self) -> bool:
        with self._lock:
            now = time.monotonic()
            self._left = min(self._burst, self._left + (now - self._since) * self._rate)
            self._since = now
            if self._left < 1:
                return False
            self._left -= 1
            return True


class WebTenancy:
    """How requests find their tenant.

    :param resolve: such as ``by_subdomain("example.com")``.
    :param public: paths that need no tenant, such as ``/healthz``; one that ends in ``/`` stands for all below it.
    :param pages: pages of the application's own, by status.
    :param role: of the logins that requests use.
    """

    def __init__(
        self,
        resolve: Resolver,
        *,
        public: Iterable[str] = (),
        pages: Mapping[int, Page] | None = None,
        role: str = "app",
        budget: Budget | None = None,
    ) -> None:
        if isinstance(public, str):
            raise TypeError("public: must be a list of paths, not one string")
        self._resolve = resolve
        self._public = frozenset(public)
        self._public_folders = tuple(path for path in self._public if path.endswith("/") and path != "/")
        self._pages = dict(pages or {})
        self._budget = budget or Budget()
        self.role = role

    def is_public(self, path: str) -> bool:
        return path in self._public or bool(self._public_folders) and path.startswith(self._public_folders)

    def resolve(self, request: Request) -> Resolved:
        """:raises TenantNotFound: the request names no tenant, or none that can be."""
        resolved = self._resolve(request)
        if resolved is None:
            raise TenantNotFound("the request names no tenant")
        return resolved

    def locate(self, name: str) -> Placement:
        """As :meth:`croft.Locator.locate`, but names that are not in the cache are asked for within the budget alone."""
        locator = _locators.locator(self.role)
        known = locator.cached(name)
        if known is None:
            self._spend(name)
            known = locator.locate(name)
        return known

    def cached_async(self, name: str) -> Placement | None:
        """What :meth:`locate_async` answers without waiting; None when it has to ask."""
        return _locators.async_locator(self.role).cached(name)

    async def locate_async(self, name: str) -> Placement:
        known = self.cached_async(name)
        if known is None:
            self._spend(name)
            known = await _locators.async_locator(self.role).locate(name)
        return known

    def _spend(self, name: str) -> None:
        if not self._budget.take():
            raise TenantNotFound("too many unknown tenants are asked for", tenant=name)

    def refusal(self, error: BaseException) -> Refusal:
        """The answer to a request that ended so."""
        status = status_of(error) or 500
        page = self._pages.get(status, plain_page)
        return Refusal(status, *page(status, error if isinstance(error, CroftError) else None))
