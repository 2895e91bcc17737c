"""Finds the PostgreSQL database of each tenant.

    import croft

    with croft.Locator(["croft.internal:7443"], authority_file="ca.crt", token_file="token") as locator:
        placement = locator.locate("acme")
        connection = psycopg.connect(**placement.connect_kwargs())

Answers come from a cache that a watch keeps true; see :class:`Locator`. :class:`croft.aio.AsyncLocator` is the
same for asyncio, :class:`StaticLocator` reads a TOML file and needs no control plane.
"""

from croft.errors import (
    CroftError,
    LookupRefused,
    PermissionDenied,
    TenantNotFound,
    TenantNotReady,
    TenantRetired,
    TenantSuspended,
    Unavailable,
)
from croft.locator import Locator
from croft.placement import Placement
from croft.static import StaticLocator

__all__ = [
    "CroftError",
    "Locator",
    "LookupRefused",
    "PermissionDenied",
    "Placement",
    "StaticLocator",
    "TenantNotFound",
    "TenantNotReady",
    "TenantRetired",
    "TenantSuspended",
    "Unavailable",
]
