"""Tenants declared in a file: apply, diff, export and prune against a real fleet, also after apply was killed.

20 tenants by default; CROFT_TEST_DECLARED says how many otherwise, such as 1000.
"""
import json
import os
import signal
import subprocess

import pytest
from cluster import BIN, Cluster, wait_until

COUNT = int(os.environ.get("CROFT_TEST_DECLARED", "20"))
DIFFERS = 9


@pytest.fixture(scope="module", name="cluster")
def running_cluster():
    with Cluster(agents=2) as cluster:
        yield cluster


class Desk:
    """Who applies files: a principal that may change the shop's tenants and sees no others."""

    def __init__(self, cluster, folder):
        self._cluster, self._folder = cluster, folder
        token = str(folder / "token")
        for command in (["principal", "create", "deployer"], ["bind", "deployer", "operator", "-l", "app=shop"],
                        ["token", "create", "deployer", "--to-file", token]):
            cluster.croftctl("access", *command)
        identity = {"CROFT_CERT", "CROFT_KEY"}
        self._env = {name: value for name, value in {**os.environ, **cluster.env}.items() if name not in identity}
        self._env["CROFT_TOKEN_FILE"] = token

    def file(self, tenants):
        path = self._folder / "tenants.yaml"
        path.write_text(json.dumps({"owner": "shop", "tenants": tenants}), encoding="utf-8")
        return str(path)

    def start(self, *arguments):
        return subprocess.Popen([os.path.join(BIN, "croftctl"), *arguments], env=self._env, stdin=subprocess.DEVNULL,
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def run(self, *arguments, code=0):
        done = subprocess.run([os.path.join(BIN, "croftctl"), *arguments], env=self._env, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, check=False)
        assert done.returncode == code, (done.returncode, done.stdout[-4000:], done.stderr[-4000:])
        return done.stdout


def tenants_of(cluster):
    return json.loads(cluster.croftctl("tenant", "list", "-l", "managed-by=shop", "-o", "json").stdout)["tenants"]


def test_a_file_is_applied_also_when_apply_was_killed(cluster, tmp_path):
    desk = Desk(cluster, tmp_path)
    for host in cluster.hosts():
        cluster.croftctl("host", "update", host, "--databases", str(COUNT + 10))
    cluster.create_tenant("another")
    declared = {f"t{number}": {"labels": {"app": "shop", "tier": "silver"}, "quota": {"connections": 5},
                               "settings": {"theme": "dark", "number": number}} for number in range(COUNT)}
    path = desk.file(declared)
    with desk.start("apply", "-f", path, "--parallel", "16") as first:
        wait_until(lambda: len(tenants_of(cluster)) >= COUNT // 3, "a part is begun", 1800)
        first.send_signal(signal.SIGKILL)
    assert len(tenants_of(cluster)) < COUNT, "it was killed in the middle"
    desk.run("diff", "-f", path, code=DIFFERS)
    desk.run("apply", "-f", path, "--parallel", "16")
    assert desk.run("diff", "-f", path) == ""
    found = tenants_of(cluster)
    for host in cluster.hosts():
        cluster.superuser(host, "CHECKPOINT")  # hundreds of new databases: what follows, and the servers' end, need not wait
    assert len(found) == COUNT and {one["state"] for one in found} == {"STATE_READY"}
    assert json.loads(desk.run("diff", "-f", path, "-o", "json")) == {"changes": []}

    # What was exported declares the same, but for the owner of what had none.
    exported = tmp_path / "exported.yaml"
    exported.write_text(desk.run("export", "--owner", "shop"), encoding="utf-8")
    assert desk.run("diff", "-f", str(exported)) == ""

    # Fields are changed, a quota by an operation on the host; a tenant that the file forgets is retired when that is wanted.
    declared["t0"] |= {"labels": {"app": "shop", "tier": "gold"}, "quota": {"connections": 7}, "displayName": "First",
                       "features": {"beta": True}}
    forgotten = declared.pop("t1")
    path = desk.file(declared)
    desk.run("apply", "-f", path)
    now = cluster.tenant("t0")
    assert (now.labels["tier"], now.quota.connections, now.display_name, now.settings["theme"]) == (
        "gold", 7, "First", "dark")
    assert "undeclared" in desk.run("diff", "-f", path, code=DIFFERS)
    desk.run("apply", "-f", path, "--prune", code=2)
    assert cluster.tenant("t1").state == now.STATE_READY, "nobody could be asked"
    desk.run("apply", "-f", path, "--prune", "--yes")
    assert desk.run("diff", "-f", path, "--prune") == ""
    assert cluster.tenant("t1").state == now.STATE_RETIRED

    # It cannot be created while it is retired, and says so.
    assert "tenant undelete t1" in desk.run("diff", "-f", desk.file(declared | {"t1": forgotten}), code=DIFFERS)
    # Another's tenant is not to be seen by this principal.
    assert "another" not in desk.run("export", "--owner", "shop")
