"""Glue to Pyramid without a control plane and without a database."""
import croft
import pytest
import transaction
from croft import StaticLocator, tenancy
from croft.contrib import pyramid
from croft.contrib.sqlalchemy import TenantEngines
from croft.tenancy import by_path, by_subdomain, current, current_or_none, tenant
from pyramid.config import Configurator
from pyramid.request import Request
from pyramid.response import Response

TENANTS = {name: {"database": f"d_{name}", "uid": f"u-{name}", "host": "db.invalid"} for name in ("acme", "globex")}


@pytest.fixture(autouse=True)
def static_ones():
    with tenancy.override(StaticLocator(TENANTS)):
        yield


def application(resolve=by_subdomain("example.com"), **settings):
    with Configurator(settings={"croft.resolve": resolve, "croft.public": ["/static"], **settings}) as config:
        config.include("croft.contrib.pyramid")
        config.set_root_factory(pyramid.tenant_root(lambda request: {"root": current().tenant}))

        def add(name, view, **options):
            config.add_route(name, f"/{name}")
            config.add_view(view, route_name=name, **options)
        add("who", lambda request: Response(f"{current().tenant} {request.tenant.tenant} {request.context['root']}"))
        add("health", lambda request: Response(str(current_or_none())), require_tenant=False)
        add("static", lambda request: Response(str(request.tenant)), require_tenant=False)
        add("needs", lambda request: Response("no"))
        add("stream", lambda request: Response(app_iter=(current().tenant.encode() for _ in range(2))))
        add("root", lambda request: Response(f"{request.script_name} {request.path_info}"))

        def fails(error):
            def view(request):
                raise error
            return view
        add("suspended", fails(croft.TenantSuspended("it is")))
        add("bug", fails(ZeroDivisionError()))
        return config.make_wsgi_app()


def ask(app, path, host="acme.example.com"):
    response = Request.blank(path, environ={"HTTP_HOST": host}).get_response(app)
    body = response.body.decode()
    assert current_or_none() is None
    return response.status_int, body


def test_views_have_their_tenant_and_it_is_left():
    app = application()
    assert ask(app, "/who") == (200, "acme acme acme")
    assert ask(app, "/who", "globex.example.com") == (200, "globex globex globex")
    assert ask(app, "/stream") == (200, "acmeacme")


def test_without_a_tenant_only_views_that_need_none_answer():
    app = application()
    for host in ("example.com", "nobody.example.com"):
        assert ask(app, "/who", host) == (404, "404 Not Found\n")
        assert ask(app, "/health", host) == (200, "None")
    assert ask(app, "/static") == (200, "None"), "a public path has no tenant"


def test_errors_of_crofts_have_their_status_and_others_are_the_applications():
    app = application()
    assert ask(app, "/suspended")[0] == 503
    with pytest.raises(ZeroDivisionError):
        ask(app, "/bug")
    assert current_or_none() is None


def test_a_view_on_a_public_path_that_needs_a_tenant_fails_closed():
    app = application(**{"croft.public": "/needs /other"})
    with pytest.raises(tenancy.NoTenant):
        ask(app, "/needs")


def test_a_tenant_in_the_path_is_the_applications_root():
    assert ask(application(by_path("/t")), "/t/acme/root") == (200, "/t/acme /root")


def test_it_wants_a_resolver():
    with pytest.raises(ValueError, match="croft.resolve"):
        Configurator().include("croft.contrib.pyramid")


class Session:
    def __init__(self):
        self.done = []

    def __getattr__(self, name):
        return lambda: self.done.append(name)


def test_a_session_ends_with_the_transaction_it_takes_part_in():
    manager = transaction.TransactionManager(explicit=False)
    for end, done in ((manager.commit, ["flush", "commit", "close"]), (manager.abort, ["close"])):
        session = Session()
        manager.begin().join(pyramid._Participant(session, manager))
        end()
        assert session.done == done


def test_a_session_that_began_takes_part_once():
    session = TenantEngines().sessionmaker()()
    manager = transaction.TransactionManager(explicit=False)
    pyramid._join_transactions(session, manager)
    present = manager.begin()
    with tenant("acme"):
        began = session.begin()
        session.dispatch.after_begin(session, began, None)
        session.dispatch.after_begin(session, began, None)
    assert len(present._resources) == 1
    manager.abort()
