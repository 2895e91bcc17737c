"""Finds the PostgreSQL database of each tenant.

    import croft

    with croft.Locator(["croft.internal:7443"], authority_file="ca.crt", token_file="token") as locator:
        placement = locator.locate("acme")
        connection = psycopg.connect(**placement.connect_kwargs())

Answers come from a cache that a watch keeps true; see :class:`Locator`. :class:`croft.aio.AsyncLocator` is the
same for asyncio, :class:`StaticLocator` reads a TOML file and needs no control plane.
"""

import os
import pkgutil

# Read by gRPC when it is loaded: lets a child that a pre-forking server made open channels of its own.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "1")

# Stubs that an application made of the wire contract are croft.v1, and may lie elsewhere.
__path__ = pkgutil.extend_path(__path__, __name__)

from croft.errors import (  # noqa: E402
    CroftError,
    LookupRefused,
    PermissionDenied,
    TenantNotFound,
    TenantNotReady,
    TenantRetired,
    TenantSuspended,
    Unavailable,
)
from croft.locator import Locator  # noqa: E402
from croft.placement import Placement  # noqa: E402
from croft.static import StaticLocator  # noqa: E402

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
