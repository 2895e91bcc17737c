"""Runs ``migrate`` for many tenants."""

from __future__ import annotations

from typing import Any

from django.core.management import BaseCommand, CommandError, call_command
from django.db import DEFAULT_DB_ALIAS, connection, connections

from croft.placement import Placement
from croft.tenancy import Progress, for_each_tenant, retry_locks


class Command(BaseCommand):
    help = "Runs migrate for each tenant, with logins of the role migrate, and prints a table of what failed."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("tenants", nargs="*", help="Ids; by default all that the selector finds.")
        parser.add_argument("-l", "--selector", default="", help="Labels, such as app=shop.")
        parser.add_argument("--parallel", type=int, default=1, help="So many tenants at once.")
        parser.add_argument("--canary", type=int, default=0, help="So many first, one after the other.")
        parser.add_argument("--max-failures", type=int, default=0, help="Begin no more after this many.")
        parser.add_argument("--resume", help="A file that remembers what is done.")
        parser.add_argument("--app", help="As migrate's app_label.")
        parser.add_argument("--to", help="As migrate's migration_name.")
        parser.add_argument("--lock-timeout", default="5s", help="How long a statement waits for a lock.")
        parser.add_argument("--lock-retries", type=int, default=5, help="How often it is tried again after that.")

    def handle(self, *arguments: Any, **options: Any) -> None:
        target = [one for one in (options["app"], options["to"]) if one]

        def migrate(_: Placement) -> None:
            try:
                retry_locks(lambda: _migrate(target, options["lock_timeout"]), options["lock_retries"])
            finally:
                connections[DEFAULT_DB_ALIAS].close()

        def say(name: str, error: BaseException | None) -> None:
            if options["verbosity"] > 0:
                self.stdout.write(f"{name}: {'migrated' if error is None else 'failed'}")

        report = for_each_tenant(
            migrate,
            options["tenants"] or options["selector"],
            role="migrate",
            parallel=options["parallel"],
            canary=options["canary"],
            max_failures=options["max_failures"],
            progress=Progress(options["resume"], " ".join(["migrate", *target])) if options["resume"] else None,
            on_done=say,
        )
        self.stdout.write(report.table())
        if not report.ok:
            raise CommandError("not every tenant was migrated")


def _migrate(target: list[str], lock_timeout: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('lock_timeout', %s, false)", [lock_timeout])
    call_command("migrate", *target, database=DEFAULT_DB_ALIAS, interactive=False, verbosity=0)
