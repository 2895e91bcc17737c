"""What all tenants share works without a tenant and lies in a database of its own, in Django and Flask-SQLAlchemy, on real
databases."""
import json
import os
import subprocess
import sys

import flask
import pytest
from croft import StaticLocator, tenancy
from croft.contrib.flask_sqlalchemy import SQLAlchemy
from croft.tenancy import tenant
from external import ExternalServer
from shop import EXAMPLES

DJANGO = """
import json, os
import django
from django.conf import settings
from croft import StaticLocator, tenancy
from croft.tenancy import by_subdomain, tenant
facts = json.loads(os.environ["FACTS"])
settings.configure(
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "croft.contrib.django", "shop_django_orders"],
    MIDDLEWARE=["croft.contrib.django.middleware.TenantMiddleware"],
    DATABASES={"default": {"ENGINE": "croft.contrib.django.backend"},
               "shared": {"ENGINE": "django.db.backends.postgresql", "NAME": "shared", **facts["shared"]}},
    DATABASE_ROUTERS=["croft.contrib.django.router.SharedRouter"],
    CACHES={"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}},
    CROFT={"RESOLVE": by_subdomain("example.com"), "SHARED_APPS": ["auth", "contenttypes"]},
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField", USE_TZ=True)
django.setup()
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connections
from shop_django_orders.models import Order
for role in ("app", "migrate"):
    tenancy.use(StaticLocator(facts["tenants"]), role=role)
call_command("check")
call_command("migrate", database="shared", verbosity=0)
call_command("migrate_tenants", "acme", "globex", verbosity=0)

def tables(connection):
    return sorted(set(connection.introspection.table_names()) & {"auth_user", "orders"})
User.objects.create(username="everybody's")
print(tables(connections["shared"]), User.objects.count())
with tenant("acme"):
    Order.objects.create(tenant="acme", text="x")
    print(tables(connections["default"]), Order.objects.count(), User.objects.count())
with tenant("globex"):
    print(Order.objects.count())
try:
    Order.objects.count()
except tenancy.NoTenant:
    print("closed")
"""


@pytest.fixture(scope="module", name="server")
def real_databases():
    with ExternalServer("15") as server:
        for name in ("shared", "acme", "globex", "plans", "f_acme"):
            server.superuser(f"CREATE DATABASE {name}")
        yield server


def test_djangos_shared_apps(server):
    address = {"HOST": server.folder, "PORT": server.port, "USER": "postgres"}
    tenants = {name: {"database": name, "user": "postgres", "host": server.folder, "port": server.port}
               for name in ("acme", "globex")}
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([EXAMPLES, *filter(None, sys.path)]),
                   "FACTS": json.dumps({"shared": address, "tenants": tenants})}
    done = subprocess.run([sys.executable, "-c", DJANGO], text=True, capture_output=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[-4:] == ["['auth_user'] 1", "['orders'] 1 1", "0", "closed"], lines


def test_flask_sqlalchemys_binds(server):
    app = flask.Flask(__name__)
    app.config["SQLALCHEMY_BINDS"] = {
        "plans": f"postgresql+psycopg2://postgres@/plans?host={server.folder}&port={server.port}"}
    database = SQLAlchemy(app)

    class Plan(database.Model):
        __bind_key__ = "plans"
        id = database.Column(database.Integer, primary_key=True)

    class Order(database.Model):
        id = database.Column(database.Integer, primary_key=True)
    placements = {"acme": {"database": "f_acme", "user": "postgres", "host": server.folder, "port": server.port}}
    with tenancy.override(StaticLocator(placements)), app.app_context():
        database.create_all("plans")
        database.session.add(Plan())
        database.session.commit()
        assert database.session.query(Plan).count() == 1
        database.session.remove()
        with tenant("acme"):
            database.create_all(None)
            database.session.add_all([Plan(), Order()])
            database.session.commit()
            assert (database.session.query(Plan).count(), database.session.query(Order).count()) == (2, 1)
            database.session.remove()
        assert database.session.query(Plan).count() == 2, "still without a tenant"
        with pytest.raises(tenancy.NoTenant):
            database.session.query(Order).count()
        database.session.remove()
        database.tenant_engines.dispose()
        database.engines["plans"].dispose()
