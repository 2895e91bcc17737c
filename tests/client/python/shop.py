"""What the tests of the example applications share: a fleet of tenants with a shop's table each, a server that is
started as people start it, and clients that keep asking while the fleet changes."""
import collections
import contextlib
import http.client
import json
import math
import os
import signal
import socket
import subprocess
import sys
import threading
import time

from cluster import Cluster, wait_until
from conftest import TOP

EXAMPLES = os.path.join(TOP, "client", "python", "examples")
DOMAIN = "shop.test"
TENANTS = [f"t{number}" for number in range(6)]
CHANGING = 3  # of them, the first
_GUNICORN = ["gunicorn", "--workers", "2", "--bind", "127.0.0.1:{port}"]
_THREADS = [*_GUNICORN, "--preload", "--threads", "4"]
_UVICORN = ["uvicorn", "--port", "{port}", "--log-level", "warning"]
#: How each example is run, by name.
SERVERS = {
    "wsgi": [*_THREADS, "shop_wsgi:application"],
    "gevent": [*_GUNICORN, "--worker-class", "gevent", "shop_wsgi:application"],
    "asgi": [*_UVICORN, "shop_asgi:application"],
    "flask": [*_THREADS, "shop_flask:app"],
    "django": [*_THREADS, "shop_django:application"],
    "django_asgi": [*_UVICORN, "--lifespan", "off", "shop_django:asgi_application"],
    "fastapi": [*_UVICORN, "shop_fastapi:app"],
    "pyramid": [*_THREADS, "shop_pyramid:application"],
}
TABLE = "CREATE TABLE orders (id bigserial PRIMARY KEY, tenant text NOT NULL, text text NOT NULL)"


@contextlib.contextmanager
def fleet(tenants=TENANTS, table=TABLE, **options):
    """A cluster with tenants; each has the shop's table unless `table` is None."""
    with Cluster(**{"agents": 1} | options) as cluster:
        operations = [cluster.call("TenantService.CreateTenant", tenant_id=name, tenant={"labels": {"app": "shop"}})
                      for name in tenants]
        for operation in operations:
            cluster.succeed(operation)
        for name in tenants if table else ():
            run_sql(cluster, name, table)
        yield cluster


def run_sql(cluster, tenant, sql):
    return cluster.psql(tenant, sql)


def environment(cluster, folder, **others):
    """For a process that works as the shop does; it finds the package of this build."""
    path = os.pathsep.join([str(folder), EXAMPLES, *(path for path in sys.path if path)])
    return {**os.environ, **cluster.env, "PYTHONPATH": path, "SHOP_DOMAIN": DOMAIN,
            "PYTHONFAULTHANDLER": "1", **others}


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


class Server:
    """`python -m ARGUMENTS`, ready when /healthz answers; ends with the block, and says so if it did not end well."""

    def __init__(self, cluster, folder, arguments, **variables):
        self.port = free_port()
        self._log = os.path.join(folder, "server.log")
        arguments = [one.format(port=self.port) for one in arguments]
        with open(self._log, "ab") as log:
            self.process = subprocess.Popen(  # pylint: disable=consider-using-with
                [sys.executable, "-m", *arguments], cwd=folder, stdout=log, stderr=log,
                env=environment(cluster, folder, **variables))

    def __enter__(self):
        try:
            wait_until(self._is_up, "the server answers", 120)
        except BaseException:
            self.__exit__(TimeoutError, None, None)
            raise
        return self

    def __exit__(self, kind, error, trace):
        # After a failure it says where it is.
        self.process.send_signal(signal.SIGABRT if kind else signal.SIGTERM)
        try:
            code = self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            code = "a kill"
        if kind or code != 0:
            print(self.log()[-8000:])
        assert kind or code == 0, f"the server ended with {code}"

    def log(self):
        with open(self._log, encoding="utf-8", errors="replace") as file:
            return file.read()

    def _is_up(self):
        assert self.process.poll() is None, self.log()
        with contextlib.suppress(OSError):
            return self.ask(None, path="/healthz")[0] == 200
        return False

    def ask(self, tenant, method="GET", path="/orders", body=None, timeout=30):
        """(status, the answer's JSON or text)"""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            host = f"{tenant}.{DOMAIN}" if tenant else DOMAIN
            connection.request(method, path, body=body, headers={"Host": host})
            response = connection.getresponse()
            content = response.read().decode()
            is_json = response.getheader("Content-Type", "").startswith("application/json")
            return response.status, json.loads(content) if is_json else content
        finally:
            connection.close()


class Load:
    """Clients that ask for all tenants, and for the first ones more often, reading and writing, until the block ends. A
    wrong tenant in any answer fails the test at the end."""

    def __init__(self, server, tenants, clients=8):
        self._server, self._tenants, self._clients = server, tenants, clients
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._phase = "start"
        self._under_way = collections.Counter()
        self.answers = collections.defaultdict(collections.Counter)  # by (phase, tenant): statuses
        self.wrong, self.longest = [], collections.Counter()
        self.written = collections.Counter()

    def __enter__(self):
        self._threads = [threading.Thread(target=self._client, args=(number,)) for number in range(self._clients)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, kind, error, trace):
        self._stop.set()
        for thread in self._threads:
            thread.join()
        print({phase: dict(self.statuses(phase)) for phase, _ in self.answers}, dict(self.longest))
        if kind:
            print(dict(self.answers))
        else:
            assert self.wrong == []

    @contextlib.contextmanager
    def phase(self, name, seconds=2.0):
        """What is answered in the block, and some seconds longer, is counted under its name: a request at least, however
        busy the machine. A request belongs to the phase in which it began."""
        with self._lock:
            self._phase = name
        yield
        time.sleep(seconds)
        wait_until(lambda: self.statuses(name), f"a request of {name} is answered")
        with self._lock:
            self._phase = "between"
        wait_until(lambda: not self._under_way[name], f"requests of {name} are answered")

    def statuses(self, phase, but=()):
        """Of a phase, over all tenants except `but`."""
        total = collections.Counter()
        for (named, tenant), statuses in list(self.answers.items()):
            if named == phase and tenant not in but:
                total += statuses
        return total

    def _client(self, number):
        step = number
        while not self._stop.is_set():
            step += 1
            # Every other request is for one of those that change.
            tenant = self._tenants[step // 2 % CHANGING if step % 2 else step // 2 % len(self._tenants)]
            method = "POST" if step % 3 == 0 else "GET"
            with self._lock:
                phase = self._phase
                self._under_way[phase] += 1
            begun = time.monotonic()
            try:
                status, answer = self._server.ask(tenant, method, body="an order" if method == "POST" else None)
            except OSError as error:
                status, answer = type(error).__name__, None
            with self._lock:
                self._under_way[phase] -= 1
                self.answers[phase, tenant][status] += 1
                self.longest[phase] = max(self.longest[phase], time.monotonic() - begun)
                if status == 200:
                    self.written[tenant] += method == "POST"
                    if answer["tenant"] != tenant:
                        self.wrong.append((tenant, answer))


def all_answer(server, tenant, status):
    return {server.ask(tenant)[0] for _ in range(10)} == {status}


def live_through_changes(cluster, server, tenants=TENANTS, clients=8, seconds=0):
    """Every change of a tenant's life under load, and what the pages on frameworks promise of each.

    :param seconds: that the load lasts at least.
    """
    begun = time.monotonic()

    def succeed(operation):
        return cluster.succeed(operation, 600)  # on a machine that is busy with other things, too
    moved, suspended, retired = tenants[:CHANGING]
    backup = succeed(cluster.call("BackupService.CreateBackup", parent=f"tenants/{moved}")).result
    with Load(server, tenants, clients) as load:
        with load.phase("steady"):
            pass
        # On a machine that is busy with other things requests are slower; the overlap must be longer than they are.
        overlap = 4 + math.ceil(2 * load.longest["steady"])
        with load.phase("rotation", 3):
            rotations = [cluster.call("TenantService.RotateCredentials", name=f"tenants/{name}",
                                   overlap={"seconds": overlap})
                         for name in tenants]
            for rotation in rotations:
                succeed(rotation)
        with load.phase("restore in place", 3):
            succeed(cluster.call("TenantService.RestoreTenant", name=f"tenants/{moved}", backup=backup))
        with load.phase("suspended", 0):
            succeed(cluster.call("TenantService.SuspendTenant", name=f"tenants/{suspended}"))
            wait_until(lambda: all_answer(server, suspended, 503), "every worker knows that it is suspended")
        with load.phase("resumed", 0):
            succeed(cluster.call("TenantService.ResumeTenant", name=f"tenants/{suspended}"))
            wait_until(lambda: all_answer(server, suspended, 200), "it is served again")
        with load.phase("agent away", 3):
            cluster.kill("h1")
        with load.phase("agent back", 0):
            cluster.start("h1")
        with load.phase("control plane away", 3):
            cluster.kill("croftd")
        with load.phase("control plane back", 1):
            cluster.start("croftd")
        with load.phase("retired", 0):
            succeed(cluster.call("TenantService.RetireTenant", name=f"tenants/{retired}"))
            wait_until(lambda: all_answer(server, retired, 410), "every worker knows that it is retired")
        with load.phase("after all", max(1.0, seconds - (time.monotonic() - begun))):
            pass
    for phase in ("steady", "rotation", "agent away", "agent back", "control plane away", "control plane back"):
        assert set(load.statuses(phase)) == {200}, (phase, load.statuses(phase))
    for phase, touched in (("restore in place", moved), ("suspended", suspended), ("resumed", suspended),
                           ("retired", retired), ("after all", retired)):
        assert set(load.statuses(phase, but=[touched])) == {200}, (phase, load.statuses(phase, but=[touched]))
    # Only requests whose transaction was open at the switch fail: each client had at most one.
    restored = load.answers["restore in place", moved]
    assert sum(count for status, count in restored.items() if status != 200) <= clients, restored
    assert set(load.answers["suspended", suspended]) <= {200, 503}, load.answers["suspended", suspended]
    assert set(load.answers["after all", retired]) <= {410}, load.answers["after all", retired]
    # The wait is bounded to 10 s; the rest is what a request takes.
    assert restored[200] > 0 and load.longest["restore in place"] < 12 + load.longest["steady"], (restored, load.longest)
    for name in tenants:
        if name != retired:
            assert run_sql(cluster, name, f"SELECT count(*) FROM orders WHERE tenant <> '{name}'") == "0"
    return load


def answers_those_without_a_tenant(server):
    """A request without a tenant fails closed; health does not need one."""
    assert server.ask(None, path="/healthz")[0] == 200
    assert server.ask(None)[0] == 404
    assert server.ask("nobody")[0] == 404
    assert server.ask("no..body")[0] == 404
    status, text = server.ask("<script>")
    assert status == 404 and "<script>" not in str(text)
