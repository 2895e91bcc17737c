"""Custom fields: what one customer wants of its orders and others do not, without a column for each.

Which fields there are is declared in the tenant's settings, their values are in one JSONB column:

    croftctl tenant update acme --set 'fields={"order": {"po_number": {"type": "string", "required": true, "index": true}}}'

    fields_of("order").check({"po_number": "4711"})

``croft.contrib.django.fields.CustomFields`` and ``croft.contrib.sqlalchemy_fields.CustomFields`` are columns that check
what is written. The setting's name is ``fields``; a declaration is

    type: string | integer | number | boolean | date         (required)
    required: true            the value must be there
    choices: [...]            it is one of these
    max_length: N             of a string
    index: true               index_statements() makes an index for it
"""

from __future__ import annotations

import dataclasses
import datetime
import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from croft.tenancy._context import tenant_settings

_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_date(value: Any) -> bool:
    try:
        return bool(datetime.date.fromisoformat(value))
    except (TypeError, ValueError):
        return False


_TYPES: dict[str, Callable[[Any], bool]] = {
    "string": lambda value: isinstance(value, str),
    "integer": lambda value: _is_number(value) and value == int(value),
    "number": _is_number,
    "boolean": lambda value: isinstance(value, bool),
    "date": _is_date,
}


_ARTICLES = {"integer": "an"}


class InvalidFields(ValueError):
    """Values that do not fit; ``errors`` has a sentence for each field."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"{name}: {text}" for name, text in errors.items()))
        self.errors = dict(errors)


class InvalidDeclaration(ValueError):
    """The tenant's setting ``fields`` cannot be used: whoever wrote it must fix it."""


@dataclasses.dataclass(frozen=True)
class Field:
    """One that a tenant declares."""

    name: str
    type: str
    required: bool = False
    choices: tuple[Any, ...] = ()
    max_length: int = 0
    index: bool = False

    @classmethod
    def of(cls, name: str, declaration: Any) -> Field:
        """:raises InvalidDeclaration:"""
        if not _NAME.fullmatch(name):
            raise InvalidDeclaration(f"fields: {name!r} must be 1 to 40 of a-z, 0-9 and _, and begin with a letter")
        if not isinstance(declaration, Mapping) or declaration.get("type") not in _TYPES:
            raise InvalidDeclaration(f"fields: {name}: type must be one of {', '.join(_TYPES)}")
        unknown = set(declaration) - {field.name for field in dataclasses.fields(cls)} | set(declaration) & {"name"}
        if unknown:
            raise InvalidDeclaration(f"fields: {name}: there is no {', '.join(sorted(unknown))}")
        options: dict[str, Any] = dict(declaration) | {"choices": tuple(declaration.get("choices", ()))}
        return cls(name, **options)

    def fault(self, value: Any) -> str:
        """What is wrong with a value; empty when nothing is."""
        if value is None:
            return "is required" if self.required else ""
        if not _TYPES[self.type](value):
            return f"must be {_ARTICLES.get(self.type, 'a')} {self.type}"
        if self.choices and value not in self.choices:
            return f"must be one of {', '.join(map(str, self.choices))}"
        if self.max_length and len(value) > self.max_length:
            return f"must have at most {int(self.max_length)} characters"
        return ""


@dataclasses.dataclass(frozen=True)
class Fields:
    """Those of one kind of row."""

    kind: str
    fields: tuple[Field, ...]

    def __iter__(self) -> Iterator[Field]:
        return iter(self.fields)

    def check(self, values: Mapping[str, Any] | None) -> dict[str, Any]:
        """The values, without those that are None. :raises InvalidFields: one does not fit, or is not declared."""
        given = dict(values or {})
        errors = {field.name: fault for field in self if (fault := field.fault(given.get(field.name)))}
        declared = {field.name for field in self}
        errors |= {name: "is not declared" for name in given if name not in declared}
        if errors:
            raise InvalidFields(errors)
        return {name: value for name, value in given.items() if value is not None}

    def index_statements(self, table: str, column: str = "fields") -> list[str]:
        """SQL that makes the indexes which are declared and not there yet, one statement each, to be run outside of a
        transaction in the tenant's database: ``for_each_tenant(..., role="migrate")``."""
        return [
            f"CREATE INDEX CONCURRENTLY IF NOT EXISTS {_quoted(_index_name(table, column, field.name))} "
            f"ON {_quoted(table)} (({_quoted(column)} ->> '{field.name}'))"
            for field in self
            if field.index
        ]


def fields_of(kind: str) -> Fields:
    """The current tenant's fields for a kind of row; none where it declares none.

    :raises croft.tenancy.NoTenant:
    :raises InvalidDeclaration:
    """
    declared = tenant_settings().get("fields", {})
    declarations = declared.get(kind, {}) if isinstance(declared, Mapping) else None
    if not isinstance(declarations, Mapping):
        raise InvalidDeclaration("fields: must be an object of kinds, each an object of fields")
    return Fields(kind, tuple(Field.of(name, one) for name, one in sorted(declarations.items())))


def _index_name(table: str, column: str, field: str) -> str:
    # PostgreSQL cuts names after 63 bytes, and what is cut can collide.
    digest = hashlib.sha256(f"{table}.{column}.{field}".encode()).hexdigest()[:8]
    return f"cf_{table}_{field}"[:54] + "_" + digest


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
