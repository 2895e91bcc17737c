"""SQLAlchemy (1.4 and 2.0) on the current tenant's database.

    engines = TenantEngines()
    Session = engines.sessionmaker()

    with tenant("acme"), Session() as session:
        session.query(Order).count()

Each tenant that is worked for has an engine of its own with a small pool. New connections ask the locator, so a rotation
or a move needs nothing; connections of a placement that is no more are not handed out. SQLModel needs nothing else than
``engines.sessionmaker(base=sqlmodel.Session)``.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import math
import operator
import os
import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from sqlalchemy import create_engine, event
from sqlalchemy.engine import Engine
from sqlalchemy.orm import Session, sessionmaker
from sqlalchemy.pool import AsyncAdaptedQueuePool, QueuePool
from sqlalchemy.util import await_only, greenlet_spawn

from croft import tenancy
from croft.errors import CroftError
from croft.placement import Placement
from croft.tenancy import PlacementGone, TenantSwitch, current, refused
from croft.tenancy._refused import news_of, socket_of

E = TypeVar("E")

#: Of the pool of one tenant's engine.
POOL = {"pool_size": 2, "max_overflow": 8, "pool_use_lifo": True}


class _Engines(Generic[E]):
    """Engines by tenant and role; the one that was used longest ago makes room."""

    def __init__(self, max_engines: int, wait: float, options: dict[str, Any]) -> None:
        self._max_engines, self._wait = max_engines, wait
        self._options = POOL | options
        self._reset()
        _all.add(self)

    def _reset(self) -> None:
        self._lock = threading.Lock()
        self._engines: OrderedDict[tuple[str, str], E] = OrderedDict()
        self._watched: set[tuple[str, int]] = set()

    def engine(self) -> E:
        """The current tenant's. :raises croft.tenancy.NoTenant:"""
        return self._engine_of(current())

    def _engine_of(self, placement: Placement) -> E:
        name = (placement.uid, placement.role)
        with self._lock:
            engine = self._engines.get(name)
            if engine is not None:
                self._engines.move_to_end(name)
                return engine
            self._watch(placement.role)
            engine = self._engines[name] = self._make(placement)
            surplus = [self._engines.popitem(last=False)[1] for _ in range(len(self._engines) - self._max_engines)]
        for one in surplus:
            self._dispose(one)
        return engine

    def __len__(self) -> int:
        return len(self._engines)

    def _watch(self, role: str) -> None:
        locator = self._locator(role)
        if (role, id(locator)) in self._watched:
            return
        self._watched.add((role, id(locator)))
        weak = weakref.ref(self)

        def tell(_: str, placement: Placement | None) -> None:
            engines = weak()
            if engines is not None and placement is not None:
                engines._turn_over(placement)

        locator.on_change(tell)

    def _turn_over(self, placement: Placement) -> None:
        with self._lock:
            engine = self._engines.get((placement.uid, placement.role))
        if engine is not None and self._key_of(engine) not in ("", placement.key):
            self._dispose(engine)

    def _locator(self, role: str) -> Any:
        raise NotImplementedError

    def _make(self, placement: Placement) -> E:
        raise NotImplementedError

    def _dispose(self, engine: E) -> None:
        raise NotImplementedError

    def _key_of(self, engine: E) -> str:
        """Of the placement that its newest connection was opened with."""
        raise NotImplementedError

    def after_fork_in_child(self) -> None:
        # Closing the connections would end the parent's sessions: they are kept, and never used.
        _inherited.append(self._engines)
        self._reset()


_all: weakref.WeakSet[_Engines[Any]] = weakref.WeakSet()
_inherited: list[Any] = []


def _after_fork_in_child() -> None:
    for engines in list(_all):
        engines.after_fork_in_child()


os.register_at_fork(after_in_child=_after_fork_in_child)


@dataclasses.dataclass(frozen=True)
class _Driver:
    """What connections are asked that SQLAlchemy does not."""

    #: Of its socket.
    descriptor: Callable[[Any], Any]
    is_closed: Callable[[Any], Any]


_LIBPQ = _Driver(lambda connection: connection.fileno(), operator.attrgetter("closed"))
_ASYNCPG = _Driver(
    lambda connection: socket_of(connection._connection), lambda connection: connection._connection.is_closed()
)


class _TenantPool:
    """Of one tenant: hands out connections of its placement as it is now, and none that the server has ended. What else
    would be a listener to ``checkout`` costs each request several times as much here and in SQLAlchemy."""

    #: Whether a connection may be handed out; None while the engine is being made.
    is_good: Callable[[Any], bool] | None = None

    def _do_get(self) -> Any:
        record = super()._do_get()  # type: ignore[misc]
        try:
            if self.is_good is not None and record.dbapi_connection is not None and not self.is_good(record):
                record.invalidate()  # and SQLAlchemy opens another one
        except BaseException:
            self._do_return_conn(record)  # type: ignore[attr-defined]
            raise
        return record

    def recreate(self) -> Any:
        pool = super().recreate()  # type: ignore[misc]
        pool.is_good = self.is_good
        return pool


class _AsyncTenantPool(_TenantPool):
    """A pool that follows a disposed one gets a mutex of threads for its first connection (SQLAlchemy 1.4.46): two tasks
    that open it would block the event loop for ever. Listening to its events sets asyncio's again."""

    def recreate(self) -> Any:
        pool = super().recreate()
        event.listen(pool, "connect", _nothing)
        return pool


def _nothing(*_: Any) -> None:
    """What listens for the sake of listening."""


def _prepare(
    engine: Engine,
    placement: Placement,
    connect: Callable[..., Any],
    locator: Callable[[str], Any],
    driver: _Driver,
) -> None:
    """Opens connections by ``connect(dialect, parameters)``, and keeps those of a former placement from being handed
    out."""
    tenant, uid, role = placement.tenant, placement.uid, placement.role

    def do_connect(dialect: Any, record: Any, arguments: Any, parameters: Any) -> Any:
        connection, key = connect(dialect, parameters)
        engine.croft_key = key
        record.info.update(croft_key=key, croft_news=news_of(driver.descriptor(connection)))
        return connection

    def is_good(record: Any) -> bool:
        key = record.info["croft_key"]
        try:
            now = locator(role).cached(tenant)
            if now is not None and now.key != key and now.uid == uid:
                return False
        except CroftError:  # it is suspended or gone: the server ends its sessions
            pass
        return not driver.is_closed(record.dbapi_connection) and not record.info["croft_news"](0)

    engine.pool.is_good = is_good
    # A listener to handle_error would make each statement of the engine dearer, also those that go well.
    is_disconnect = engine.dialect.is_disconnect

    def is_disconnect_or_refused(error: Any, connection: Any, cursor: Any) -> bool:
        return refused(error) or is_disconnect(error, connection, cursor)

    engine.dialect.is_disconnect = is_disconnect_or_refused
    event.listen(engine, "do_connect", do_connect)


def _same_tenant(now: Placement, placement: Placement) -> None:
    if now.uid != placement.uid:
        raise PlacementGone(f"tenant {now.tenant} is another one now")


class TenantEngines(_Engines[Engine]):
    """Engines and sessions of the current tenant. Thread-safe; may be made before a fork.

    :param max_engines: so many tenants and roles keep a pool.
    :param driver: ``psycopg2``, or ``psycopg`` with SQLAlchemy 2.
    :param wait: seconds to wait for a newer placement when PostgreSQL refuses the login.
    :param options: for ``create_engine``, such as ``pool_size`` (of each tenant) or ``echo``.
    """

    def __init__(
        self, *, max_engines: int = 100, driver: str = "psycopg2", wait: float = 10.0, **options: Any
    ) -> None:
        self._url = f"postgresql+{driver}://"
        pool = type("TenantPool", (_TenantPool, options.get("poolclass", QueuePool)), {})
        super().__init__(max_engines, wait, options | {"poolclass": pool})

    def session_class(self, base: type[Session] = Session) -> type[Session]:
        """A subclass of ``base`` whose sessions work for the current tenant."""
        return type("TenantSession", (TenantSession, base), {"engines": self})

    def sessionmaker(self, *, base: type[Session] = Session, **options: Any) -> Any:
        """A ``sessionmaker`` of such sessions."""
        return sessionmaker(class_=self.session_class(base), **options)

    def dispose(self) -> None:
        """Closes all idle connections."""
        with self._lock:
            engines = list(self._engines.values())
            self._engines.clear()
        for engine in engines:
            engine.dispose()

    def _locator(self, role: str) -> Any:
        return tenancy.locator(role)

    def _sync_engine_of(self, placement: Placement) -> Engine:
        return self._engine_of(placement)

    def _make(self, placement: Placement) -> Engine:
        engine: Engine = create_engine(self._url, **self._options)
        limit = {"connect_timeout": math.ceil(self._wait)}

        def connect(dialect: Any, parameters: dict[str, Any]) -> tuple[Any, str]:
            def attempt(now: Placement) -> tuple[Any, str]:
                _same_tenant(now, placement)
                return dialect.connect(**limit | parameters | now.connect_kwargs()), now.key

            return tenancy.open_connection(
                tenancy.locator(placement.role), placement.tenant, attempt, wait=self._wait
            )

        _prepare(engine, placement, connect, self._locator, _LIBPQ)
        return engine

    def _dispose(self, engine: Engine) -> None:
        engine.dispose()

    def _key_of(self, engine: Engine) -> str:
        return getattr(engine, "croft_key", "")


class TenantSession(Session):
    """A session of the first tenant that it works for: another one raises, until it is closed. What it has loaded, and
    may answer from memory, is that tenant's."""

    engines: Any = None
    _tenant: Placement | None = None

    def get_bind(self, mapper: Any = None, *arguments: Any, **named: Any) -> Any:
        if named.get("bind") is not None:
            return named["bind"]
        placement, here = current(), self._tenant
        if here is None:
            self._tenant = placement
        elif here is not placement and (here.uid, here.role) != (placement.uid, placement.role):
            raise TenantSwitch(f"this session is of tenant {here.tenant}, not of {placement.tenant}")
        return self.engines._sync_engine_of(placement)

    def close(self) -> None:
        super().close()
        self._tenant = None


class AsyncTenantEngines(_Engines[Any]):
    """:class:`TenantEngines` for asyncio and asyncpg; of one event loop.

    engines = AsyncTenantEngines()
    Session = engines.sessionmaker()

    async with tenant("acme"), Session() as session:
        await session.execute(...)
    """

    def __init__(self, *, max_engines: int = 100, wait: float = 10.0, **options: Any) -> None:
        pool = type("TenantPool", (_AsyncTenantPool, options.get("poolclass", AsyncAdaptedQueuePool)), {})
        super().__init__(max_engines, wait, options | {"poolclass": pool})
        self._disposals: set[asyncio.Task[None]] = set()

    def sessionmaker(self, *, base: type[Session] = Session, **options: Any) -> Any:
        """A ``sessionmaker`` of sessions that work for the current tenant.

        :param base: of the synchronous session inside, which ``run_sync`` gives.
        """
        from sqlalchemy.ext.asyncio import AsyncSession

        sync_class = type("TenantSession", (TenantSession, base), {"engines": self})
        options = {"expire_on_commit": False, "sync_session_class": sync_class} | options
        return sessionmaker(class_=AsyncSession, **options)

    async def dispose(self) -> None:
        """Closes all idle connections."""
        engines = list(self._engines.values())
        self._engines.clear()
        for engine in engines:
            await engine.dispose()
        await asyncio.gather(*self._disposals)

    def _locator(self, role: str) -> Any:
        return tenancy.async_locator(role)

    def _sync_engine_of(self, placement: Placement) -> Engine:
        engine: Engine = self._engine_of(placement).sync_engine
        return engine

    def _make(self, placement: Placement) -> Any:
        from sqlalchemy.ext.asyncio import create_async_engine

        engine = create_async_engine("postgresql+asyncpg://", **self._options)

        def connect(dialect: Any, parameters: dict[str, Any]) -> tuple[Any, str]:
            async def attempt(now: Placement) -> tuple[Any, str]:
                _same_tenant(now, placement)
                return await greenlet_spawn(dialect.connect, **parameters | now.asyncpg_kwargs()), now.key

            opened: tuple[Any, str] = await_only(
                tenancy.open_connection_async(
                    tenancy.async_locator(placement.role), placement.tenant, attempt, wait=self._wait
                )
            )
            return opened

        _prepare(engine.sync_engine, placement, connect, self._locator, _ASYNCPG)
        return engine

    def _dispose(self, engine: Any) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended, and with it the connections
            task = asyncio.get_running_loop().create_task(engine.dispose())
            self._disposals.add(task)
            task.add_done_callback(self._disposals.discard)

    def _key_of(self, engine: Any) -> str:
        return getattr(engine.sync_engine, "croft_key", "")
