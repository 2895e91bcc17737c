"""The tenant in logs, caches and storage."""

from __future__ import annotations

import logging

from croft.tenancy._context import current, current_or_none


class LogFilter(logging.Filter):
    """Adds ``tenant`` and ``tenant_uid`` to each record, ``-`` where there is none: add it to handlers, and
    ``%(tenant)s`` to their format."""

    def filter(self, record: logging.LogRecord) -> bool:
        placement = current_or_none()
        record.tenant = placement.tenant if placement else "-"
        record.tenant_uid = placement.uid if placement else "-"
        return True


def cache_prefix() -> str:
    """What cache keys of the current tenant begin with. By uid: a purged tenant's name can come back, its uid cannot.

    :raises NoTenant: so that nothing is shared between tenants by accident.
    """
    return f"t:{current().uid}:"


def storage_prefix() -> str:
    """The folder of the current tenant's files. By uid. :raises NoTenant:"""
    return f"tenants/{current().uid}/"


def span_attributes() -> dict[str, str]:
    """For OpenTelemetry: ``span.set_attributes(span_attributes())``; empty without a tenant."""
    placement = current_or_none()
    return {"croft.tenant": placement.tenant, "croft.tenant.uid": placement.uid} if placement else {}
