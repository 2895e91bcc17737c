"""Keeps what all tenants share in a database of its own."""

from __future__ import annotations

from typing import Any

from croft.contrib.django import conf


class SharedRouter:
    """Models of CROFT["SHARED_APPS"] (labels) live in the alias CROFT["SHARED_ALIAS"], all others in the tenant's
    database."""

    def db_for_read(self, model: Any, **hints: Any) -> str:
        return self._alias(model._meta.app_label)

    def db_for_write(self, model: Any, **hints: Any) -> str:
        return self._alias(model._meta.app_label)

    def allow_relation(self, one: Any, other: Any, **hints: Any) -> bool:
        # A foreign key cannot leave a database.
        return self._alias(one._meta.app_label) == self._alias(other._meta.app_label)

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool | None:
        return self._alias(app_label) == db if db in ("default", conf.setting("SHARED_ALIAS")) else None

    @staticmethod
    def _alias(label: str) -> str:
        return str(conf.setting("SHARED_ALIAS")) if label in conf.setting("SHARED_APPS") else "default"
