"""Custom fields: what a tenant declares is what can be written, in real databases by SQLAlchemy and Django."""
import json
import os
import subprocess
import sys

import psycopg
import pytest
from croft import StaticLocator, tenancy
from croft.contrib.sqlalchemy import TenantEngines
from croft.contrib.sqlalchemy_fields import CustomFields
from croft.tenancy import tenant
from croft.tenancy.fields import Field, InvalidDeclaration, InvalidFields, fields_of
from external import ExternalServer
from shop import EXAMPLES
from sqlalchemy import Column, Integer
from sqlalchemy.exc import StatementError
from sqlalchemy.orm import declarative_base

FIELDS = {"order": {
    "po_number": {"type": "string", "required": True, "max_length": 6, "index": True},
    "size": {"type": "string", "choices": ["S", "L"]}, "count": {"type": "integer"}, "weight": {"type": "number"},
    "gift": {"type": "boolean"}, "due": {"type": "date"}}}
TENANTS = {"acme": {"database": "acme", "settings": {"fields": FIELDS}}, "globex": {"database": "globex"}}


@pytest.fixture(name="locator", autouse=True)
def static_one():
    locator = StaticLocator(TENANTS)
    with tenancy.override(locator):
        yield locator


def test_values_that_fit_are_taken_and_empty_ones_left_out():
    with tenant("acme"):
        given = {"po_number": "4711", "size": "S", "count": 2.0, "weight": 1.5, "gift": True, "due": "2026-11-30"}
        assert fields_of("order").check(given) == given
        assert fields_of("order").check({"po_number": "4711", "size": None}) == {"po_number": "4711"}
        assert [field.name for field in fields_of("order")] == sorted(FIELDS["order"])


@pytest.mark.parametrize(("values", "errors"), [
    ({}, {"po_number": "is required"}), (None, {"po_number": "is required"}),
    ({"po_number": 4711}, {"po_number": "must be a string"}),
    ({"po_number": "1234567"}, {"po_number": "must have at most 6 characters"}),
    ({"po_number": "1", "size": "M"}, {"size": "must be one of S, L"}),
    ({"po_number": "1", "count": 1.5, "gift": 1}, {"count": "must be an integer", "gift": "must be a boolean"}),
    ({"po_number": "1", "count": True}, {"count": "must be an integer"}),
    ({"po_number": "1", "due": "30.11.2026"}, {"due": "must be a date"}),
    ({"po_number": "1", "colour": "red"}, {"colour": "is not declared"})])
def test_each_value_that_does_not_fit_is_named(values, errors):
    with tenant("acme"), pytest.raises(InvalidFields) as raised:
        fields_of("order").check(values)
    assert raised.value.errors == errors


def test_a_tenant_that_declares_none_has_none():
    with tenant("globex"):
        assert fields_of("order").check({}) == {}
        with pytest.raises(InvalidFields):
            fields_of("order").check({"po_number": "1"})
    with pytest.raises(tenancy.NoTenant):
        fields_of("order")


@pytest.mark.parametrize("declared", [
    [], {"order": []}, {"order": {"A": {"type": "string"}}}, {"order": {"a": {"type": "text"}}}, {"order": {"a": {}}},
    {"order": {"a": {"type": "string", "name": "b"}}}, {"order": {"a": {"type": "string", "indexed": True}}},
    {"order": {"a'": {"type": "string"}}}])
def test_a_declaration_that_cannot_be_used_is_told(locator, declared):
    locator.set("acme", {"database": "acme", "settings": {"fields": declared}})
    with tenant("acme"), pytest.raises(InvalidDeclaration):
        fields_of("order")


def test_names_of_indexes_are_never_cut_into_each_other():
    long = tenancy.fields.Fields("k", tuple(Field("f" * 39 + end, "string", index=True) for end in "ab"))
    names = {statement.split('"')[1] for statement in long.index_statements("t" * 60)}
    assert len(names) == 2 and all(len(name) <= 63 for name in names)


@pytest.fixture(scope="module", name="server")
def real_databases():
    with ExternalServer("15") as server:
        for name in TENANTS:
            server.superuser(f"CREATE DATABASE {name}")
        yield server


@pytest.fixture(name="real")
def tenants_of_it(server, locator):
    for name, fields in TENANTS.items():
        locator.set(name, fields | {"user": "postgres", "host": server.folder, "port": server.port})
    return server


def test_sqlalchemy_checks_what_is_written_and_finds_it_by_an_index(real):
    base = declarative_base()

    class Order(base):
        __tablename__ = "orders"
        id = Column(Integer, primary_key=True)
        fields = Column(CustomFields("order"), nullable=False, server_default="{}")
    engines = TenantEngines()
    session_of = engines.sessionmaker()
    for name in TENANTS:
        with tenant(name):
            base.metadata.create_all(engines.engine())
    with tenant("acme") as placement, session_of() as session:
        session.add_all([Order(fields={"po_number": "4711"}), Order(fields={"po_number": "4712", "count": 3})])
        session.commit()
        assert session.query(Order).filter(Order.fields["po_number"].astext == "4712").one().fields["count"] == 3
        session.add(Order(fields={"po_number": 1}))
        with pytest.raises(StatementError) as raised:
            session.flush()
        assert isinstance(raised.value.orig, InvalidFields)
        session.rollback()
        with psycopg.connect(**placement.connect_kwargs(), autocommit=True) as connection:
            for _ in range(2):
                for statement in fields_of("order").index_statements("orders"):
                    connection.execute(statement)
            connection.execute("SET enable_seqscan = off")
            plan = connection.execute("EXPLAIN SELECT * FROM orders WHERE fields ->> 'po_number' = '4712'").fetchall()
            assert "cf_orders_po_number" in str(plan)
    with tenant("globex"), session_of() as session:
        session.add(Order())
        session.commit()
        assert session.query(Order).one().fields == {}
    engines.dispose()


DJANGO = """
import os, shop_django
from croft import StaticLocator, tenancy
from croft.contrib.django.fields import CustomFields
from croft.tenancy import tenant
from django.core.exceptions import ValidationError
from django.db import connection, models
from django.db.migrations.writer import MigrationWriter
import json
tenancy.use(StaticLocator(json.loads(os.environ["PLACEMENTS"])))

class Ticket(models.Model):
    fields = CustomFields("order")
    class Meta:
        app_label = "shop_django_orders"

for name in ("acme", "globex"):
    with tenant(name), connection.schema_editor() as editor:
        editor.create_model(Ticket)
with tenant("acme"):
    Ticket.objects.create(fields={"po_number": "4711"})
    print(Ticket.objects.get(fields__po_number="4711").fields)
    for act in (lambda: Ticket.objects.create(fields={"po_number": 1}), Ticket(fields={}).full_clean):
        try:
            act()
        except ValidationError as error:
            print(error.messages)
with tenant("globex"):
    print(Ticket.objects.create().fields)
print(MigrationWriter.serialize(Ticket._meta.get_field("fields"))[0])
"""


def test_django_checks_forms_and_what_is_saved(real):
    placements = {name: TENANTS[name] | {"user": "postgres", "host": real.folder, "port": real.port} for name in TENANTS}
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([EXAMPLES, *filter(None, sys.path)]),
                   "PLACEMENTS": json.dumps(placements)}
    done = subprocess.run([sys.executable, "-c", DJANGO], text=True, capture_output=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "{'po_number': '4711'}", "['po_number: must be a string']", "['po_number: is required']", "{}",
        "croft.contrib.django.fields.CustomFields('order', blank=True, default=dict)"]
