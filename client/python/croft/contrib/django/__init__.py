"""The current tenant in Django (3.2 and later).

    INSTALLED_APPS += ["croft.contrib.django"]
    MIDDLEWARE.insert(0, "croft.contrib.django.middleware.TenantMiddleware")
    DATABASES = {"default": {"ENGINE": "croft.contrib.django.backend"}}
    CROFT = {"RESOLVE": by_subdomain("example.com"), "PUBLIC_PATHS": ["/healthz"]}
    CACHES["default"]["KEY_FUNCTION"] = "croft.contrib.django.cache.tenant_key"

One alias, ``default``, follows the current tenant: the ORM, ``atomic()``, sessions, the admin and other applications need
no change. Without a tenant it raises.
"""
