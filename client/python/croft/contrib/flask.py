"""The current tenant in Flask.

    croft = Croft(resolve=by_subdomain("example.com"))
    croft.init_app(app)

Each request's tenant is resolved before its view, and current in it; a view that needs none says ``@without_tenant``.
"""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import click
import flask
from flask.cli import AppGroup, ScriptInfo, with_appcontext
from werkzeug.exceptions import HTTPException
from werkzeug.local import LocalProxy

from croft import tenancy
from croft.contrib.wsgi import request_of
from croft.errors import CroftError
from croft.placement import Placement
from croft.tenancy import WebTenancy, status_of, tenant
from croft.tenancy._context import enter, leave

F = TypeVar("F", bound=Callable[..., Any])

#: In the environ, where no client can set it: the tenant of a test client.
_TEST_TENANT = "croft.test_tenant"
_PUBLIC = "_croft_without_tenant"
#: Of a request whose tenant is entered: the tenant that was current before it.
_BEFORE = "_croft_before"

#: The current tenant's placement. :raises croft.tenancy.NoTenant: on use, without one.
current_tenant: Any = LocalProxy(tenancy.current)


def without_tenant(view: F) -> F:
    """Marks a view that needs no tenant, such as a health check."""
    setattr(view, _PUBLIC, True)
    return view


class Croft:
    """The extension.

    The parameters are those of :class:`croft.tenancy.WebTenancy`; static files need no tenant. Answers to requests whose
    tenant does not exist, is retired or suspended are 404, 410 and 503. So are errors of Croft's in a view, and 503 where
    PostgreSQL refused the tenant's login for longer than the wait.
    """

    def __init__(self, app: flask.Flask | None = None, **options: Any) -> None:
        self._tenancy = WebTenancy(**options)
        if app is not None:
            self.init_app(app)

    def init_app(self, app: flask.Flask) -> None:
        app.extensions["croft"] = self
        app.before_request_funcs.setdefault(None, []).insert(0, self._enter)
        app.teardown_request(self._leave)
        app.register_error_handler(Exception, self._answer)
        app.cli.add_command(_cli)

    def test_client(self, name: str, app: flask.Flask | None = None, **options: Any) -> Any:
        """A test client whose requests are the tenant's, whatever the resolver would say."""
        client = (app or flask.current_app).test_client(**options)
        client.environ_base[_TEST_TENANT] = name
        return client

    def _is_public(self, request: flask.Request) -> bool:
        endpoint = request.endpoint
        if endpoint is None:  # no such page: the answer is 404 for everybody
            return True
        view = flask.current_app.view_functions.get(endpoint)
        return endpoint == "static" or hasattr(view, _PUBLIC) or self._tenancy.is_public(request.path)

    def _enter(self) -> Any:
        # Each access through a proxy is dear.
        request: flask.Request = flask.request._get_current_object()  # type: ignore[attr-defined]
        if self._is_public(request):
            return None
        environ = request.environ
        try:
            name = environ.get(_TEST_TENANT) or self._tenancy.resolve(request_of(environ)).name
            placement = self._tenancy.locate(name)
        except CroftError as error:
            return self._response(error)
        environ["croft.tenant"] = placement
        request.__dict__[_BEFORE] = enter(placement)
        return None

    def _leave(self, _: BaseException | None) -> None:
        kept = flask.request._get_current_object().__dict__  # type: ignore[attr-defined]
        if _BEFORE in kept:
            leave(kept.pop(_BEFORE))

    def _answer(self, error: Exception) -> Any:
        if isinstance(error, HTTPException):
            return error
        if status_of(error) is None:
            raise error
        flask.current_app.logger.warning("a request of tenant %s failed: %s", _name(), error)
        return self._response(error)

    def _response(self, error: Exception) -> flask.Response:
        refusal = self._tenancy.refusal(error)
        return flask.Response(refusal.text, refusal.status, refusal.headers, content_type=refusal.content_type)


def _name() -> str:
    placement: Placement | None = tenancy.current_or_none()
    return placement.tenant if placement else "-"


_cli = AppGroup("tenants", help="Work on tenants.")


@_cli.command("list")
@click.option("-l", "--selector", default="", help="Labels, such as app=shop.")
def list_tenants(selector: str) -> None:
    """Prints the ids of ready tenants."""
    for name in tenancy.tenants(selector):
        click.echo(name)


@_cli.command("shell")
@click.argument("name")
@click.pass_context
def shell(context: click.Context, name: str) -> None:
    """Opens `flask shell` with a tenant."""
    with tenant(name):
        context.invoke(flask.cli.shell_command)


def _fleet_options(command: F) -> F:
    """What commands over many tenants have in common."""
    for option in reversed((
        click.option("-l", "--selector", default="", help="Labels, such as app=shop."),
        click.option("--parallel", default=1, show_default=True, help="So many tenants at once."),
        click.option("--canary", default=0, show_default=True, help="So many first, one after the other."),
        click.option("--max-failures", default=0, show_default=True, help="Begin no more after more than this many."),
        click.option("--resume", default=None, type=click.Path(), help="A file that remembers what is done."),
    )):  # fmt: skip
        command = option(command)
    return command


def _conclude(report: tenancy.Report) -> None:
    click.echo(report.table())
    if not report.ok:
        raise SystemExit(1)


@_cli.command("migrate")
@click.argument("tenants", nargs=-1)
@_fleet_options
@click.option("-d", "--directory", default="migrations", show_default=True, help="With env.py and alembic.ini.")
@click.option("--revision", default="head", show_default=True)
@click.option("--lock-timeout", default="5s", show_default=True, help="How long a statement waits for a lock.")
@click.option("--lock-retries", default=5, show_default=True, help="How often it is tried again after that.")
@click.pass_context
def migrate(
    context: click.Context,
    tenants: tuple[str, ...],
    selector: str,
    resume: str | None,
    directory: str,
    revision: str,
    lock_timeout: str,
    lock_retries: int,
    **limits: Any,
) -> None:
    """Migrates TENANTS, or all that the selector finds, by Alembic and with logins of the role migrate."""
    from croft.contrib import alembic

    migration = alembic.Migration(
        "upgrade",
        revision,
        os.path.join(directory, "alembic.ini"),
        directory,
        lock_timeout,
        lock_retries,
        functools.partial(_app_context, context.ensure_object(ScriptInfo).app_import_path),
    )
    progress = tenancy.Progress(resume, migration.key) if resume else None
    _conclude(alembic.migrate(migration, tenants or selector, progress=progress, **limits))


@contextlib.contextmanager
def _app_context(import_path: str | None) -> Iterator[None]:
    """The application's, also in another process."""
    app = flask.current_app if flask.has_app_context() else ScriptInfo(app_import_path=import_path).load_app()
    with app.app_context():
        yield


@_cli.command("each", context_settings={"ignore_unknown_options": True})
@_fleet_options
@click.option("--role", default="app", show_default=True, help="Of the logins: app, read_only or migrate.")
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
@with_appcontext
def each(selector: str, resume: str | None, role: str, command: tuple[str, ...], **limits: Any) -> None:
    """Runs a flask command for each tenant: `flask tenants each -l app=shop -- COMMAND`."""
    app = flask.current_app._get_current_object()  # type: ignore[attr-defined]
    found = app.cli.get_command(click.get_current_context(), command[0])
    if found is None:
        raise click.UsageError(f"there is no command {command[0]}")

    def run(_: Placement) -> None:
        with app.app_context():
            found.main(list(command[1:]), prog_name=command[0], standalone_mode=False)

    progress = tenancy.Progress(resume, " ".join(command)) if resume else None
    _conclude(tenancy.for_each_tenant(run, selector, role=role, progress=progress, **limits))
