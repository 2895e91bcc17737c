"""What can go wrong. Every error names the tenant (or other resource) and carries the control plane's reason."""

from __future__ import annotations


class CroftError(Exception):
    """Base of every error of this library.

    :ivar tenant: what was asked for, as the caller named it.
    :ivar reason: the control plane's reason in UPPER_SNAKE, such as ``TENANT_RETIRED``; empty when it gave none.
    """

    def __init__(self, message: str, *, tenant: str = "", reason: str = "") -> None:
        super().__init__(message)
        self.tenant = tenant
        self.reason = reason

    def again(self) -> CroftError:
        """The same error anew: one that is raised twice would gather tracebacks, and frames with them."""
        return type(self)(str(self), tenant=self.tenant, reason=self.reason)


class Unavailable(CroftError):
    """No control plane gave a usable answer in time, and the tenant is not in the cache."""


class Unauthenticated(CroftError):
    """The control plane does not accept the identity: no token, a wrong, revoked or expired one, an unknown certificate.
    An error of the application's configuration, never of one tenant."""


class PermissionDenied(CroftError):
    """The identity is known and may not do this."""


class RequestRefused(CroftError):
    """The control plane refuses a change; ``reason`` and the message say why."""


class AlreadyExists(RequestRefused):
    """There is one of this name."""


class NotFound(RequestRefused):
    """There is no such operation, backup or host."""


class InvalidRequest(RequestRefused):
    """A value of the request is wrong; the message names its field."""


class LookupRefused(CroftError):
    """The control plane knows the tenant and does not hand its address out."""


class TenantNotFound(LookupRefused):
    """There is no such tenant or alias."""


class TenantNotVisible(TenantNotFound, PermissionDenied):
    """The identity may not look this tenant up, or there is none: an identity whose role is narrowed to some tenants is
    told the same in both cases. To a web application it is "not found"; a wrong token is :class:`Unauthenticated`."""


class TenantRetired(LookupRefused):
    """It is soft-deleted and can still be brought back."""


class TenantSuspended(LookupRefused):
    """It is suspended, for this role at least."""


class TenantNotReady(LookupRefused):
    """It is being created, or its creation failed."""


_BY_REASON: dict[str, type[CroftError]] = {
    "TENANT_NOT_FOUND": TenantNotFound,
    "TENANT_RETIRED": TenantRetired,
    "TENANT_SUSPENDED": TenantSuspended,
    "TENANT_NOT_READY": TenantNotReady,
}

# gRPC's numbers, for errors whose reason is new or missing.
_OF_LOOKUPS: dict[int, type[CroftError]] = {
    3: LookupRefused,
    5: TenantNotFound,
    7: TenantNotVisible,
    9: LookupRefused,
    12: LookupRefused,
    16: Unauthenticated,
}

_OF_REQUESTS: dict[int, type[CroftError]] = {
    3: InvalidRequest,
    5: NotFound,
    6: AlreadyExists,
    7: PermissionDenied,
    8: RequestRefused,
    9: RequestRefused,
    10: RequestRefused,
    11: RequestRefused,
    12: RequestRefused,
    16: Unauthenticated,
}

REFUSALS = frozenset({3, 5, 7, 9, 12})


def from_status(code: int, message: str, reason: str, tenant: str) -> CroftError:
    """The exception for a lookup's gRPC status; anything that is not an answer about the tenant is Unavailable."""
    kind = _BY_REASON.get(reason, _OF_LOOKUPS.get(code, Unavailable))
    return kind(message, tenant=tenant, reason=reason)


def from_request_status(code: int, message: str, reason: str, target: str) -> CroftError:
    """The exception for the gRPC status of a call of :class:`croft.Admin`."""
    kind = _BY_REASON.get(reason, _OF_REQUESTS.get(code, Unavailable))
    return kind(message, tenant=target, reason=reason)
