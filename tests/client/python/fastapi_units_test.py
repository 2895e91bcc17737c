"""Glue to FastAPI without a control plane and without a database: what is current where, and what fails closed."""
import asyncio

import croft
import croft.aio
import pytest
from asgiref.testing import ApplicationCommunicator
from croft import StaticLocator, tenancy
from croft.contrib.fastapi import Tenancy, current_tenant
from croft.tenancy import by_subdomain, current, current_or_none
from fastapi import BackgroundTasks, Depends, FastAPI, WebSocket
from fastapi.responses import StreamingResponse

TENANTS = {name: {"database": f"d_{name}", "uid": f"u-{name}", "host": "db.invalid"} for name in ("acme", "globex")}


@pytest.fixture(autouse=True)
def static_ones():
    locator = StaticLocator(TENANTS)
    with tenancy.override(locator, asynchronous=croft.aio.AsyncStaticLocator(locator)):
        yield


@pytest.fixture(name="seen")
def what_background_tasks_saw():
    return []


@pytest.fixture(name="app")
def application(seen):
    app = FastAPI()
    tenants = Tenancy(resolve=by_subdomain("example.com"), public=["/healthz"])
    tenants.install(app)

    @app.get("/async")
    async def asynchronous(later: BackgroundTasks, tenant=Depends(current_tenant)):
        later.add_task(lambda: seen.append(current().tenant))
        return [tenant.tenant, current().tenant]

    @app.get("/thread")
    def in_a_thread(tenant=Depends(current_tenant)):
        return [tenant.tenant, current().tenant]

    @app.get("/stream")
    async def stream():
        async def parts():
            for _ in range(2):
                await asyncio.sleep(0)
                yield current().tenant
        return StreamingResponse(parts())

    @app.get("/healthz")
    async def health():
        return str(current_or_none())

    @app.get("/suspended")
    async def suspended():
        raise croft.TenantSuspended("it is")

    @app.get("/session")
    async def session_of(session=Depends(tenants.session)):
        return [session.sync_session.get_bind() is not None]

    @app.websocket("/socket")
    async def socket(websocket: WebSocket):
        await websocket.accept()
        await websocket.send_text(current().tenant)
        await websocket.close()
    return app


async def ask(app, path, host):
    scope = {"type": "http", "method": "GET", "path": path, "raw_path": path.encode(), "query_string": b"", "root_path": "",
             "headers": [(b"host", host.encode())], "client": ("127.0.0.1", 1), "scheme": "http"}
    answering = ApplicationCommunicator(app, scope)
    await answering.send_input({"type": "http.request", "body": b""})
    status, body, more = (await answering.receive_output(30))["status"], b"", True
    while more:
        message = await answering.receive_output(30)
        body, more = body + message.get("body", b""), message.get("more_body", False)
    await answering.wait(30)
    return status, body.decode()


def answers(app, *requests):
    async def all_of_them():
        told = await asyncio.gather(*(ask(app, path, f"{name}.example.com" if name else "example.com")
                                      for name, path in requests))
        assert current_or_none() is None
        return told
    return asyncio.run(all_of_them())


def test_views_dependencies_streams_and_background_tasks_have_the_requests_tenant(app, seen):
    assert answers(app, *[("acme", "/async"), ("globex", "/thread"), ("acme", "/stream")] * 3) == [
        (200, '["acme","acme"]'), (200, '["globex","globex"]'), (200, "acmeacme")] * 3
    assert seen == ["acme"] * 3


def test_without_a_tenant_it_fails_closed_and_public_paths_answer(app):
    assert answers(app, (None, "/async"), ("nobody", "/async"), (None, "/healthz"), ("acme", "/healthz")) == [
        (404, "404 Not Found\n"), (404, "404 Not Found\n"), (200, '"None"'), (200, '"None"')]


def test_errors_of_crofts_are_answered_by_their_status(app):
    assert answers(app, ("acme", "/suspended"))[0][0] == 503


def test_a_session_is_the_tenants(app):
    assert answers(app, ("acme", "/session")) == [(200, "[true]")]


def test_a_websocket_has_its_tenant_and_is_refused_without_one(app):
    async def connect(host):
        scope = {"type": "websocket", "path": "/socket", "raw_path": b"/socket", "query_string": b"", "root_path": "",
                 "headers": [(b"host", host)], "client": ("127.0.0.1", 1), "scheme": "ws", "subprotocols": []}
        answering = ApplicationCommunicator(app, scope)
        await answering.send_input({"type": "websocket.connect"})
        first = await answering.receive_output(30)
        return first if first["type"] == "websocket.close" else await answering.receive_output(30)
    assert asyncio.run(connect(b"globex.example.com"))["text"] == "globex"
    assert asyncio.run(connect(b"nobody.example.com"))["code"] == 1008
