"""Runs another command for many tenants."""

from __future__ import annotations

from typing import Any

from django.core.management import BaseCommand, CommandError, call_command
from django.db import connections

from croft.placement import Placement
from croft.tenancy import for_each_tenant


class Command(BaseCommand):
    help = "Runs a command for each tenant: manage.py each_tenant -l app=shop -- clearsessions"

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("-l", "--selector", default="", help="Labels, such as app=shop.")
        parser.add_argument("--role", default="app", help="Of the logins: app, read_only or migrate.")
        parser.add_argument("--parallel", type=int, default=1, help="So many tenants at once.")
        parser.add_argument("--max-failures", type=int, default=0, help="Begin no more after this many.")
        parser.add_argument("command", help="Name of the command.")
        parser.add_argument("arguments", nargs="...", help="Its arguments.")

    def handle(self, *arguments: Any, **options: Any) -> None:
        def run(_: Placement) -> None:
            try:
                call_command(options["command"], *options["arguments"], stdout=self.stdout, stderr=self.stderr)
            finally:
                connections.close_all()

        report = for_each_tenant(
            run,
            options["selector"],
            role=options["role"],
            parallel=options["parallel"],
            max_failures=options["max_failures"],
        )
        self.stdout.write(report.table())
        if not report.ok:
            raise CommandError("it did not succeed for every tenant")
