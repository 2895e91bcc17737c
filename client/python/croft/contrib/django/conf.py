"""The setting CROFT."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

from croft.tenancy import WebTenancy

DEFAULTS: dict[str, Any] = {
    "RESOLVE": None,
    "PUBLIC_PATHS": (),
    "PAGES": {},
    "ROLE": "app",
    "SHARED_APPS": (),
    "SHARED_ALIAS": "shared",
    "MAX_CONNECTIONS_PER_THREAD": 4,
    "WAIT": 10.0,
}


def setting(name: str) -> Any:
    """A value of CROFT, or its default."""
    given: Mapping[str, Any] = getattr(settings, "CROFT", {})
    return given.get(name, DEFAULTS[name])


def unknown() -> list[str]:
    """Keys of CROFT that mean nothing."""
    return sorted(set(getattr(settings, "CROFT", {})) - set(DEFAULTS))


def web_tenancy() -> WebTenancy:
    """:raises ImproperlyConfigured: CROFT["RESOLVE"] is missing."""
    resolve = setting("RESOLVE")
    if isinstance(resolve, str):
        resolve = import_string(resolve)
    if resolve is None:
        raise ImproperlyConfigured('CROFT["RESOLVE"]: name a resolver, such as croft.tenancy.by_subdomain("example.com")')
    return WebTenancy(
        resolve, public=list(setting("PUBLIC_PATHS")), pages=setting("PAGES"), role=setting("ROLE")
    )
