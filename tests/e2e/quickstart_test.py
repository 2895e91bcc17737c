"""deploy/quickstart called again: it starts what has ended, and leaves alone what runs."""
import os
import signal

import pytest
from cluster import BIN, TOP, Cluster, run, running, wait_until


@pytest.fixture(scope="module", name="cluster")
def running_cluster():
    with Cluster(agents=2) as cluster:
        yield cluster


def quickstart(cluster):
    return run([os.path.join(TOP, "deploy", "quickstart"), "--state", cluster.state, "--bin", BIN, "--no-tour"])


def test_it_starts_again_what_ended(cluster):
    before = {name: cluster.pid(name) for name in cluster.names()}
    for name in ("croftd", "h2"):
        os.kill(cluster.pid(name), signal.SIGKILL)
    wait_until(lambda: not running(before["croftd"]) and not running(before["h2"]), "both are gone")
    told = quickstart(cluster)
    assert "croftd h2 ended" in told and "Starting croftd h2 again" in told
    assert {name: cluster.pid(name) == pid for name, pid in before.items()} == {"croftd": False, "h1": True, "h2": False}
    wait_until(lambda: [cluster.host_state(host) for host in cluster.hosts()] == ["STATE_UP"] * 2, "both hosts are up")


def test_it_changes_nothing_where_all_runs(cluster):
    before = {name: cluster.pid(name) for name in cluster.names()}
    assert "Croft is running already" in quickstart(cluster)
    assert {name: cluster.pid(name) for name in cluster.names()} == before
