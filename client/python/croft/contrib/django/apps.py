"""The application: checks the settings, and keeps what Django caches by database apart by tenant."""

from __future__ import annotations

from django.apps import AppConfig
from django.db import DEFAULT_DB_ALIAS, connections

from croft.placement import Placement
from croft.tenancy import TenantSwitch, add_guard


class CroftConfig(AppConfig):
    name = "croft.contrib.django"
    label = "croft"
    verbose_name = "Croft"

    def ready(self) -> None:
        from croft.contrib.django import caches_by_tenant, checks  # noqa: F401

        caches_by_tenant.install()
        add_guard(_forbid_switch_in_transaction)


def _forbid_switch_in_transaction(placement: Placement) -> None:
    connection = connections[DEFAULT_DB_ALIAS]
    if connection.in_atomic_block:
        raise TenantSwitch(f"a transaction of tenant {placement.tenant} is open")
