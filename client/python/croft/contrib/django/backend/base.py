"""The database backend: PostgreSQL, on the current tenant's database."""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.db.backends.postgresql import base
from django.db.utils import OperationalError

from croft import tenancy
from croft.contrib.django import conf
from croft.placement import Placement
from croft.tenancy import NoTenant, PlacementGone, TenantSwitch, current, current_or_none, ended

#: Seconds.
_PAUSE_OF_CHECKS = 0.002


class NoTenantConnection(NoTenant, OperationalError, ImproperlyConfigured):
    """There is no tenant to connect for. A kind of all that Django itself goes on after where it can do without a
    database: makemigrations, runserver's check."""


class DatabaseWrapper(base.DatabaseWrapper):
    """One for each thread and alias, as Django has it; holds a connection for each of the last few tenants."""

    def __init__(self, settings_dict: dict[str, Any], alias: str = "default") -> None:
        # Django wants a name; the placement has the real one.
        super().__init__(settings_dict | {"NAME": settings_dict.get("NAME") or "tenant"}, alias)
        self.connection: Any
        self._placement: Placement | None = None  # that `connection` is, or would be, of
        self._key = ""  # of the placement that it was opened with
        self._checked = -math.inf
        self._parked: OrderedDict[tuple[str, str], dict[str, Any]] = OrderedDict()
        self._housekeeping = False  # Django looks after connections between requests, when there is no tenant

    # --- Following the tenant.

    def ensure_connection(self) -> None:
        if not self._housekeeping:
            self._follow()
        super().ensure_connection()

    def _follow(self) -> None:
        placement = current_or_none()
        if placement is None:
            raise NoTenantConnection(
                "there is no current tenant: resolve the request, or enter one by croft.tenancy.tenant(...)"
            )
        here = self._placement
        if here is placement or here is not None and (here.uid, here.role) == (placement.uid, placement.role):
            if self.connection is not None and not self.in_atomic_block:
                self._check_now_and_then(placement)
            return
        if self.in_atomic_block and here is not None:
            raise TenantSwitch(f"a transaction of tenant {here.tenant} is open, and {placement.tenant} is current")
        parked = self._parked.pop((placement.uid, placement.role), None)
        self._park()
        self._placement = placement
        if parked is not None:
            self.__dict__.update(parked)
            self._check_turned_over(placement)

    def _check_now_and_then(self, placement: Placement) -> None:
        # Django asks several times for one statement. What happens within the pause could as well happen after the check.
        now = time.monotonic()
        if now >= self._checked + _PAUSE_OF_CHECKS:
            self._checked = now
            self._check_turned_over(placement)

    def _check_turned_over(self, placement: Placement) -> None:
        """Closes a connection of a former placement, and one that the server has ended."""
        if self._key != tenancy._locators.refreshed(placement).key or ended(self.connection):
            self._close_current()

    #: What belongs to a connection, outside of a transaction.
    _STATE = ("connection", "autocommit", "close_at", "errors_occurred", "_key", "closed_in_transaction")

    def _park(self) -> None:
        here = self._placement
        if here is None or self.connection is None:
            return
        self._parked[here.uid, here.role] = {name: getattr(self, name) for name in self._STATE}
        self.connection = None
        while len(self._parked) >= conf.setting("MAX_CONNECTIONS_PER_THREAD"):
            _close_quietly(self._parked.popitem(last=False)[1]["connection"])

    def _close_current(self) -> None:
        _close_quietly(self.connection)
        self.connection = None

    # --- Opening and closing.

    def get_connection_params(self) -> dict[str, Any]:
        params: dict[str, Any] = super().get_connection_params()
        for name in ("database", "dbname", "user", "password", "host", "port"):
            params.pop(name, None)
        return params

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        placement = current()

        def connect(now: Placement) -> tuple[Any, str]:
            if now.uid != placement.uid:
                raise PlacementGone(f"tenant {now.tenant} is another one now")
            open_new = super(DatabaseWrapper, self).get_new_connection
            limit = {"connect_timeout": math.ceil(conf.setting("WAIT"))}
            return open_new(limit | conn_params | now.connect_kwargs()), now.key

        connection, self._key = tenancy.open_connection(
            tenancy.locator(placement.role), placement.tenant, connect, wait=conf.setting("WAIT")
        )
        return connection

    def close(self) -> None:
        for parked in self._parked.values():
            _close_quietly(parked["connection"])
        self._parked.clear()
        super().close()

    def close_if_unusable_or_obsolete(self) -> None:
        before, self._housekeeping = self._housekeeping, True
        try:
            super().close_if_unusable_or_obsolete()
        finally:
            self._housekeeping = before
        for name, parked in list(self._parked.items()):
            close_at = parked["close_at"]
            if parked["errors_occurred"] or close_at is not None and time.monotonic() >= close_at:
                del self._parked[name]
                _close_quietly(parked["connection"])

    def is_usable(self) -> bool:
        before, self._housekeeping = self._housekeeping, True
        try:
            return bool(super().is_usable())
        finally:
            self._housekeeping = before


def _close_quietly(connection: Any) -> None:
    try:
        connection.close()
    except Exception:  # it is gone already
        pass
