"""For an application's tests."""

from __future__ import annotations

from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections
from django.test import Client, SimpleTestCase

from croft.tenancy import tenant


class TenantTestCase(SimpleTestCase):
    """Tests with tenants, each test's changes taken back at its end.

        class OrderTest(TenantTestCase):
            tenants = ["acme", "globex"]

            def test_it(self):
                with self.tenant("acme"):
                    Order.objects.create()
                self.client_for("acme").get("/orders")

    The tenants are those of the locator that the tests use; their databases are there and migrated.
    """

    tenants: list[str] = []
    databases = {DEFAULT_DB_ALIAS}

    def tenant(self, name: str) -> tenant:
        """The block in which ``name`` is current."""
        if name not in self.tenants:
            raise ValueError(f"{name} is not among this test's tenants")
        return tenant(name)

    def client_for(self, name: str, **options: Any) -> Client:
        """A client whose requests are the tenant's."""
        if name not in self.tenants:
            raise ValueError(f"{name} is not among this test's tenants")
        return Client(**{"croft.test_tenant": name}, **options)

    def tearDown(self) -> None:
        super().tearDown()
        for name in self.tenants:
            with tenant(name):
                _empty_tables()
        connections[DEFAULT_DB_ALIAS].close()


def _empty_tables() -> None:
    connection = connections[DEFAULT_DB_ALIAS]
    kept = {"django_migrations", "django_content_type", "auth_permission"}
    tables = [name for name in connection.introspection.django_table_names(only_existing=True) if name not in kept]
    if tables:
        with connection.cursor() as cursor:
            cursor.execute("TRUNCATE " + ", ".join(map(connection.ops.quote_name, tables)) + " RESTART IDENTITY CASCADE")
