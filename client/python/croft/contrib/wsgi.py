"""The current tenant for any WSGI application.

    application = TenantMiddleware(application, resolve=by_subdomain("example.com"), public=["/healthz"])

The tenant is current while the application is called and while its answer is read, also when it streams.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from croft.errors import CroftError
from croft.placement import Placement
from croft.tenancy import Request, WebTenancy, status_of, tenant, without_tenant
from croft.tenancy._context import enter, leave

log = logging.getLogger("croft")

Environ = dict[str, Any]
Application = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]


class _Headers(Mapping[str, str]):
    """An environ's headers by lower-case name."""

    __slots__ = ("_environ",)

    def __init__(self, environ: Environ) -> None:
        self._environ = environ

    def __getitem__(self, name: str) -> str:
        value: str = self._environ["HTTP_" + name.upper().replace("-", "_")]
        return value

    def __iter__(self) -> Iterator[str]:
        return (key[5:].lower().replace("_", "-") for key in self._environ if key.startswith("HTTP_"))

    def __len__(self) -> int:
        return sum(1 for _ in self)


def request_of(environ: Environ) -> Request:
    """What resolvers see of a WSGI request."""
    return Request(
        host=environ.get("HTTP_HOST") or environ.get("SERVER_NAME") or "",
        path=environ.get("PATH_INFO", ""),
        headers=_Headers(environ),
        peer=environ.get("REMOTE_ADDR", ""),
        raw=environ,
    )


class TenantMiddleware:
    """Resolves each request's tenant; answers 404, 410 or 503 itself when there is none to work for.

    The parameters are those of :class:`croft.tenancy.WebTenancy`. ``environ["croft.tenant"]`` is the placement. An error
    of Croft's that the application lets through, before it has begun to answer, is answered by its status, too.
    """

    def __init__(self, application: Application, **options: Any) -> None:
        self._application = application
        self._tenancy = WebTenancy(**options)

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        if self._tenancy.is_public(environ.get("PATH_INFO", "")):
            with without_tenant():
                return self._application(environ, start_response)
        try:
            resolved = self._tenancy.resolve(request_of(environ))
            placement = self._tenancy.locate(resolved.name)
        except CroftError as error:
            return self._refuse(error, start_response)
        if resolved.prefix:
            environ["SCRIPT_NAME"] = environ.get("SCRIPT_NAME", "") + resolved.prefix
            environ["PATH_INFO"] = environ["PATH_INFO"][len(resolved.prefix) :] or "/"
        environ["croft.tenant"] = placement
        return self._call(placement, environ, start_response)

    def _call(self, placement: Placement, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        started = False

        def start(*arguments: Any, **named: Any) -> Any:
            nonlocal started
            started = True
            return start_response(*arguments, **named)

        before = enter(placement)
        try:
            body = self._application(environ, start)
        except Exception as error:
            if started or status_of(error) is None:
                raise
            log.warning("a request of tenant %s failed: %s", placement.tenant, error)
            return self._refuse(error, start_response)
        finally:
            leave(before)
        return body if isinstance(body, (list, tuple)) else Body(body, placement)

    def _refuse(self, error: Exception, start_response: Callable[..., Any]) -> Iterable[bytes]:
        refusal = self._tenancy.refusal(error)
        start_response(refusal.status_line, refusal.all_headers)
        return [refusal.content]


class Body:
    """Reads an answer with its tenant current; between two parts the thread may do other work."""

    def __init__(self, body: Iterable[bytes], placement: Placement) -> None:
        self._body, self._placement = body, placement
        self._parts = iter(body)

    def __iter__(self) -> Body:
        return self

    def __next__(self) -> bytes:
        with tenant(self._placement):
            return next(self._parts)

    def close(self) -> None:
        close = getattr(self._body, "close", None)
        if close is not None:
            with tenant(self._placement):
                close()
