"""The current tenant for any ASGI application: requests and websockets.

    application = TenantMiddleware(application, resolve=by_subdomain("example.com"), public=["/healthz"])

The tenant is current in the task that serves the request and in tasks that it starts: streaming answers and background
tasks keep it.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping, MutableMapping
from typing import Any

from croft.errors import CroftError
from croft.tenancy import Request, WebTenancy, close_async, status_of, tenant, without_tenant

log = logging.getLogger("croft")

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]


class _Headers(Mapping[str, str]):
    """A scope's headers by lower-case name; the first of several."""

    def __init__(self, scope: Scope) -> None:
        self._headers: list[tuple[bytes, bytes]] = scope.get("headers", [])

    def __getitem__(self, name: str) -> str:
        wanted = name.encode("latin-1")
        for key, value in self._headers:
            if key == wanted:
                return value.decode("latin-1")
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return (key.decode("latin-1") for key, _ in self._headers)

    def __len__(self) -> int:
        return len(self._headers)


def request_of(scope: Scope) -> Request:
    """What resolvers see of an ASGI request."""
    headers = _Headers(scope)
    peer = scope.get("client")
    return Request(headers.get("host", ""), scope.get("path", ""), headers, peer[0] if peer else "", scope)


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
        if scope["type"] == "lifespan":
            return await self._lifespan(scope, receive, send)
        if scope["type"] not in ("http", "websocket") or self._tenancy.is_public(scope.get("path", "")):
            with without_tenant():
                return await self._app(scope, receive, send)
        try:
            resolved = self._tenancy.resolve(request_of(scope))
            placement = await self._tenancy.locate_async(resolved.name)
        except CroftError as error:
            return await self._refuse(error, scope, receive, send)
        scope = dict(scope)
        if resolved.prefix:
            scope["root_path"] = scope.get("root_path", "") + resolved.prefix
            scope["path"] = scope["path"][len(resolved.prefix) :] or "/"
        scope["croft.tenant"] = placement
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        with tenant(placement):
            try:
                await self._app(scope, receive, watched)
            except Exception as error:
                if started or status_of(error) is None:
                    raise
                log.warning("a request of tenant %s failed: %s", placement.tenant, error)
                await self._refuse(error, scope, receive, send)

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
