"""Runs another command with a tenant."""

from __future__ import annotations

from typing import Any

from django.core.management import BaseCommand, call_command

from croft.tenancy import tenant


class Command(BaseCommand):
    help = "Runs a command with a tenant: manage.py tenant_command acme shell"

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--role", default="app", help="Of the logins: app, read_only or migrate.")
        parser.add_argument("tenant", help="Id or alias.")
        parser.add_argument("command", help="Name of the command.")
        parser.add_argument("arguments", nargs="...", help="Its arguments.")

    def handle(self, *arguments: Any, **options: Any) -> None:
        with tenant(options["tenant"], role=options["role"]):
            call_command(options["command"], *options["arguments"])
