"""Glue to Django without a control plane and without a database."""
import os
import subprocess
import sys

from shop import EXAMPLES

PRELUDE = """
import shop_django
from croft import StaticLocator, tenancy
from croft.tenancy import tenant
tenancy.use(StaticLocator({"acme": {"database": "a", "uid": "u1", "host": "db.invalid"},
                           "globex": {"database": "g", "uid": "u2", "host": "db.invalid"}}))
"""


def run(script):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([EXAMPLES, *filter(None, sys.path)])}
    done = subprocess.run([sys.executable, "-c", PRELUDE + script], text=True, capture_output=True, check=False,
                          env=environment)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_content_types_are_cached_for_each_tenant():
    assert run("""
from django.contrib.contenttypes.models import ContentType
manager = ContentType.objects
with tenant("acme"):
    manager._add_to_cache("default", ContentType(id=7, app_label="x", model="y"))
with tenant("globex"):
    manager._add_to_cache("default", ContentType(id=9, app_label="x", model="y"))
for name in ("acme", "globex"):
    with tenant(name):
        print(manager.get_by_natural_key("x", "y").id)
with tenant("acme"):
    manager.clear_cache()
    print(len(manager._cache))
with tenant("globex"):
    print(len(manager._cache))
""") == ["7", "9", "0", "1"]


def test_the_cache_is_a_tenants_own_and_closed_without_one():
    assert run("""
from django.core.cache import cache
for name in ("acme", "globex", "acme"):
    with tenant(name):
        print(cache.get("who"))
        cache.set("who", name)
try:
    cache.get("who")
except tenancy.NoTenant:
    print("closed")
""") == ["None", "None", "acme", "closed"]


def test_requests_have_their_tenant_and_others_are_refused():
    assert run("""
from django.http import HttpResponse, StreamingHttpResponse
from django.test import Client
from django.urls import path
from croft.tenancy import current, current_or_none
def index(request):
    return HttpResponse(f"{current().tenant}/{request.tenant.tenant}")
def stream(request):
    return StreamingHttpResponse(current().tenant for _ in range(2))
def suspended(request):
    import croft
    raise croft.TenantSuspended("it is")
shop_django.urlpatterns += [path("index", index), path("stream", stream), path("suspended", suspended)]
client = Client(HTTP_HOST="acme.shop.test")
print(client.get("/index").content.decode())
print(b"".join(client.get("/stream").streaming_content).decode())
print(client.get("/suspended").status_code)
print(client.get("/index", HTTP_HOST="nobody.shop.test").status_code, client.get("/index", HTTP_HOST="shop.test").status_code)
print(client.get("/healthz", HTTP_HOST="shop.test").status_code)
print(Client(**{"croft.test_tenant": "globex"}).get("/index").content.decode())
print(current_or_none())
""") == ["acme/acme", "acmeacme", "503", "404", "404", "200", "globex/globex", "None"]


def test_asynchronous_and_other_views_have_their_tenant_under_asgi():
    assert run("""
import asyncio
from croft.aio import AsyncStaticLocator
from asgiref.testing import ApplicationCommunicator
from django.http import HttpResponse
from django.urls import path
from croft.tenancy import current, current_or_none
tenancy.use(asynchronous=AsyncStaticLocator(tenancy.locator()))
async def asynchronous(request):
    await asyncio.sleep(0)
    return HttpResponse(f"{current().tenant}/{request.tenant.tenant}")
def synchronous(request):
    return HttpResponse(current().tenant)
shop_django.urlpatterns += [path("async", asynchronous), path("sync", synchronous)]
async def ask():
    for host, where in (("acme", "async"), ("globex", "sync"), ("nobody", "async"), ("acme", "healthz")):
        scope = {"type": "http", "method": "GET", "path": f"/{where}", "query_string": b"",
                 "headers": [(b"host", f"{host}.shop.test".encode())]}
        answering = ApplicationCommunicator(shop_django.asgi_application, scope)
        await answering.send_input({"type": "http.request", "body": b""})
        status = (await answering.receive_output(30))["status"]
        body = (await answering.receive_output(30))["body"].decode()
        print(body if where != "healthz" and status == 200 else status)
    print(current_or_none())
asyncio.run(ask())
""") == ["acme/acme", "globex", "404", "200", "None"]


def test_checks_name_what_is_missing():
    told = run("""
from django.conf import settings
from django.core.checks import run_checks
print(*[one.id for one in run_checks()], "-")
settings.CROFT = {"UNKNOWN": 1}
settings.MIDDLEWARE = []
settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
settings.DATABASES = {"default": {"ENGINE": "django.db.backends.postgresql"}}
print(*sorted(one.id for one in run_checks() if one.id.startswith("croft")))
""")
    assert told == ["-", "croft.E001", "croft.E002", "croft.W001", "croft.W002"]


def test_files_are_in_a_folder_by_uid():
    assert run("""
from django.conf import settings
settings.MEDIA_ROOT = "/media"
from croft.contrib.django.storage import TenantFileSystemStorage
storage = TenantFileSystemStorage()
with tenant("acme"):
    print(storage.path("a.txt"), storage.url("a.txt"))
with tenant("globex"):
    print(storage.path("a.txt"))
try:
    storage.path("a.txt")
except tenancy.NoTenant:
    print("closed")
""") == ["/media/tenants/u1/a.txt", "/tenants/u1/a.txt", "/media/tenants/u2/a.txt", "closed"]
