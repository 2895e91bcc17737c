"""Alembic over tenants.

    python -m croft.contrib.alembic upgrade head -l app=shop --parallel 4 --canary 1 --max-failures 3 --resume progress

The project's ``env.py`` needs no more than

    from croft.contrib.alembic import run_migrations

    run_migrations(target_metadata=Base.metadata)

Alembic itself then works for one tenant: ``alembic -x tenant=acme current``. Without a tenant it refuses.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import multiprocessing
import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from typing import Any

from alembic import command, context
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy import event
from sqlalchemy.engine import Engine

from croft import tenancy
from croft.contrib.sqlalchemy import TenantEngines
from croft.placement import Placement
from croft.tenancy import PlacementGone, Progress, Report, for_each_tenant, retry_locks, tenant

#: Entered around each tenant's migration; must be picklable, since it goes to other processes.
Around = Callable[[], contextlib.AbstractContextManager[Any]]


class MigrationFailed(RuntimeError):
    """A tenant's migration failed in another process."""


def run_migrations(**options: Any) -> None:
    """For ``env.py``: runs migrations in the current tenant's database, or that of ``-x tenant=NAME``.

    :param options: for ``context.configure``, such as ``target_metadata``.
    :raises croft.tenancy.NoTenant:
    """
    if context.is_offline_mode():
        context.configure(dialect_name="postgresql", literal_binds=True, **options)
        with context.begin_transaction():
            context.run_migrations()
        return
    with contextlib.ExitStack() as stack:
        name = context.get_x_argument(as_dictionary=True).get("tenant")
        if name:
            stack.enter_context(tenant(name, role="migrate"))
        context.configure(connection=stack.enter_context(_connection()), **options)
        with context.begin_transaction():
            context.run_migrations()


@dataclasses.dataclass(frozen=True)
class Migration:
    """What is done for each tenant."""

    #: ``upgrade``, ``downgrade`` or ``stamp``.
    verb: str
    revision: str
    config_file: str = "alembic.ini"
    #: The folder with ``env.py``, where the file does not say it.
    script_location: str | None = None
    #: As PostgreSQL has it: how long a statement waits for a lock.
    lock_timeout: str = "5s"
    #: How often it is tried again after that.
    lock_retries: int = 5
    around: Around = contextlib.nullcontext

    def __post_init__(self) -> None:
        if self.verb not in ("upgrade", "downgrade", "stamp"):
            raise ValueError("verb: must be upgrade, downgrade or stamp")

    @property
    def key(self) -> str:
        return f"{self.verb} {self.revision}"

    def config(self) -> Config:
        config = Config(self.config_file)
        if self.script_location:
            config.set_main_option("script_location", self.script_location)
        return config

    def run(self) -> None:
        """For the current tenant."""
        with self.around(), _lock_timeout(self.lock_timeout):
            work = getattr(command, self.verb)
            retry_locks(lambda: work(self.config(), self.revision), self.lock_retries)


def migrate(
    migration: Migration,
    over: str | Iterable[str] = "",
    *,
    parallel: int = 1,
    canary: int = 0,
    max_failures: int = 0,
    progress: Progress | None = None,
    on_done: Callable[[str, BaseException | None], None] | None = None,
) -> Report:
    """Migrates each tenant, with logins of the role ``migrate``. Other parameters are those of
    :func:`croft.tenancy.for_each_tenant`; since Alembic is not made for threads, ``parallel`` is of processes."""
    options: dict[str, Any] = {"canary": canary, "max_failures": max_failures, "progress": progress, "on_done": on_done}
    if parallel <= 1:
        return for_each_tenant(lambda placement: migration.run(), over, role="migrate", **options)
    # A fork would take locks and connections of this process along.
    processes = ProcessPoolExecutor(parallel, mp_context=multiprocessing.get_context("spawn"))

    def work(placement: Placement) -> None:
        failure = processes.submit(_in_process, migration, placement.tenant, placement.uid).result()
        if failure is not None:
            raise MigrationFailed(failure)

    try:
        return for_each_tenant(work, over, role="migrate", parallel=parallel, **options)
    finally:
        processes.shutdown()


def versions(over: str | Iterable[str] = "", *, parallel: int = 1) -> tuple[dict[str, str], Report]:
    """The revision of each tenant's database, by tenant; empty for one that was never migrated."""
    found: dict[str, str] = {}

    def look(placement: Placement) -> None:
        with _connection() as connection:
            found[placement.tenant] = ", ".join(MigrationContext.configure(connection).get_current_heads())

    report = for_each_tenant(look, over, role="migrate", parallel=parallel, max_failures=sys.maxsize)
    return found, report


def main(arguments: list[str] | None = None) -> int:
    """The command; returns its exit code."""
    parser = argparse.ArgumentParser(prog="python -m croft.contrib.alembic", description="Runs Alembic for many tenants.")
    parser.add_argument("-c", "--config", default="alembic.ini", help="Alembic's file (%(default)s).")
    verbs = parser.add_subparsers(dest="verb", required=True)
    for verb in ("upgrade", "downgrade", "stamp"):
        one = verbs.add_parser(verb, help=f"As alembic {verb}.")
        one.add_argument("revision", help="Such as head.")
        one.add_argument("tenants", nargs="*", help="Ids; by default all that the selector finds.")
        one.add_argument("--canary", type=int, default=0, help="So many first, one after the other.")
        one.add_argument("--max-failures", type=int, default=0, help="Begin no more after more than this many.")
        one.add_argument("--resume", metavar="FILE", help="A file that remembers what is done.")
        one.add_argument("--lock-timeout", default="5s", help="How long a statement waits for a lock (%(default)s).")
        one.add_argument("--lock-retries", type=int, default=5, help="How often it is tried again then (%(default)s).")
    verbs.add_parser("current", help="Prints the revision of each.").add_argument("tenants", nargs="*", help="Ids.")
    for one in verbs.choices.values():
        one.add_argument("-l", "--selector", default="", help="Labels, such as app=shop.")
        one.add_argument("--parallel", type=int, default=1, help="So many tenants at once.")
    options = parser.parse_args(arguments)
    over = options.tenants or options.selector
    if options.verb == "current":
        found, report = versions(over, parallel=options.parallel)
        width = max(map(len, found), default=0)
        for name in sorted(found):
            print(f"{name:<{width}}  {found[name] or '-'}")
    else:
        migration = Migration(
            options.verb,
            options.revision,
            options.config,
            lock_timeout=options.lock_timeout,
            lock_retries=options.lock_retries,
        )
        report = migrate(
            migration,
            over,
            parallel=options.parallel,
            canary=options.canary,
            max_failures=options.max_failures,
            progress=Progress(options.resume, migration.key) if options.resume else None,
        )
    print(report.table())
    return 0 if report.ok else 1


def _in_process(migration: Migration, name: str, uid: str) -> str | None:
    """In a process of :func:`migrate`. Errors of drivers cannot all be sent to another: their first line is."""
    try:
        with tenant(name, role="migrate") as placement:
            if placement.uid != uid:
                raise PlacementGone(f"tenant {name} is another one now")
            migration.run()
    except Exception as error:
        return f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"
    return None


@contextlib.contextmanager
def _connection() -> Iterator[Any]:
    engines = TenantEngines(max_engines=1, pool_size=1, max_overflow=0)
    try:
        with engines.engine().connect() as connection:
            yield connection
    finally:
        engines.dispose()


@contextlib.contextmanager
def _lock_timeout(timeout: str) -> Iterator[None]:
    """For every connection that is opened meanwhile, whoever's engine it is."""

    def connected(connection: Any, _: Any) -> None:
        cursor = connection.cursor()
        cursor.execute("SELECT set_config('lock_timeout', %s, false)", (timeout,))
        cursor.close()
        connection.commit()

    event.listen(Engine, "connect", connected)
    try:
        yield
    finally:
        event.remove(Engine, "connect", connected)


if __name__ == "__main__":
    try:
        code = main()
    finally:
        tenancy.close()
    sys.exit(code)
