"""Keys of Django's cache, by tenant."""

from __future__ import annotations

from croft.tenancy import cache_prefix


def tenant_key(key: str, key_prefix: str, version: int) -> str:
    """For ``CACHES[...]["KEY_FUNCTION"]``. :raises croft.tenancy.NoTenant: nothing is cached for nobody."""
    return f"{cache_prefix()}{key_prefix}:{version}:{key}"


def shared_key(key: str, key_prefix: str, version: int) -> str:
    """For a cache that all tenants share on purpose."""
    return f"shared:{key_prefix}:{version}:{key}"
