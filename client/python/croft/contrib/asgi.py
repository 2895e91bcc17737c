"""The current tenant for any ASGI application: requests and websockets.

    application = TenantMiddleware(application, resolve=by_subdomain("example.com"), public=["/healthz"])

The tenant is current in the task that serves the request and in tasks that it starts: streaming answers and background
tasks keep it.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, MutableMapping
from typing import Any

from croft.errors import CroftError
from croft.tenancy import Request, WebTenancy, close_async, status_of, without_tenant
from croft.tenancy._context import enter, leave

log = logging.getLogger("croft")

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]


class _Headers(Mapping[str, str]):
    """A scope's headers by lower-case name; the first of several."""

    __slots__ = ("_headers",)

    def __init__(self, headers: Iterable[tuple[bytes, bytes]]) -> None:
        self._headers = headers

    def __getitem__(self, name: str) -> str:
        wanted = name.encode("latin-1")
        for key, value in self._headers:
            if key == wanted:
                return value.decode("latin-1")
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return (key.decode("latin-1") for key, _ in self._headers)

    def __len__(self) -> int:
        return sum(1 for _ in self._headers)


def request_of(scope: Scope) -> Request:
    """What resolvers see of an ASGI request."""
    headers = scope.get("headers", ())
    peer = scope.get("client")
    host = ""
    for name, value in headers:
        if name == b"host":
            host = value.decode("latin-1")
            break
    return Request(host, scope.get("path", ""), _Headers(headers), peer[0] if peer else "", scope)


class TenantMiddleware:
    """Resolves each request's tenant; answers 404, 410 or 503 itself when there is none to work for, and closes a
    websocket with 1008 or 1013.

    The parameters are those of :class:`croft.tenancy.WebTenancy`. ``scope["croft.tenant"]`` is the placement. An error of
    Croft's that the application lets through, before it has begun to answer, is answered by its status, too. At the end
    of the server's lifespan ``close`` is called and the event loop's locators are closed.
    """

    def __init__(
        self,
        app: Application,
        *,
        close: Callable[[], Awaitable[None]] | None = None,
        **options: Any,
    ) -> None:
        self._app = app
        self._close = close
        self._tenancy = WebTenancy(**options)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        kind, tenancy = scope["type"], self._tenancy
        if kind == "lifespan":
            return await self._lifespan(scope, receive, send)
        if kind not in ("http", "websocket") or tenancy.is_public(scope.get("path", "")):
            with without_tenant():
                return await self._app(scope, receive, send)
        try:
            resolved = tenancy.resolve(request_of(scope))
            placement = tenancy.cached_async(resolved.name) or await tenancy.locate_async(resolved.name)
        except CroftError as error:
            return await self._refuse(error, scope, receive, send)
        scope = dict(scope)
        if resolved.prefix:
            scope["root_path"] = scope.get("root_path", "") + resolved.prefix
            scope["path"] = scope["path"][len(resolved.prefix) :] or "/"
        scope["croft.tenant"] = placement
        started = False

        def watched(message: Message) -> Awaitable[None]:  # not a coroutine of its own, which each message would pay for
            nonlocal started
            started = True
            return send(message)

        before = enter(placement)
        try:
            await self._app(scope, receive, watched)
        except Exception as error:
            if started or status_of(error) is None:
                raise
            log.warning("a request of tenant %s failed: %s", placement.tenant, error)
            await self._refuse(error, scope, receive, send)
        finally:
            leave(before)

    async def _lifespan(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def watched(message: Message) -> None:
            if message["type"].startswith("lifespan.shutdown."):
                if self._close is not None:
                    await self._close()
                await close_async()
            await send(message)

        await self._app(scope, receive, watched)

    async def _refuse(self, error: Exception, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = self._tenancy.refusal(error)
        if scope["type"] == "websocket":
            await receive()  # websocket.connect
            await send({"type": "websocket.close", "code": 1013 if refusal.status == 503 else 1008})
            return
        headers = [(name.lower().encode(), value.encode()) for name, value in refusal.all_headers]
        await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
        await send({"type": "http.response.body", "body": refusal.content})
