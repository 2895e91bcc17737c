"""The current tenant in FastAPI (and Starlette).

    tenancy = Tenancy(resolve=by_subdomain("example.com"), public=["/healthz"])
    app = FastAPI()
    tenancy.install(app)

    @app.get("/orders")
    async def orders(tenant=Depends(current_tenant), session=Depends(tenancy.session)):
        ...

Streaming answers and background tasks keep the tenant. Locators are opened by the first request in the server's event
loop, never before a fork, and closed at its end; ``lifespan`` is the application's own.
"""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Iterator
from typing import Any

from fastapi import FastAPI

from croft.contrib.asgi import TenantMiddleware
from croft.placement import Placement
from croft.tenancy import current


async def current_tenant() -> Placement:
    """A dependency: the request's tenant. :raises croft.tenancy.NoTenant: for a public path."""
    return current()


class Tenancy:
    """How an application finds its tenants. Other parameters are those of :class:`croft.tenancy.WebTenancy`.

    :param engines: for :meth:`session`, by default :class:`croft.contrib.sqlalchemy.AsyncTenantEngines`.
    :param sync_engines: for :meth:`sync_session`, by default :class:`croft.contrib.sqlalchemy.TenantEngines`.
    :param session_base: of the synchronous sessions, such as ``sqlmodel.Session``.
    """

    def __init__(
        self,
        *,
        engines: Any = None,
        sync_engines: Any = None,
        session_base: Any = None,
        **options: Any,
    ) -> None:
        self._options = options
        self._engines, self._sync_engines = engines, sync_engines
        self._session_base = {"base": session_base} if session_base else {}

    def install(self, app: FastAPI) -> None:
        """Adds the middleware: the outermost of those that are added before it."""
        app.add_middleware(TenantMiddleware, close=self.close, **self._options)

    async def session(self) -> AsyncIterator[Any]:
        """A dependency: an ``AsyncSession`` of the current tenant. The view commits; what it did not commit is rolled
        back when the request has ended. FastAPI runs the end of a dependency after the answer was sent, so a commit there
        could fail when the client was told that it went well."""
        async with self._sessionmaker() as session:
            yield session

    def sync_session(self) -> Iterator[Any]:
        """:meth:`session` for views that are plain functions."""
        with self._sync_sessionmaker() as session:
            yield session

    async def close(self) -> None:
        """Closes idle connections; called at the end of the server's lifespan."""
        if self._engines is not None:
            await self._engines.dispose()
        if self._sync_engines is not None:
            self._sync_engines.dispose()

    @functools.cached_property
    def _sessionmaker(self) -> Any:
        if self._engines is None:
            from croft.contrib.sqlalchemy import AsyncTenantEngines

            self._engines = AsyncTenantEngines()
        return self._engines.sessionmaker(**self._session_base)

    @functools.cached_property
    def _sync_sessionmaker(self) -> Any:
        if self._sync_engines is None:
            from croft.contrib.sqlalchemy import TenantEngines

            self._sync_engines = TenantEngines()
        return self._sync_engines.sessionmaker(**self._session_base)
