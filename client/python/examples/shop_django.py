"""A shop in Django, in one file. Run it with `gunicorn --preload shop_django:application` or `uvicorn
shop_django:asgi_application`, its commands with `python shop_django_manage.py migrate_tenants -l app=shop`."""

import os

import django
from django.conf import settings

from croft.tenancy import by_subdomain

settings.configure(
    ALLOWED_HOSTS=["*"],
    SECRET_KEY=os.environ.get("SHOP_SECRET", "only for this example"),
    ROOT_URLCONF="shop_django",
    INSTALLED_APPS=[
        "django.contrib.contenttypes",
        "django.contrib.auth",
        "django.contrib.sessions",
        "croft.contrib.django",
        "shop_django_orders",
    ],
    MIDDLEWARE=["croft.contrib.django.middleware.TenantMiddleware"],
    DATABASES={"default": {"ENGINE": "croft.contrib.django.backend", "CONN_MAX_AGE": 60}},
    CACHES={
        "default": {
            "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
            "KEY_FUNCTION": "croft.contrib.django.cache.tenant_key",
        }
    },
    CROFT={"RESOLVE": by_subdomain(os.environ.get("SHOP_DOMAIN", "shop.test")), "PUBLIC_PATHS": ["/healthz"]},
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    USE_TZ=True,
)
django.setup()

from django.core.asgi import get_asgi_application  # noqa: E402
from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.db import connection, transaction  # noqa: E402
from django.http import JsonResponse  # noqa: E402
from django.urls import path  # noqa: E402
from shop_django_orders.models import Order  # noqa: E402


def orders(request):
    with transaction.atomic():
        if request.method == "POST":
            Order.objects.create(tenant=request.tenant.tenant, text=request.body.decode())
        count = Order.objects.count()
        with connection.cursor() as cursor:
            cursor.execute("SELECT current_database()")
            database = cursor.fetchone()[0]
    return JsonResponse({"tenant": request.tenant.tenant, "database": database, "orders": count})


def health(request):
    return JsonResponse({"ok": True})


urlpatterns = [path("orders", orders), path("healthz", health)]
application = get_wsgi_application()
asgi_application = get_asgi_application()
