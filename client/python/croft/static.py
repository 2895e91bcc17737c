"""Placements from a TOML file or a dictionary, for laptops and unit tests. :class:`croft.aio.AsyncStaticLocator` is the
same for asyncio."""

from __future__ import annotations

import os
import threading
import tomllib
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from croft._closing import AsyncClosing, Closing
from croft._listeners import ChangeCallback, Listeners
from croft.errors import TenantNotFound
from croft.placement import Placement

#: A libpq URI, or the fields of a :class:`croft.Placement` and ``aliases``.
Description = str | Mapping[str, Any]
Source = str | os.PathLike[str] | Mapping[str, Description]

_DEFAULTS: dict[str, Any] = {"generation": 1, "host": "localhost", "port": 5432, "user": ""}


class StaticPlacements:
    """What both static locators share. Thread-safe."""

    def __init__(self, source: Source, role: str) -> None:
        self._where = "the mapping" if isinstance(source, Mapping) else str(source)
        self._role = role
        self._lock = threading.Lock()
        self._placements: dict[str, Placement] = {}
        self._aliases: dict[str, str] = {}
        self.listeners = Listeners()
        for tenant, description in _tables(source).items():
            self.set(tenant, description)

    def find(self, name: str) -> Placement:
        """:raises TenantNotFound:"""
        placement = self._placements.get(self._aliases.get(name, name))
        if placement is None:
            raise TenantNotFound(f"tenant {name} is not in {self._where}", tenant=name)
        return placement

    def set(self, tenant: str, description: Description) -> None:
        table = dict(_from_uri(description) if isinstance(description, str) else description)
        aliases = tuple(table.pop("aliases", ()))
        with self._lock:
            for name in (tenant, *aliases):
                holder = self._aliases.get(name, name if name in self._placements else tenant)
                if holder != tenant:
                    raise ValueError(f"{self._where}: tenants.{tenant}: {name} is there twice")
            known = self._placements.get(tenant)
            if known is not None:
                table.setdefault("generation", known.generation + 1)
            self._placements[tenant] = self._placement(tenant, table)
            for alias in [alias for alias, holder in self._aliases.items() if holder == tenant]:
                del self._aliases[alias]
            self._aliases.update(dict.fromkeys(aliases, tenant))
        if known is not None:
            self.listeners.announce(tenant, self._placements[tenant])

    def remove(self, tenant: str) -> None:
        with self._lock:
            known = self._placements.pop(tenant, None)
            for alias in [alias for alias, holder in self._aliases.items() if holder == tenant]:
                del self._aliases[alias]
        if known is not None:
            self.listeners.announce(tenant, None)

    def tenants(self) -> list[str]:
        return sorted(self._placements)

    def _placement(self, tenant: str, table: dict[str, Any]) -> Placement:
        if "database" not in table:
            raise ValueError(f"{self._where}: tenants.{tenant}: database is missing")
        try:
            fields: dict[str, Any] = {"uid": tenant, "role": self._role} | _DEFAULTS | table
            return Placement(tenant=tenant, **fields)
        except TypeError as error:
            raise ValueError(f"{self._where}: tenants.{tenant}: {error}") from None


class _Static:
    """What both have that needs no waiting."""

    def __init__(self, source: Source | _Static, *, role: str = "app") -> None:
        self._placements: StaticPlacements = (
            source._placements if isinstance(source, _Static) else StaticPlacements(source, role)
        )

    def cached(self, tenant: str) -> Placement | None:
        return self._placements.find(tenant)

    def set(self, tenant: str, description: Description) -> None:
        """Adds a tenant or replaces it; its generation rises, and listeners are told, as after a move."""
        self._placements.set(tenant, description)

    def remove(self, tenant: str) -> None:
        """Forgets a tenant and tells listeners, as after a purge. Harmless when it is not there."""
        self._placements.remove(tenant)

    def tenants(self) -> list[str]:
        """All of them, ordered by name."""
        return self._placements.tenants()

    def on_change(self, callback: ChangeCallback) -> Callable[[], None]:
        """As for :meth:`croft.Locator.on_change`; :meth:`set` and :meth:`remove` make the changes."""
        return self._placements.listeners.add(callback)

    def remove_on_change(self, callback: ChangeCallback) -> None:
        self._placements.listeners.remove(callback)


class StaticLocator(_Static, Closing):
    """Answers as :class:`croft.Locator` does, from a TOML file:

        [tenants.acme]
        database = "acme"
        user = "me"
        aliases = ["shop.acme.com"]

    or from a mapping of tenants to the same fields or to libpq URIs:

        StaticLocator({"acme": "postgresql://me@localhost/acme", "globex": {"database": "globex"}})

    Keys are those of :class:`croft.Placement`; ``database`` is required, and ``uid`` is the tenant's name unless given.
    """

    def locate(self, tenant: str) -> Placement:
        """:raises TenantNotFound:"""
        return self._placements.find(tenant)

    def connection_rejected(self, tenant: str) -> Placement:
        return self.locate(tenant)

    def dsn(self, tenant: str) -> str:
        return self.locate(tenant).dsn()

    def wait_until_ready(self, timeout: float | None = None) -> bool:
        return True

    def close(self) -> None:
        """There is nothing to close."""


class AsyncStaticLocator(_Static, AsyncClosing):
    """:class:`croft.StaticLocator` for asyncio: answers as :class:`AsyncLocator` does, from a file or a mapping, or from
    another static locator, whose tenants it shares."""

    async def locate(self, tenant: str) -> Placement:
        """:raises TenantNotFound:"""
        return self._placements.find(tenant)

    async def connection_rejected(self, tenant: str) -> Placement:
        return self._placements.find(tenant)

    async def dsn(self, tenant: str) -> str:
        return self._placements.find(tenant).dsn()

    async def wait_until_ready(self, timeout: float | None = None) -> bool:
        return True

    async def close(self) -> None:
        """There is nothing to close."""


def _tables(source: Source) -> Mapping[str, Description]:
    if isinstance(source, Mapping):
        return source
    with open(source, "rb") as file:
        tables: Mapping[str, Description] = tomllib.load(file).get("tenants", {})
        return tables


def _from_uri(uri: str) -> dict[str, Any]:
    """:raises ValueError: it is no ``postgresql://`` URI."""
    parts = urlsplit(uri)
    if parts.scheme not in ("postgresql", "postgres"):
        raise ValueError("a placement must be a postgresql:// URI or a mapping")
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    fields: dict[str, Any] = {"database": unquote(parts.path.removeprefix("/")) or query.get("dbname", "")}
    host = query.get("host") or unquote(parts.hostname or "")
    port = query.get("port") or parts.port
    known = {
        "host": host,
        "port": int(port) if port else None,
        "user": query.get("user") or unquote(parts.username or ""),
        "password": query.get("password") or unquote(parts.password or ""),
        "sslmode": query.get("sslmode"),
        "options": query.get("options"),
    }
    if query.get("sslrootcert"):
        with open(query["sslrootcert"], encoding="utf-8") as file:
            known["root_certificate"] = file.read()
    return fields | {key: value for key, value in known.items() if value}
