"""What ``manage.py check`` says of the settings."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import Error, Warning, register

from croft.contrib.django import conf

BACKEND = "croft.contrib.django.backend"
MIDDLEWARE = "croft.contrib.django.middleware.TenantMiddleware"
ROUTER = "croft.contrib.django.router.SharedRouter"
KEY_FUNCTION = "croft.contrib.django.cache.tenant_key"


@register
def check_settings(app_configs: Any = None, **options: Any) -> list[Any]:
    found: list[Any] = [
        Error(f"CROFT has no setting {name}", id="croft.E001") for name in conf.unknown()
    ]
    if settings.DATABASES.get("default", {}).get("ENGINE") != BACKEND:
        found.append(Error(f'DATABASES["default"]["ENGINE"] is not "{BACKEND}": tenants would share it', id="croft.E002"))
    if MIDDLEWARE not in settings.MIDDLEWARE:
        found.append(Warning(f'MIDDLEWARE lacks "{MIDDLEWARE}": no request has a tenant', id="croft.W001"))
    elif conf.setting("RESOLVE") is None:
        found.append(Error('CROFT["RESOLVE"] is missing', id="croft.E003"))
    for name, cache in settings.CACHES.items():
        in_memory = cache.get("BACKEND", "").endswith("DummyCache")
        if not in_memory and cache.get("KEY_FUNCTION") != KEY_FUNCTION:
            hint = f'set its KEY_FUNCTION to "{KEY_FUNCTION}", or silence this when nothing of a tenant is in it'
            found.append(Warning(f'CACHES["{name}"] is shared by all tenants', hint=hint, id="croft.W002"))
    if conf.setting("SHARED_APPS"):
        if conf.setting("SHARED_ALIAS") not in settings.DATABASES:
            found.append(Error(f'DATABASES lacks "{conf.setting("SHARED_ALIAS")}" for SHARED_APPS', id="croft.E004"))
        if ROUTER not in settings.DATABASE_ROUTERS:
            found.append(Error(f'DATABASE_ROUTERS lacks "{ROUTER}" for SHARED_APPS', id="croft.E005"))
    return found
