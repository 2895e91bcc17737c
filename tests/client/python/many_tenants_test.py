"""Many tenants are visited in each example application: its memory and its connections stay within their limits.

600 tenants by default, six times what the largest pool holds; CROFT_TEST_VISITED says how many otherwise, such as 2000.
"""
import os
import threading

import pytest
import scripted
from external import ExternalServer, checked
from shop import SERVERS, Server, TABLE

TENANTS = [f"t{number}" for number in range(int(os.environ.get("CROFT_TEST_VISITED", "600")))]
CLIENTS = 4
#: Connections that its page promises at the most, of one process with four threads or tasks at work.
LIMITS = {
    "wsgi": 50,  # ConnectionPool(max_connections=50)
    "asgi": 50,  # AsyncConnectionPool(max_connections=50)
    "flask": 100 + CLIENTS,  # TenantEngines(max_engines=100), one idle connection each
    "django": 4 * 4,  # MAX_CONNECTIONS_PER_THREAD in each thread
    "fastapi": 100 + CLIENTS,
    "pyramid": 100 + CLIENTS,
}


class FakeCluster:
    """What Server needs: where the control plane is."""

    def __init__(self, control_plane):
        self.env = {"CROFT_SERVER": control_plane.endpoint, "CROFT_CA": str(control_plane.folder / "ca.crt"),
                    "CROFT_TOKEN_FILE": str(control_plane.folder / "token")}


@pytest.fixture(scope="module", name="database")
def one_for_all():
    """A real server. All tenants have the same database in it: what is measured is what the application holds."""
    with ExternalServer("15") as database:
        database.superuser(TABLE)
        yield database


@pytest.fixture(scope="module", name="control_plane")
def one_with_many_tenants(database, tmp_path_factory):
    control_plane = scripted.ScriptedControlPlane(tmp_path_factory.mktemp("control-plane"))
    for name in TENANTS:
        control_plane.place(name, 1, host=database.folder, port=database.port, database="postgres", user="postgres")
    yield control_plane
    control_plane.stop()


def resident_mebibytes(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) / 1024 for line in file if line.startswith("VmRSS:"))


def worker_of(server):
    """The process that answers: gunicorn's child, or uvicorn itself."""
    pid = server.process.pid
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        children = file.read().split()
    return int(children[0]) if children else pid


def connections(pid, database):
    """How many connections to `database` the process `pid` holds. The server's own list also has sessions that the
    application has closed and that end late on a busy machine."""
    socket = f"{database.folder}/.s.PGSQL.{database.port}"
    ends = [line.split()[-4:] for line in checked(["ss", "-xnH"]).splitlines()]  # path, inode, *, its peer's inode
    held = {link[len("socket:["):-1] for link in links_of(pid) if link.startswith("socket:[")}
    return sum(path == socket and peer in held for path, _, _, peer in ends)


def links_of(pid):
    for descriptor in os.listdir(f"/proc/{pid}/fd"):
        try:
            yield os.readlink(f"/proc/{pid}/fd/{descriptor}")
        except FileNotFoundError:
            pass  # closed meanwhile


def visit(server, names, most):
    """Asks each tenant once, with a few clients; notes the connections that there are meanwhile."""
    wrong, waiting = [], iter(names)
    lock = threading.Lock()

    def client():
        while True:
            with lock:
                name = next(waiting, None)
            if name is None:
                return
            status, answer = server.ask(name, timeout=60)
            if status != 200 or answer["tenant"] != name:
                wrong.append((name, status, answer))
    threads = [threading.Thread(target=client) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        most()
        threads[0].join(0.2)
    for thread in threads:
        thread.join()
    assert not wrong, wrong[:3]


@pytest.mark.parametrize("name", LIMITS)
def test_memory_and_connections_stay_within_their_limits(name, database, control_plane, tmp_path):
    arguments = [*SERVERS[name]]
    if "--workers" in arguments:
        arguments[arguments.index("--workers") + 1] = "1"
    highest = [0]

    with Server(FakeCluster(control_plane), tmp_path, arguments) as server:

        def count():
            highest[0] = max(highest[0], connections(worker_of(server), database))
        visit(server, TENANTS[:300], count)  # by now every pool is full
        warm = resident_mebibytes(worker_of(server))
        visit(server, TENANTS[300:], count)
        grown = resident_mebibytes(worker_of(server)) - warm
        descriptors = len(os.listdir(f"/proc/{worker_of(server)}/fd"))
    print(f"{name}: {highest[0]} connections, {warm:.0f} MiB after 300 tenants, {grown:+.1f} MiB after {len(TENANTS) - 300} more, "
          f"{descriptors} descriptors")
    assert 0 < highest[0] <= LIMITS[name]
    assert grown < 32, "what is held of a tenant that was visited is not let go"
    assert descriptors < LIMITS[name] + 60
