"""Fixtures for pytest: throw-away tenants, from a local PostgreSQL or from a running Croft.

    pytest_plugins = ["croft.testing"]                  # in conftest.py

    @pytest.fixture(scope="session")
    def croft_schema():
        def create(placement):                          # called with the tenant current
            Base.metadata.create_all(engines.engine())
        return create

    def test_orders(croft_tenant):                      # a new tenant, current in the test
        ...

    def test_two(croft_tenants):
        acme, globex = croft_tenants(), croft_tenants(features={"beta": True})

``pytest --croft-database postgresql:///postgres`` (or CROFT_TEST_DATABASE) makes databases on that server and needs no
control plane; else tenants come from the Croft that CROFT_SERVER and the others name. All are gone at the end.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import secrets
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol
from urllib.parse import urlsplit, urlunsplit

import pytest

from croft import tenancy
from croft.admin import Admin
from croft.placement import Placement
from croft.static import AsyncStaticLocator, StaticLocator
from croft.tenancy import tenant

Schema = Callable[[Placement], object]


class Source(Protocol):
    """Where tenants come from."""

    def make(self, name: str, settings: Mapping[str, Any], features: Mapping[str, Any], schema: Schema | None) -> None:
        """The tenant exists, and ``schema`` was called with it current."""

    def drop(self, name: str) -> None: ...

    def close(self) -> None: ...


class LocalDatabases:
    """Databases of one server, the first of which is the template of the others.

    :param uri: of a database whose user may create others.
    """

    def __init__(self, uri: str) -> None:
        self._uri = uri
        self._prefix = f"croft_test_{secrets.token_hex(4)}"
        self._template = ""
        self._placements = StaticLocator({})
        asynchronous = AsyncStaticLocator(self._placements)
        self._stack = contextlib.ExitStack()
        for role in ("app", "migrate", "read_only"):
            self._stack.enter_context(tenancy.override(self._placements, role=role, asynchronous=asynchronous))

    def make(self, name: str, settings: Mapping[str, Any], features: Mapping[str, Any], schema: Schema | None) -> None:
        if schema is not None and not self._template:
            self._template = f"{self._prefix}_template"
            self._execute(f'CREATE DATABASE "{self._template}"')
            self._publish("croft-test-template", self._template, {}, {})
            with tenant("croft-test-template") as placement:
                schema(placement)
            self._placements.remove("croft-test-template")
            # A template must not be connected to.
            self._end_sessions(self._template)
        database = f"{self._prefix}_{secrets.token_hex(4)}"
        template = f' TEMPLATE "{self._template}"' if self._template else ""
        self._execute(f'CREATE DATABASE "{database}"{template}')
        self._publish(name, database, settings, features)

    def drop(self, name: str) -> None:
        database = self._placements.locate(name).database
        self._placements.remove(name)
        self._execute(f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)')

    def close(self) -> None:
        self._stack.close()
        if self._template:
            self._execute(f'DROP DATABASE IF EXISTS "{self._template}" WITH (FORCE)')

    def _publish(self, name: str, database: str, settings: Mapping[str, Any], features: Mapping[str, Any]) -> None:
        uri = urlunsplit(urlsplit(self._uri)._replace(path=f"/{database}"))
        probe = StaticLocator({"probe": uri}).locate("probe")
        fields = {key: getattr(probe, key) for key in ("host", "port", "user", "password", "sslmode", "root_certificate")}
        fields |= {"database": database, "uid": database, "settings": dict(settings), "features": dict(features)}
        self._placements.set(name, fields)

    def _end_sessions(self, database: str) -> None:
        self._execute(f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '{database}'")

    def _execute(self, sql: str) -> None:
        connection = _driver().connect(self._uri)
        try:
            connection.autocommit = True
            cursor = connection.cursor()
            cursor.execute(sql)
        finally:
            connection.close()


class CroftTenants:
    """Tenants of a running Croft, with the label ``croft-test``. The identity must be allowed to create and purge them."""

    def __init__(self) -> None:
        self._admin = Admin()

    def make(self, name: str, settings: Mapping[str, Any], features: Mapping[str, Any], schema: Schema | None) -> None:
        labels = {"croft-test": "true"}
        self._admin.wait(self._admin.create(name, labels=labels, settings=settings, features=features))
        # The locator may still know it as one that is being created: asked again, it is told.
        tenancy.locator().connection_rejected(name)
        if schema is not None:
            with tenant(name) as placement:
                schema(placement)

    def drop(self, name: str) -> None:
        self._admin.wait(self._admin.retire(name, grace=60, confirm=name))
        self._admin.wait(self._admin.purge(name, confirm=name, waive_backup_reason="a tenant of a test"))

    def close(self) -> None:
        self._admin.close()


def _driver() -> Any:
    for name in ("psycopg", "psycopg2"):
        with contextlib.suppress(ImportError):
            return importlib.import_module(name)
    raise pytest.UsageError("croft.testing: install psycopg or psycopg2")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--croft-database",
        default=os.environ.get("CROFT_TEST_DATABASE"),
        help="postgresql:// URI of a server on which croft_tenants makes databases",
    )


@pytest.fixture(scope="session")
def croft_schema() -> Schema | None:
    """To be overridden: what makes the tables of a new tenant, called with the tenant current; None for none."""
    return None


@pytest.fixture(scope="session")
def croft_source(request: pytest.FixtureRequest) -> Iterator[Source]:
    """Where this run's tenants come from."""
    uri = request.config.getoption("--croft-database")
    if not uri and not os.environ.get("CROFT_SERVER"):
        raise pytest.UsageError("croft.testing: give --croft-database a postgresql:// URI, or set CROFT_SERVER")
    source: Source
    if uri:
        source = LocalDatabases(uri)
    else:
        source = CroftTenants()
    yield source
    source.close()


@pytest.fixture
def croft_tenants(croft_source: Source, croft_schema: Schema | None) -> Iterator[Callable[..., Placement]]:
    """``croft_tenants(name=None, settings={}, features={})`` makes a tenant and answers its placement. All that a test made
    are gone at its end."""
    made: list[str] = []

    def make(
        name: str | None = None, *, settings: Mapping[str, Any] | None = None, features: Mapping[str, Any] | None = None
    ) -> Placement:
        name = name or f"test-{secrets.token_hex(5)}"
        made.append(name)
        croft_source.make(name, settings or {}, features or {}, croft_schema)
        return tenancy.locator().locate(name)

    yield make
    for name in made:
        croft_source.drop(name)


@pytest.fixture
def croft_tenant(croft_tenants: Callable[..., Placement]) -> Iterator[Placement]:
    """A new tenant, current in the test."""
    with tenant(croft_tenants()) as placement:
        yield placement
