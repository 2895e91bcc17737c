"""Placements from a TOML file, for laptops and unit tests."""

from __future__ import annotations

import os
import tomllib
from types import TracebackType
from typing import Any

from croft.errors import TenantNotFound
from croft.placement import Placement

_DEFAULTS: dict[str, Any] = {"uid": "", "generation": 1, "host": "localhost", "port": 5432, "user": ""}


class StaticLocator:
    """Answers as :class:`croft.Locator` does, from a file:

        [tenants.acme]
        database = "acme"
        user = "me"
        aliases = ["shop.acme.com"]

    Keys are those of :class:`croft.Placement`; ``database`` is required.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        with open(path, "rb") as file:
            tenants = tomllib.load(file).get("tenants", {})
        self._placements: dict[str, Placement] = {}
        for tenant, table in tenants.items():
            for name in (tenant, *table.pop("aliases", ())):
                if name in self._placements:
                    raise ValueError(f"{path}: tenants.{tenant}: {name} is there twice")
                self._placements[name] = _placement(path, tenant, table)

    def locate(self, tenant: str) -> Placement:
        try:
            return self._placements[tenant]
        except KeyError:
            raise TenantNotFound(f"tenant {tenant} is not in the file", tenant=tenant) from None

    def connection_rejected(self, tenant: str) -> Placement:
        return self.locate(tenant)

    def dsn(self, tenant: str) -> str:
        return self.locate(tenant).dsn()

    def on_change(self, callback: Any) -> None:
        """Nothing ever changes."""

    def wait_until_ready(self, timeout: float | None = None) -> bool:
        return True

    def close(self) -> None:
        """There is nothing to close."""

    def __enter__(self) -> StaticLocator:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _placement(path: str | os.PathLike[str], tenant: str, table: dict[str, Any]) -> Placement:
    if "database" not in table:
        raise ValueError(f"{path}: tenants.{tenant}: database is missing")
    try:
        return Placement(tenant=tenant, **(_DEFAULTS | table))
    except TypeError as error:
        raise ValueError(f"{path}: tenants.{tenant}: {error}") from None
