"""The current tenant of a thread, task or greenlet, and what stands on it.

    from croft.tenancy import current, tenant

    with tenant("acme"):
        current().database

Everything that needs a tenant and has none raises :class:`NoTenant`; nothing falls back to another one. Glue to
frameworks is in :mod:`croft.contrib`.
"""

from croft.tenancy._context import (
    NoTenant,
    TenantSwitch,
    add_guard,
    bind,
    current,
    current_or_none,
    feature,
    tenant,
    tenant_settings,
    without_tenant,
)
from croft.tenancy._each import Progress, Report, for_each_tenant, tenants
from croft.tenancy._locators import (
    AsyncLocatorLike,
    LocatorLike,
    async_locator,
    close,
    close_async,
    locator,
    override,
    use,
)
from croft.tenancy._locks import lock_refused, retry_locks
from croft.tenancy._log import LogFilter, cache_prefix, span_attributes, storage_prefix
from croft.tenancy._open import open_connection, open_connection_async
from croft.tenancy._pool import ConnectionPool
from croft.tenancy._pool_async import AsyncConnectionPool
from croft.tenancy._refused import STATES, ended, refused, state_of
from croft.tenancy._resolve import (
    Request,
    Resolved,
    Resolver,
    by_claim,
    by_header,
    by_host,
    by_path,
    by_subdomain,
    first_of,
    valid,
)
from croft.tenancy._shelf import PlacementGone, PoolStatus, PoolTimeout
from croft.tenancy._web import STATUS, Budget, Page, Refusal, WebTenancy, plain_page, status_of

__all__ = [
    "AsyncConnectionPool",
    "AsyncLocatorLike",
    "Budget",
    "ConnectionPool",
    "LocatorLike",
    "LogFilter",
    "NoTenant",
    "Page",
    "PlacementGone",
    "PoolStatus",
    "PoolTimeout",
    "Progress",
    "Refusal",
    "Report",
    "Request",
    "Resolved",
    "Resolver",
    "STATES",
    "STATUS",
    "TenantSwitch",
    "WebTenancy",
    "add_guard",
    "async_locator",
    "bind",
    "by_claim",
    "by_header",
    "by_host",
    "by_path",
    "by_subdomain",
    "cache_prefix",
    "close",
    "close_async",
    "current",
    "current_or_none",
    "ended",
    "feature",
    "first_of",
    "for_each_tenant",
    "locator",
    "lock_refused",
    "open_connection",
    "open_connection_async",
    "override",
    "plain_page",
    "refused",
    "retry_locks",
    "span_attributes",
    "state_of",
    "status_of",
    "storage_prefix",
    "tenant",
    "tenant_settings",
    "tenants",
    "use",
    "valid",
    "without_tenant",
]
