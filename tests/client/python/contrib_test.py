"""Glue to frameworks without a control plane and without a database: what is current where, and what fails closed."""
import asyncio
import socket
import subprocess
import sys
import threading

import croft
import croft.aio
import flask
import pytest
from conftest import TOP
from croft import StaticLocator, tenancy
from croft.contrib import asgi, wsgi
from croft.contrib.flask import Croft, without_tenant
from croft.contrib.flask_sqlalchemy import SQLAlchemy
from croft.contrib.sqlalchemy import AsyncTenantEngines, TenantEngines
from croft.tenancy import by_path, by_subdomain, current, current_or_none, tenant
from sqlalchemy.dialects.postgresql.psycopg2 import PGDialect_psycopg2
from sqlalchemy.util import await_only, greenlet_spawn

TENANTS = {name: {"database": f"d_{name}", "uid": f"u-{name}", "host": "db.invalid"} for name in ("acme", "globex")}


@pytest.fixture(autouse=True, name="locators")
def static_ones():
    with tenancy.override(StaticLocator(TENANTS), asynchronous=croft.aio.AsyncStaticLocator(TENANTS)):
        yield


@pytest.mark.parametrize("module", ["tenancy", "contrib.alembic", "contrib.asgi", "contrib.celery", "contrib.fastapi",
                                    "contrib.flask", "contrib.flask_sqlalchemy", "contrib.pyramid", "contrib.sqlalchemy",
                                    "contrib.wsgi"])
def test_a_module_imports_its_own_framework_alone(module):
    script = (f"import sys; sys.path[:] = {sys.path!r}; import croft.{module}; "
              "print(*{name.partition('.')[0] for name in sys.modules} & "
              "{'alembic', 'flask', 'django', 'fastapi', 'sqlalchemy', 'celery', 'pyramid', 'psycopg', 'psycopg2', "
              "'asyncpg', 'openfeature', 'sqlmodel', 'transaction'})")
    told = subprocess.run([sys.executable, "-c", script], text=True, capture_output=True, check=True).stdout.split()
    # Celery's kombu imports Django by itself where it is.
    own = {"contrib.alembic": ["alembic", "sqlalchemy"], "contrib.celery": ["celery", "django"], "contrib.fastapi": ["fastapi"],
           "contrib.pyramid": ["pyramid"], "contrib.sqlalchemy": ["sqlalchemy"], "contrib.flask": ["flask"],
           "contrib.flask_sqlalchemy": ["flask", "sqlalchemy"]}
    assert sorted(told) == own.get(module, []), TOP


# --- WSGI


def ask_wsgi(application, host="acme.example.com", path="/"):
    """(status, body) and the tenant is left afterwards."""
    told = []
    body = application({"HTTP_HOST": host, "PATH_INFO": path, "SCRIPT_NAME": "", "REMOTE_ADDR": "127.0.0.1"},
                       lambda status, headers: told.append(status))
    text = b"".join(body).decode()
    if hasattr(body, "close"):
        body.close()
    assert current_or_none() is None
    return told[0], text


def test_wsgi_streams_with_its_tenant_and_is_without_one_between_the_parts():
    def application(_, start_response):
        start_response("200 OK", [])
        def stream():
            for _ in range(3):
                yield current().tenant.encode()
        return stream()
    middleware = wsgi.TenantMiddleware(application, resolve=by_subdomain("example.com"))
    told = []
    body = middleware({"HTTP_HOST": "acme.example.com", "PATH_INFO": "/"}, lambda *one: told.append(one))
    assert next(iter(body)) == b"acme" and current_or_none() is None
    assert [*body] == [b"acme", b"acme"]


def test_wsgi_answers_for_tenants_that_there_are_not_and_for_errors_of_the_applications():
    def application(environ, start_response):
        if environ["PATH_INFO"] == "/suspended":
            raise croft.TenantSuspended("it is", tenant="acme")
        if environ["PATH_INFO"] == "/bug":
            raise ZeroDivisionError
        start_response("200 OK", [])
        return [str(current_or_none() and current().tenant).encode()]
    middleware = wsgi.TenantMiddleware(application, resolve=by_subdomain("example.com"), public=["/healthz", "/static/"],
                                       pages={404: lambda status, error: ("text/html", "<h1>Who?</h1>")})
    assert ask_wsgi(middleware) == ("200 OK", "acme")
    assert ask_wsgi(middleware, "nobody.example.com") == ("404 Not Found", "<h1>Who?</h1>")
    assert ask_wsgi(middleware, "example.com") == ("404 Not Found", "<h1>Who?</h1>")
    assert ask_wsgi(middleware, path="/suspended") == ("503 Service Unavailable", "503 Service Unavailable\n")
    assert ask_wsgi(middleware, path="/healthz") == ask_wsgi(middleware, "", "/static/a.css") == ("200 OK", "None")
    with pytest.raises(ZeroDivisionError):
        ask_wsgi(middleware, path="/bug")
    assert current_or_none() is None


def test_a_tenant_in_the_path_is_the_applications_root():
    def application(environ, start_response):
        start_response("200 OK", [])
        return [f"{environ['SCRIPT_NAME']} {environ['PATH_INFO']}".encode()]
    middleware = wsgi.TenantMiddleware(application, resolve=by_path("/t"))
    assert ask_wsgi(middleware, path="/t/acme/orders") == ("200 OK", "/t/acme /orders")
    assert ask_wsgi(middleware, path="/t/acme") == ("200 OK", "/t/acme /")


def test_a_request_that_leaves_its_tenant_entered_leaks_it_to_no_other():
    def leaky(_, start_response):
        start_response("200 OK", [])
        before = current_or_none()
        tenant("globex").__enter__()  # and never left
        return [str(before and before.tenant).encode()]
    middleware = wsgi.TenantMiddleware(leaky, resolve=by_subdomain("example.com"), public=["/healthz"])
    for _ in range(3):
        assert ask_wsgi(middleware) == ("200 OK", "acme")
        assert ask_wsgi(middleware, path="/healthz") == ("200 OK", "None")
    app, _ = flask_app()
    app.add_url_rule("/leaky", view_func=lambda: str(tenant("globex").__enter__().tenant))
    for _ in range(3):
        assert app.test_client().get("/leaky", base_url="http://acme.example.com").text == "globex"
        assert app.test_client().get("/healthz", base_url="http://example.com").text == "None"
        assert current_or_none() is None


# --- ASGI


def ask_asgi(application, scope, *messages):
    """What it sends."""
    sent, queue = [], [*messages]

    async def run():
        async def receive():
            return queue.pop(0)

        async def send(message):
            sent.append(message)
        await application({"headers": [(b"host", b"acme.example.com")], "path": "/"} | scope, receive, send)
        assert current_or_none() is None
    asyncio.run(run())
    return sent


def test_asgi_tasks_of_a_request_have_its_tenant():
    async def application(scope, receive, send):
        async def part():
            await asyncio.sleep(0)
            return current().tenant
        assert await asyncio.gather(part(), asyncio.to_thread(lambda: current().tenant)) == ["acme", "acme"]
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body", "body": scope["croft.tenant"].tenant.encode()})
    middleware = asgi.TenantMiddleware(application, resolve=by_subdomain("example.com"))
    assert ask_asgi(middleware, {"type": "http"})[1]["body"] == b"acme"


def test_asgi_refuses_requests_and_websockets_without_a_tenant():
    async def application(scope, receive, send):
        raise AssertionError("it was called")
    middleware = asgi.TenantMiddleware(application, resolve=by_subdomain("example.org"))
    assert ask_asgi(middleware, {"type": "http"})[0]["status"] == 404
    assert ask_asgi(middleware, {"type": "websocket"}, {"type": "websocket.connect"}) == [
        {"type": "websocket.close", "code": 1008}]


def test_asgi_serves_public_paths_without_a_tenant():
    async def application(scope, receive, send):
        await send({"tenant": current_or_none()})
    middleware = asgi.TenantMiddleware(application, resolve=by_subdomain("example.com"), public=["/healthz"])
    assert ask_asgi(middleware, {"type": "http", "path": "/healthz"}) == [{"tenant": None}]


# --- SQLAlchemy


def test_a_session_is_of_one_tenant_until_it_is_closed():
    session = TenantEngines().sessionmaker()()
    with pytest.raises(tenancy.NoTenant):
        session.get_bind()
    with tenant("acme"):
        acme = session.get_bind()
        assert session.get_bind() is acme
        with tenant("globex"), pytest.raises(tenancy.TenantSwitch):
            session.get_bind()
    session.close()
    with tenant("globex"):
        assert session.get_bind() is not acme


def test_engines_are_bounded_and_the_one_used_longest_ago_makes_room():
    engines = TenantEngines(max_engines=1)
    with tenant("acme"):
        first = engines.engine()
        assert engines.engine() is first
    with tenant("globex"):
        engines.engine()
    assert len(engines) == 1
    with tenant("acme"):
        assert engines.engine() is not first


class Connection:
    """Of a driver on libpq; its server is here, too."""

    closed = 0

    def __init__(self, **parameters):
        self.database = parameters["dbname"]
        self._client, self.server = socket.socketpair()

    def fileno(self):
        return self._client.fileno()

    def rollback(self):
        """Nothing was begun."""

    def close(self):
        self.closed = 1
        self._client.close()


@pytest.fixture(name="pooled")
def a_pool_of_acmes(monkeypatch):
    """What gives the connection that is idle in the pool, or a new one."""
    monkeypatch.setattr(PGDialect_psycopg2, "connect", lambda self, **parameters: Connection(**parameters))
    monkeypatch.setattr(PGDialect_psycopg2, "on_connect", lambda self: None)
    monkeypatch.setattr(PGDialect_psycopg2, "initialize", lambda self, connection: None)
    with tenant("acme"):
        engine = TenantEngines().engine()

    def use():
        connection = engine.raw_connection()
        try:
            return connection.dbapi_connection
        finally:
            connection.close()
    use.engine = engine
    return use


def test_an_idle_connection_is_used_again(pooled):
    first = pooled()
    assert pooled() is first and first.database == "d_acme" and not first.closed


@pytest.mark.parametrize("was_disposed", [False, True])
def test_a_connection_of_a_former_placement_is_not_handed_out(pooled, was_disposed):
    if was_disposed:  # as a change that came before
        pooled.engine.dispose()
    first = pooled()
    locator = tenancy.locator()
    # A request may ask for a connection before listeners are told.
    locator._placements.listeners.announce = lambda *_: None
    locator.set("acme", TENANTS["acme"] | {"database": "d_acme_restored"})
    assert pooled().database == "d_acme_restored" and first.closed


def test_a_connection_of_a_suspended_tenant_is_its_own_until_the_server_ends_it(pooled, monkeypatch):
    first = pooled()

    def refuse(_):
        raise croft.TenantSuspended("it is suspended", tenant="acme")
    monkeypatch.setattr(tenancy.locator(), "cached", refuse)
    assert pooled() is first


@pytest.mark.parametrize("was_disposed", [False, True])
def test_a_connection_that_the_server_ended_is_not_handed_out(pooled, was_disposed):
    if was_disposed:
        pooled.engine.dispose()
    first = pooled()
    first.server.close()
    assert pooled() is not first and first.closed


def test_a_connection_that_was_closed_is_not_handed_out(pooled):
    first = pooled()
    number = first.fileno()
    first.close()
    others = socket.socketpair()
    assert number in [other.fileno() for other in others], "the number of its socket is another's now"
    assert pooled() is not first


def test_a_check_that_fails_leaves_the_connection_in_the_pool(pooled):
    first = pooled()
    is_good = pooled.engine.pool.is_good

    def fail(_):
        raise ArithmeticError
    pooled.engine.pool.is_good = fail
    with pytest.raises(ArithmeticError):
        pooled()
    pooled.engine.pool.is_good = is_good
    assert pooled() is first and pooled.engine.pool.checkedout() == 0


def test_tasks_that_open_the_first_connection_after_a_turn_over_do_not_block_the_event_loop():
    async def run():
        engines = AsyncTenantEngines()
        with tenant("acme"):
            engine = engines.engine()
        await engine.dispose()  # as a rotation does
        both = asyncio.Barrier(2)

        async def first():
            def connect(*_):
                # As SQLAlchemy does once for a new pool, with statements in between.
                with engine.sync_engine.pool.dispatch.connect._exec_once_mutex:
                    await_only(asyncio.sleep(0.01))
            await both.wait()
            await greenlet_spawn(connect)
        await asyncio.gather(first(), first())
    runner = threading.Thread(target=lambda: asyncio.run(run()), daemon=True)
    runner.start()
    runner.join(20)
    assert not runner.is_alive(), "the event loop is blocked"


def test_without_a_tenant_there_is_no_engine():
    with pytest.raises(tenancy.NoTenant):
        TenantEngines().engine()


# --- Flask


def flask_app():
    app = flask.Flask(__name__)
    extension = Croft(app, resolve=by_subdomain("example.com"))

    @app.route("/")
    def index():
        return current().tenant

    @app.route("/healthz")
    @without_tenant
    def health():
        return str(current_or_none())

    @app.route("/stream")
    def stream():
        def parts():
            yield current().tenant
        return flask.Response(flask.stream_with_context(parts()))

    @app.route("/bug")
    def bug():
        raise ZeroDivisionError
    return app, extension


def test_flask_views_have_their_tenant_and_it_is_left():
    app, extension = flask_app()
    client = app.test_client()
    assert client.get("/", base_url="http://acme.example.com").text == "acme"
    assert client.get("/stream", base_url="http://globex.example.com").text == "globex"
    assert client.get("/", base_url="http://nobody.example.com").status_code == 404
    assert client.get("/", base_url="http://example.com").status_code == 404
    assert client.get("/healthz", base_url="http://example.com").text == "None"
    assert client.get("/nothing", base_url="http://example.com").status_code == 404
    assert client.get("/bug", base_url="http://acme.example.com").status_code == 500
    assert extension.test_client("globex", app).get("/").text == "globex"
    assert current_or_none() is None


def test_flask_sqlalchemys_session_fails_closed():
    app, _ = flask_app()
    database = SQLAlchemy(app)

    class Order(database.Model):
        id = database.Column(database.Integer, primary_key=True)
    with app.app_context():
        with pytest.raises(tenancy.NoTenant):
            database.session.query(Order).count()
        with pytest.raises(tenancy.NoTenant):
            database.engine.connect()
        with tenant("acme"):
            assert database.session.get_bind(Order) is database.engine
            with tenant("globex"), pytest.raises(tenancy.TenantSwitch):
                database.session.get_bind(Order)


def test_flask_runs_a_command_for_each_tenant(monkeypatch):
    app, _ = flask_app()
    seen = []

    @app.cli.command("note")
    def note():
        seen.append(current().tenant)
        if current().tenant == "globex":
            raise ValueError("no")
    monkeypatch.setattr(tenancy._each, "tenants", lambda selector: [*TENANTS])
    result = app.test_cli_runner().invoke(args=["tenants", "each", "-l", "app=shop", "--", "note"])
    assert (seen, result.exit_code) == (["acme", "globex"], 1)
    assert "globex  ValueError: no\n1 succeeded, 1 failed" in result.output
