"""Finds the PostgreSQL database of each tenant.

    import croft

    with croft.Locator() as locator:
        placement = locator.locate("acme")
        connection = psycopg.connect(**placement.connect_kwargs())

Where the control plane is and who asks come from the environment (``CROFT_SERVER``, ``CROFT_CA``, ``CROFT_TOKEN_FILE``
or ``CROFT_CERT`` and ``CROFT_KEY``), never from the source: the identity is a file that the platform mounts and renews.

Answers come from a cache that a watch keeps true; see :class:`Locator`. :class:`croft.aio.AsyncLocator` is the
same for asyncio, :class:`StaticLocator` reads a file or a dictionary and needs no control plane. :class:`Admin` creates,
changes and ends tenants.
"""

import os
import pkgutil

# Read by gRPC when it is loaded: lets a child that a pre-forking server made open channels of its own.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "1")
# Milliseconds. While a channel connects again, calls on it fail at once and nobody reads its sockets but a timer, by
# default every five seconds: a TLS handshake needs several turns, so it would not end before its attempt is given up.
os.environ.setdefault("GRPC_CLIENT_CHANNEL_BACKUP_POLL_INTERVAL_MS", "100")

# Stubs that an application made of the wire contract are croft.v1, and may lie elsewhere.
__path__ = pkgutil.extend_path(__path__, __name__)

from croft._version import VERSION as __version__  # noqa: E402
from croft.admin import Admin, OperationFailed  # noqa: E402
from croft.errors import (  # noqa: E402
    AlreadyExists,
    CroftError,
    InvalidRequest,
    LookupRefused,
    NotFound,
    PermissionDenied,
    RequestRefused,
    TenantNotFound,
    TenantNotReady,
    TenantNotVisible,
    TenantRetired,
    TenantSuspended,
    Unauthenticated,
    Unavailable,
)
from croft.locator import Locator  # noqa: E402
from croft.placement import Placement  # noqa: E402
from croft.resources import Backup, Condition, Finding, Operation, Quota, Tenant  # noqa: E402
from croft.static import StaticLocator  # noqa: E402

__all__ = [
    "Admin",
    "AlreadyExists",
    "Backup",
    "Condition",
    "CroftError",
    "Finding",
    "InvalidRequest",
    "Locator",
    "LookupRefused",
    "NotFound",
    "Operation",
    "OperationFailed",
    "PermissionDenied",
    "Placement",
    "Quota",
    "RequestRefused",
    "StaticLocator",
    "Tenant",
    "TenantNotFound",
    "TenantNotReady",
    "TenantNotVisible",
    "TenantRetired",
    "TenantSuspended",
    "Unauthenticated",
    "Unavailable",
    "__version__",
]
