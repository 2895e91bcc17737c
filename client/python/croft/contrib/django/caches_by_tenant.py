"""Django's own caches in the process, apart by tenant: content types and sites have ids of each database."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, MutableMapping
from typing import Any

from django.apps import apps

from croft.tenancy import current_or_none

#: So many tenants are remembered.
_MOST = 1000


class ByTenant(MutableMapping[Any, Any]):
    """A dictionary for each tenant, and one for no tenant; looks like the current one's."""

    def __init__(self) -> None:
        self._tables: OrderedDict[str, dict[Any, Any]] = OrderedDict()

    def _table(self) -> dict[Any, Any]:
        placement = current_or_none()
        name = placement.uid if placement else ""
        table = self._tables.get(name)
        if table is None:
            table = self._tables.setdefault(name, {})
            if len(self._tables) > _MOST:
                self._tables.popitem(last=False)
        return table

    def __getitem__(self, key: Any) -> Any:
        return self._table()[key]

    def __setitem__(self, key: Any, value: Any) -> None:
        self._table()[key] = value

    def __delitem__(self, key: Any) -> None:
        del self._table()[key]

    def __iter__(self) -> Iterator[Any]:
        return iter(self._table())

    def __len__(self) -> int:
        return len(self._table())

    def clear(self) -> None:
        self._table().clear()


def install() -> None:
    if apps.is_installed("django.contrib.contenttypes"):
        from django.contrib.contenttypes.models import ContentType

        ContentType.objects._cache = ByTenant()
    if apps.is_installed("django.contrib.sites"):
        from django.contrib.sites import models

        models.SITE_CACHE = ByTenant()
