"""Flask-SQLAlchemy 3 on the current tenant's database.

    db = SQLAlchemy()
    db.init_app(app)

``db.session``, ``db.engine`` and models without a bind key are the current tenant's; ``SQLALCHEMY_BINDS`` are databases
that all tenants share.
"""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from typing import Any

import flask
import flask_sqlalchemy
from flask_sqlalchemy.session import Session

from croft.contrib.sqlalchemy import TenantEngines, TenantSession
from croft.tenancy import current_or_none

#: Flask-SQLAlchemy wants an address; nothing is ever opened at this one.
_NOWHERE = "postgresql://no-tenant.invalid/"


class _TenantSession(TenantSession, Session):
    def get_bind(self, mapper: Any = None, clause: Any = None, *arguments: Any, **named: Any) -> Any:
        # The framework's own rules find the bind key; the engine for "none" is the current tenant's.
        engine = Session.get_bind(self, mapper, clause, *arguments, **named)
        if current_or_none() is not None and engine is self.engines.engine():
            return TenantSession.get_bind(self, mapper, clause)
        return engine

    @property
    def engines(self) -> TenantEngines:
        engines: TenantEngines = self._db.tenant_engines
        return engines


class _Binds(MutableMapping[Any, Any]):
    """Engines by bind key, as the framework keeps them, with the current tenant's for None."""

    def __init__(self, engines: Any, tenant_engines: TenantEngines) -> None:
        self._engines, self._tenant_engines = engines, tenant_engines

    def __getitem__(self, key: Any) -> Any:
        return self._tenant_engines.engine() if key is None else self._engines[key]

    def __setitem__(self, key: Any, engine: Any) -> None:
        self._engines[key] = engine

    def __delitem__(self, key: Any) -> None:
        del self._engines[key]

    def __iter__(self) -> Iterator[Any]:
        return iter(self._engines)

    def __len__(self) -> int:
        return len(self._engines)


class SQLAlchemy(flask_sqlalchemy.SQLAlchemy):
    """``flask_sqlalchemy.SQLAlchemy`` whose default bind is the current tenant's database.

    :param tenant_engines: by default :class:`~croft.contrib.sqlalchemy.TenantEngines` with its defaults.
    """

    def __init__(
        self,
        app: flask.Flask | None = None,
        *,
        tenant_engines: TenantEngines | None = None,
        session_options: dict[str, Any] | None = None,
        **options: Any,
    ) -> None:
        self.tenant_engines = tenant_engines or TenantEngines()
        super().__init__(app, session_options={"class_": _TenantSession} | (session_options or {}), **options)

    def init_app(self, app: flask.Flask) -> None:
        app.config.setdefault("SQLALCHEMY_DATABASE_URI", _NOWHERE)
        super().init_app(app)

    @property
    def engines(self) -> Any:
        engines = super().engines
        return _Binds(engines, self.tenant_engines)
