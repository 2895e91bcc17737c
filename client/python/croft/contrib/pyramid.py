"""The current tenant in Pyramid 2.

    config = Configurator(settings={"croft.resolve": by_subdomain("example.com")})
    config.include("pyramid_tm")
    config.include("croft.contrib.pyramid")

``request.tenant`` is the placement, ``request.tenant_session`` a SQLAlchemy session of its database that takes part in the
transaction of pyramid_tm. A view that needs no tenant says ``require_tenant=False``.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from pyramid.interfaces import ITweens
from pyramid.response import Response
from pyramid.tweens import INGRESS

from croft.contrib.wsgi import request_of
from croft.errors import CroftError
from croft.placement import Placement
from croft.tenancy import NoTenant, WebTenancy, current, status_of, without_tenant
from croft.tenancy._context import enter, leave

log = logging.getLogger("croft")

#: In the environ, where no client can set it: the tenant of a test.
TEST_TENANT = "croft.test_tenant"

_TWEEN = "croft.contrib.pyramid.tenant_tween"


def includeme(config: Any) -> None:
    """Reads the settings ``croft.resolve`` (a resolver or its dotted name; required), ``croft.public`` (paths),
    ``croft.pages``, ``croft.role`` and ``croft.engines`` (:class:`~croft.contrib.sqlalchemy.TenantEngines`)."""
    settings = config.get_settings()
    resolve = config.maybe_dotted(settings.get("croft.resolve"))
    if resolve is None:
        raise ValueError('croft.resolve: name a resolver, such as croft.tenancy.by_subdomain("example.com")')
    public = settings.get("croft.public", ())
    config.registry["croft.tenancy"] = WebTenancy(
        resolve,
        public=public.split() if isinstance(public, str) else public,
        pages=settings.get("croft.pages"),
        role=settings.get("croft.role", "app"),
    )
    config.add_tween(_TWEEN, under=INGRESS)
    config.add_view_deriver(_require_tenant, "require_tenant")
    config.add_request_method(_tenant_of, "tenant", reify=True)
    config.add_request_method(_session_of, "tenant_session", reify=True)


def tenant_root(make: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A root factory for traversal: ``make(request)`` with the tenant current. Requests without a tenant get a root
    without children, which views with ``require_tenant=False`` can have as their context."""

    def factory(request: Any) -> Any:
        return Nobody() if request.tenant is None else make(request)

    return factory


class Nobody:
    """The root of a request without a tenant."""

    __name__ = None
    __parent__ = None


def tenant_tween(handler: Callable[[Any], Any], registry: Any) -> Callable[[Any], Any]:
    """Enters each request's tenant. Whether one is needed is the view's to say."""
    tenancy: WebTenancy = registry["croft.tenancy"]

    def tween(request: Any) -> Any:
        environ = request.environ
        environ.pop("croft.tenant", None)
        if tenancy.is_public(environ.get("PATH_INFO", "")):
            with without_tenant():
                return handler(request)
        try:
            placement = _locate(tenancy, environ)
        except CroftError as error:
            environ["croft.refused"] = error
            with without_tenant():
                return _answered(tenancy, handler, request)
        environ["croft.tenant"] = placement
        before = enter(placement)
        try:
            return _kept(_answered(tenancy, handler, request), placement)
        finally:
            leave(before)

    return tween


def _locate(tenancy: WebTenancy, environ: dict[str, Any]) -> Placement:
    if environ.get(TEST_TENANT):
        return tenancy.locate(environ[TEST_TENANT])
    resolved = tenancy.resolve(request_of(environ))
    placement = tenancy.locate(resolved.name)
    if resolved.prefix:
        environ["SCRIPT_NAME"] = environ.get("SCRIPT_NAME", "") + resolved.prefix
        environ["PATH_INFO"] = environ["PATH_INFO"][len(resolved.prefix) :] or "/"
    return placement


def _answered(tenancy: WebTenancy, handler: Callable[[Any], Any], request: Any) -> Any:
    """The answer; an error of Croft's that no view of exceptions took is answered by its status."""
    try:
        return handler(request)
    except Exception as error:
        if status_of(error) is None:
            raise
        if error is not request.environ.get("croft.refused"):
            log.warning("a request of tenant %s failed: %s", request.tenant and request.tenant.tenant, error)
        refusal = tenancy.refusal(error)
        return Response(refusal.content, status=refusal.status, headerlist=refusal.all_headers)


def _kept(response: Any, placement: Placement) -> Any:
    """The response, whose streamed parts are read with the tenant current."""
    if not isinstance(response.app_iter, (list, tuple)):
        from croft.contrib.wsgi import Body

        response.app_iter = Body(response.app_iter, placement)
    return response


def _require_tenant(view: Any, info: Any) -> Any:
    if info.options.get("require_tenant", True) is False or info.exception_only:
        return view

    def requiring(context: Any, request: Any) -> Any:
        if request.tenant is None:
            raise request.environ.get("croft.refused") or NoTenant("this view needs a tenant: its path is public")
        return view(context, request)

    return requiring


_require_tenant.options = ("require_tenant",)  # type: ignore[attr-defined]


def _tenant_of(request: Any) -> Placement | None:
    placement: Placement | None = request.environ.get("croft.tenant")
    return placement


def _session_of(request: Any) -> Any:
    """A session of the current tenant. Under pyramid_tm it commits and ends with the request's transaction; else the view
    commits, and the session is closed when the request has ended."""
    current()
    registry = request.registry
    if "croft.sessions" not in registry:
        from croft.contrib.sqlalchemy import TenantEngines

        engines = registry.settings.get("croft.engines") or TenantEngines()
        tweens = registry.queryUtility(ITweens)
        registry["croft.joins"] = any(name.startswith("pyramid_tm.") for name, _ in tweens.implicit())
        registry["croft.sessions"] = engines.sessionmaker()
    session = registry["croft.sessions"]()
    if registry["croft.joins"]:
        _join_transactions(session, getattr(request, "tm", None))
    request.add_finished_callback(lambda _: session.close())
    return session


def _join_transactions(session: Any, manager: Any) -> None:
    import transaction
    from sqlalchemy import event

    manager = manager or transaction.manager

    def after_begin(_: Any, began: Any, connection: Any) -> None:
        if began.nested:
            return
        present = manager.get()
        if not any(isinstance(one, _Participant) and one.session is session for one in present._resources):
            present.join(_Participant(session, manager))

    event.listen(session, "after_begin", after_begin)


class _Participant:
    """A session in a transaction of the package ``transaction``. One phase: it commits last, when all others have voted."""

    def __init__(self, session: Any, transaction_manager: Any) -> None:
        self.session = session
        self.transaction_manager = transaction_manager

    def abort(self, transaction: Any) -> None:
        self.session.close()

    def tpc_begin(self, transaction: Any) -> None:
        self.session.flush()

    def commit(self, transaction: Any) -> None:
        """What is to be written was flushed."""

    def tpc_vote(self, transaction: Any) -> None:
        self.session.commit()

    def tpc_finish(self, transaction: Any) -> None:
        self.session.close()

    def tpc_abort(self, transaction: Any) -> None:
        self.session.close()

    def sortKey(self) -> str:  # noqa: N802
        return f"~croft:{id(self.session)}"
