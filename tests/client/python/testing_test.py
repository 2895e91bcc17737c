"""croft.testing: an application's own tests, with tenants from a local PostgreSQL and from a running Croft."""
import os
import re
import subprocess
import sys

from cluster import Cluster
from external import ExternalServer

CONFTEST = """
import pytest
from croft.contrib.sqlalchemy import TenantEngines
from sqlalchemy import BigInteger, Column, Text
from sqlalchemy.orm import declarative_base

pytest_plugins = ["croft.testing"]
Base = declarative_base()
engines = TenantEngines()
calls = []


class Order(Base):
    __tablename__ = "orders"
    id = Column(BigInteger, primary_key=True)
    text = Column(Text)


@pytest.fixture(scope="session")
def croft_schema():
    def create(placement):
        calls.append(placement.tenant)
        Base.metadata.create_all(engines.engine())
        engines.dispose()
    return create


@pytest.fixture
def sessions():
    yield engines.sessionmaker()
    engines.dispose()


@pytest.fixture
def order():
    return Order


@pytest.fixture
def schema_calls():
    return calls
"""

TESTS = """
import asyncio
import pytest
from croft import tenancy
from croft.tenancy import NoTenant, current, feature, tenant, tenant_settings


def test_a_tenant_is_current_and_has_its_tables(croft_tenant, sessions, order):
    assert current().tenant == croft_tenant.tenant
    with sessions() as session:
        session.add(order(text="one"))
        session.commit()
        assert session.query(order).count() == 1


def test_the_next_one_is_new(croft_tenant, sessions, order):
    with sessions() as session:
        assert session.query(order).count() == 0


def test_several_with_settings_and_features(croft_tenants, sessions, order, schema_calls):
    one, other = croft_tenants(settings={"theme": "dark"}, features={"beta": True}), croft_tenants("named-by-me")
    assert one.uid != other.uid and other.tenant == "named-by-me"
    with tenant(one.tenant), sessions() as session:
        assert feature("beta") is True and tenant_settings() == {"theme": "dark"}
        session.add(order(text="one"))
        session.commit()
    with tenant(other.tenant), sessions() as session:
        assert feature("beta") is False and session.query(order).count() == 0
    print("schema", len(schema_calls))


def test_asyncio_finds_it_too(croft_tenants):
    name = croft_tenants().tenant

    async def look():
        try:
            async with tenant(name):
                return current().tenant
        finally:
            await tenancy.close_async()
    assert asyncio.run(look()) == name


def test_without_one_it_fails_closed(sessions, order):
    with pytest.raises(NoTenant), sessions() as session:
        session.query(order).count()
"""


def run_tests(folder, *options, code=0, **variables):
    (folder / "conftest.py").write_text(CONFTEST)
    (folder / "shop_test.py").write_text(TESTS)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CROFT_")}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q", "-s", "-rA", "shop_test.py", *options],
        text=True, capture_output=True, check=False, cwd=folder,
        env={**environment, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), **variables})
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


def test_tenants_are_databases_of_a_local_server_that_are_gone_afterwards(tmp_path):
    with ExternalServer("15") as server:
        told = run_tests(tmp_path, "--croft-database",
                         f"postgresql://postgres@/postgres?host={server.folder}&port={server.port}")
        assert "5 passed" in told and re.search(r"^\.*schema 1$", told, re.M), "the first one is a template for the others"
        assert server.superuser("SELECT count(*) FROM pg_database WHERE datname LIKE 'croft_test%'") == "0"


def test_tenants_of_a_running_croft_are_purged_afterwards(tmp_path):
    with Cluster(agents=1) as cluster:
        assert "5 passed" in run_tests(tmp_path, **cluster.env)
        assert not cluster.call("TenantService.ListTenants", show_retired=True).tenants


def test_without_either_it_says_what_it_needs(tmp_path):
    assert "give --croft-database" in run_tests(tmp_path, code=1)
