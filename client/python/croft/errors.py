"""What can go wrong with a lookup. Every error names the tenant and carries the control plane's reason."""

from __future__ import annotations


class CroftError(Exception):
    """Base of every error of this library."""

    def __init__(self, message: str, *, tenant: str = "", reason: str = "") -> None:
        super().__init__(message)
        self.tenant = tenant
        self.reason = reason

    def again(self) -> CroftError:
        """The same error anew: one that is raised twice would gather tracebacks, and frames with them."""
        return type(self)(str(self), tenant=self.tenant, reason=self.reason)


class Unavailable(CroftError):
    """The control plane could not be asked or made no sense, and the tenant is not in the cache."""


class PermissionDenied(CroftError):
    """The identity may not look this tenant up; it may not even exist."""


class LookupRefused(CroftError):
    """The control plane knows the tenant and does not hand its address out."""


class TenantNotFound(LookupRefused):
    """There is no such tenant or alias."""


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
_BY_CODE: dict[int, type[CroftError]] = {
    3: LookupRefused,
    5: TenantNotFound,
    7: PermissionDenied,
    9: LookupRefused,
    16: PermissionDenied,
}

REFUSALS = frozenset({3, 5, 7, 9})


def from_status(code: int, message: str, reason: str, tenant: str) -> CroftError:
    """The exception for a gRPC status; anything that is not an answer about the tenant is Unavailable."""
    kind = _BY_REASON.get(reason) or _BY_CODE.get(code, Unavailable)
    return kind(message, tenant=tenant, reason=reason)
