"""Django with real tenants: migrations, commands, connections, tests, and what fails closed."""
import subprocess
import sys

import pytest
from shop import TENANTS, environment, fleet

@pytest.fixture(scope="module", name="cluster")
def cluster_without_tables():
    with fleet(table=None) as cluster:
        yield cluster


@pytest.fixture(name="manage")
def management_commands(cluster, tmp_path):
    def manage(*arguments, code=0, **variables):
        done = subprocess.run([sys.executable, "-m", "shop_django_manage", *arguments], text=True, capture_output=True,
                              check=False, cwd=tmp_path, env=environment(cluster, tmp_path, **variables))
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr
    return manage


@pytest.fixture(name="script")
def scripts(cluster, tmp_path):
    def run(text):
        prelude = ("import shop_django\nfrom shop_django_orders.models import Order\nfrom django.db import connection, connections, transaction\n"
                   "from croft import tenancy\nfrom croft.tenancy import tenant, current\n")
        done = subprocess.run([sys.executable, "-c", prelude + text], text=True, capture_output=True, check=False,
                              cwd=tmp_path, env=environment(cluster, tmp_path))
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout
    return run


def test_tenants_are_migrated_by_their_migrate_login_and_a_second_run_does_nothing(cluster, manage, tmp_path):
    told = manage("migrate_tenants", "-l", "app=shop", "--parallel", "3", "--canary", "1")
    assert f"{len(TENANTS)} succeeded, 0 failed" in told
    owner = cluster.psql(TENANTS[0], "SELECT tableowner FROM pg_tables WHERE tablename = 'orders'")
    assert owner and "croft" not in owner.split("_")[:1]
    assert f"{len(TENANTS)} succeeded" in manage("migrate_tenants", "-l", "app=shop", "--parallel", "3")
    # One fails; the run after that does the others no more.
    cluster.psql(TENANTS[1], "DELETE FROM django_migrations WHERE app = 'shop_django_orders'")
    progress = str(tmp_path / "progress")
    told = manage("migrate_tenants", *TENANTS, "--resume", progress, "--max-failures", "9", code=1)
    assert f"{len(TENANTS) - 1} succeeded, 1 failed" in told and "already exists" in told
    cluster.psql(TENANTS[1], "DROP TABLE orders")
    told = manage("migrate_tenants", *TENANTS, "--resume", progress)
    assert f"1 succeeded, 0 failed, {len(TENANTS) - 1} were done before" in told


def test_what_needs_no_tenant_works_without_one(manage):
    assert "no issues" in manage("check")
    assert "No changes detected" in manage("makemigrations", "--check", "--dry-run")


def test_what_needs_a_tenant_fails_closed(manage, script):
    assert "there is no current tenant" in manage("showmigrations", code=1)
    assert "closed" in script("try:\n    Order.objects.count()\nexcept tenancy.NoTenant:\n    print('closed')")


def test_each_command_runs_with_its_tenant(manage):
    assert "[X] 0001_initial" in manage("tenant_command", TENANTS[0], "showmigrations", "shop_django_orders")
    told = manage("each_tenant", "-l", "app=shop", "--", "showmigrations", "shop_django_orders")
    assert told.count("[X] 0001_initial") == len(TENANTS)


def test_another_tenant_cannot_be_entered_while_a_transaction_is_open(script):
    told = script("""
with tenant("t0"):
    with transaction.atomic():
        Order.objects.count()
        try:
            with tenant("t1"):
                print("entered")
        except tenancy.TenantSwitch:
            print("refused")
    with tenant("t1"):
        print(connection.settings_dict["NAME"], Order.objects.create(tenant="t1", text="x").tenant)
    print(Order.objects.filter(tenant="t1").count())
""")
    assert told.split() == ["refused", "tenant", "t1", "0"]


def test_connections_of_a_thread_are_bounded_and_used_again(script):
    told = script("""
from django.conf import settings
settings.CROFT["MAX_CONNECTIONS_PER_THREAD"] = 2
def pid():
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return cursor.fetchone()[0]
def visit(name):
    with tenant(name):
        return pid()
first = visit("t0")
print(visit("t1") != first, visit("t0") == first)
for name in ("t1", "t2", "t3"):
    visit(name)
print(len(connection._parked), visit("t0") != first)
connections.close_all()
print(len(connection._parked), connection.connection)
""")
    assert told.split() == ["True", "True", "1", "True", "0", "None"]


TESTS = """
import shop_django
from croft.contrib.django.test import TenantTestCase
from shop_django_orders.models import Order


class OrderTest(TenantTestCase):
    tenants = ["t4", "t5"]

    def test_a_client_is_the_tenants(self):
        response = self.client_for("t4").post("/orders", "an order", content_type="text/plain")
        self.assertEqual((response.json()["tenant"], response.json()["orders"]), ("t4", 1))
        with self.tenant("t5"):
            self.assertEqual(Order.objects.count(), 0)

    def test_what_another_test_did_is_gone(self):
        with self.tenant("t4"):
            self.assertEqual(Order.objects.count(), 0)

    def test_tenants_are_those_that_are_named(self):
        with self.assertRaises(ValueError):
            self.tenant("t0")
"""


def test_an_applications_tests_run_with_tenants(cluster, tmp_path):
    (tmp_path / "order_tests.py").write_text(TESTS)
    done = subprocess.run([sys.executable, "-m", "unittest", "order_tests"], text=True, capture_output=True,
                          check=False, cwd=tmp_path, env=environment(cluster, tmp_path))
    assert done.returncode == 0 and "Ran 3 tests" in done.stderr, done.stderr
