"""Applications that try to leak their tenant, under the servers that people run: no request ever sees another one's.

The control plane is scripted and there is no database: what is tested is whose tenant is current.
"""
import http.client
import threading

import pytest
import scripted
from many_tenants_test import FakeCluster
from shop import Server

NAMES = [f"t{number}" for number in range(8)]
CLIENTS = 16
REQUESTS = 24  # of each client

WSGI = """
import threading
import time

from croft.contrib.wsgi import TenantMiddleware
from croft.tenancy import by_subdomain, current, current_or_none, tenant


def name():
    placement = current_or_none()
    return placement.tenant if placement else "nobody"


def stream(before):
    for _ in range(3):
        time.sleep(0.001)
        yield f"{before}:{name()};".encode()
    tenant("t0").__enter__()
    raise RuntimeError("in the middle of an answer")


def shop(environ, start_response):
    path, before = environ["PATH_INFO"], name()
    if path == "/broken":
        tenant("t1").__enter__()
        raise ZeroDivisionError
    if path == "/thread":
        seen = []
        thread = threading.Thread(target=lambda: seen.append(name()))
        thread.start()
        thread.join()
        before = before if seen == ["nobody"] else "a thread of " + seen[0]
    start_response("200 OK", [("Content-Type", "text/plain")])
    if path == "/stream":
        return stream(before)
    time.sleep(0.001)
    after = name()
    tenant("t2").__enter__()  # and never left
    return [f"{before}:{after};".encode()]


application = TenantMiddleware(shop, resolve=by_subdomain("shop.test"), public=["/healthz", "/public"])
"""

ASGI = """
import asyncio

from croft.contrib.asgi import TenantMiddleware
from croft.tenancy import by_subdomain, current_or_none, tenant

left_over = set()


def name():
    placement = current_or_none()
    return placement.tenant if placement else "nobody"


async def shop(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": message["type"] + ".complete"})
            if message["type"] == "lifespan.shutdown":
                return
    path, before = scope["path"], name()
    if path == "/broken":
        tenant("t1").__enter__()
        raise ZeroDivisionError
    if path == "/thread":
        before = before if await asyncio.to_thread(name) == before else "a thread of another one"

    async def linger():
        async with tenant("t3"):
            await asyncio.sleep(0.05)
    task = asyncio.get_running_loop().create_task(linger())
    left_over.add(task)
    task.add_done_callback(left_over.discard)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    for _ in range(3 if path == "/stream" else 1):
        await asyncio.sleep(0.001)
        await send({"type": "http.response.body", "body": f"{before}:{name()};".encode(), "more_body": True})
    tenant("t2").__enter__()  # and never left
    if path == "/stream":
        raise RuntimeError("in the middle of an answer")
    await send({"type": "http.response.body", "body": b""})


application = TenantMiddleware(shop, resolve=by_subdomain("shop.test"), public=["/healthz", "/public"])
"""

_GUNICORN = ["gunicorn", "--workers", "2", "--bind", "127.0.0.1:{port}"]
SERVERS = {
    "preload, threads": (WSGI, [*_GUNICORN, "--preload", "--threads", "4", "leaky:application"]),
    "gevent": (WSGI, [*_GUNICORN, "--worker-class", "gevent", "leaky:application"]),
    "workers that are replaced": (WSGI, [*_GUNICORN, "--max-requests", "50", "leaky:application"]),
    "asyncio": (ASGI, ["uvicorn", "--port", "{port}", "--log-level", "critical", "leaky:application"]),
}
PATHS = ["/", "/stream", "/broken", "/thread", "/public", "/away"]


@pytest.fixture(scope="module", name="control_plane")
def one_with_tenants(tmp_path_factory):
    control_plane = scripted.ScriptedControlPlane(tmp_path_factory.mktemp("control-plane"))
    for name in NAMES:
        control_plane.place(name, 1)
    yield control_plane
    control_plane.stop()


def hang_up(port, name):
    """A client that goes away in the middle of an answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", "/stream", headers={"Host": f"{name}.shop.test"})
    connection.sock.close()
    connection.close()


def read(port, name, path):
    """What was read, as far as the answer got."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("GET", path, headers={"Host": f"{name}.shop.test"})
        try:
            return connection.getresponse().read().decode()
        except http.client.IncompleteRead as error:
            return error.partial.decode()
        except http.client.HTTPException:
            return ""
    finally:
        connection.close()


def visit(port, number, wrong, seen):
    for step in range(REQUESTS):
        name, path = NAMES[(number + step) % len(NAMES)], PATHS[(number + step // 2) % len(PATHS)]
        if path == "/away":
            hang_up(port, name)
            continue
        whose = "nobody" if path == "/public" else name
        told = read(port, name, path)
        if path != "/broken" and {*told.split(";")} - {""} != {f"{whose}:{whose}"}:
            wrong.append((name, path, told))
        seen.append(path)


@pytest.mark.parametrize("name", SERVERS)
def test_no_request_sees_another_ones_tenant(name, control_plane, tmp_path):
    source, arguments = SERVERS[name]
    (tmp_path / "leaky.py").write_text(source)
    wrong, seen = [], []
    with Server(FakeCluster(control_plane), tmp_path, arguments) as server:
        clients = [threading.Thread(target=visit, args=(server.port, number, wrong, seen)) for number in range(CLIENTS)]
        for client in clients:
            client.start()
        for client in clients:
            client.join()
    assert not wrong, wrong[:5]
    assert set(seen) == {*PATHS} - {"/away"}
