"""One locator, made and asked before the fork, in the workers of servers that people run."""
import http.client
import os
import socket
import subprocess
import sys

import pytest
from cluster import Cluster, wait_until

WORKERS = 3

WEB = """
import os
import croft

locator = croft.Locator()
locator.locate("acme")


def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"{os.getpid()} {locator.locate('acme').dsn()}".encode()]
"""

TASKS = """
import os
import celery
import croft

locator = croft.Locator()
locator.locate("acme")
folder = os.environ["QUEUE"]
app = celery.Celery("tasks", broker="filesystem://", backend="file://" + folder)
app.conf.broker_transport_options = {"data_folder_in": folder, "data_folder_out": folder}
app.conf.worker_prefetch_multiplier = 1


@app.task
def where():
    return os.getpid(), locator.locate("acme").dsn()
"""


@pytest.fixture(scope="module", name="cluster")
def running_cluster():
    with Cluster(agents=1) as cluster:
        cluster.create_tenant("acme")
        yield cluster


@pytest.fixture(name="start")
def starter(cluster, tmp_path):
    """Starts `python -m ...` in a folder of its own; it is gone at the end."""
    started = []

    def start(*arguments, **variables):
        import_path = os.pathsep.join([str(tmp_path), *(path for path in sys.path if path)])
        with open(tmp_path / "log", "ab") as log:
            started.append(subprocess.Popen(  # pylint: disable=consider-using-with
                [sys.executable, "-m", *arguments], cwd=tmp_path, stdout=log, stderr=log,
                env={**os.environ, **cluster.env, **variables, "PYTHONPATH": import_path}))
    yield start
    for process in started:
        process.terminate()
    codes = [process.wait(timeout=60) for process in started]
    print((tmp_path / "log").read_text())
    assert codes == [0] * len(codes)


def rotate(cluster):
    cluster.succeed(cluster.call("TenantService.RotateCredentials", name="tenants/acme", overlap={"seconds": 2}))


def dsn_of(cluster):
    login = cluster.call("LookupService.Lookup", tenant="acme")
    return login.endpoints[0].user, login.password


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=30)
        self._path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(30)
        self.sock.connect(self._path)


def test_workers_of_a_preloading_gunicorn_answer_and_hear_of_changes(cluster, start, tmp_path):
    (tmp_path / "web.py").write_text(WEB)
    path = str(tmp_path / "socket")
    start("gunicorn", "--preload", "--workers", str(WORKERS), "--bind", f"unix:{path}", "web:application")
    wait_until(lambda: os.path.exists(path), "gunicorn listens")

    def ask():
        connection = UnixConnection(path)
        connection.request("GET", "/")
        response = connection.getresponse()
        assert response.status == 200
        pid, _, dsn = response.read().decode().partition(" ")
        connection.close()
        return pid, dsn

    def all_workers_have(login):
        have = {}
        for _ in range(20 * WORKERS):
            pid, dsn = ask()
            have[pid] = all(part in dsn for part in login)
        return len(have) == WORKERS and all(have.values())

    wait_until(lambda: all_workers_have(dsn_of(cluster)), "each worker answers")
    rotate(cluster)
    wait_until(lambda: all_workers_have(dsn_of(cluster)), "each worker has the new login")


def test_children_of_a_celery_pool_answer_and_hear_of_changes(cluster, start, tmp_path, monkeypatch):
    (tmp_path / "tasks.py").write_text(TASKS)
    queue = tmp_path / "queue"
    queue.mkdir()
    for name, value in {**cluster.env, "QUEUE": str(queue)}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.syspath_prepend(str(tmp_path))
    start("celery", "-A", "tasks", "worker", "--pool", "prefork", "--concurrency", str(WORKERS), "--without-gossip",
          "--without-mingle", "--without-heartbeat", QUEUE=str(queue))
    import tasks  # pylint: disable=import-error,import-outside-toplevel

    def all_children_have(login):
        have = {}
        for result in [tasks.where.delay() for _ in range(6 * WORKERS)]:
            pid, dsn = result.get(timeout=60)
            have[pid] = all(part in dsn for part in login)
        return len(have) == WORKERS and all(have.values())

    wait_until(lambda: all_children_have(dsn_of(cluster)), "each child answers")
    rotate(cluster)
    wait_until(lambda: all_children_have(dsn_of(cluster)), "each child has the new login")
    tasks.locator.close()
