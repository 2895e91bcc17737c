"""A fleet that is upgraded machine by machine, from the version before (CROFT_BIN) to this one (CROFT_NEXT_BIN).

The tests of this file are one story and run in their order. Started by tests/upgrade/run.
"""
import json
import os
import re
import signal
import subprocess

import pytest
from cluster import BIN, Cluster, wait_until
from fleet import change, live, populate
from kills import Kills
from state import Catalog, StateFolder, digests

NEXT = os.environ["CROFT_NEXT_BIN"]


@pytest.fixture(scope="module", name="cluster")
def running_fleet():
    with Cluster(agents=2) as cluster:
        yield cluster


def start(cluster, name, binaries, *options):
    """The daemon, with the program of one version or the other."""
    program = os.path.basename(cluster.commands[name][0])
    cluster.commands[name][0] = os.path.join(binaries, program)
    cluster.relaunch(name, *options)
    assert os.path.realpath(f"/proc/{cluster.pid(name)}/exe") == os.path.realpath(cluster.commands[name][0])
    wait_until(lambda: all_up(cluster), "all serve")


def all_up(cluster):
    return cluster.croftctl("status", check=False).returncode == 0 and \
        {cluster.host_state(host) for host in cluster.hosts()} == {"STATE_UP"}


def state(cluster):
    return os.path.join(cluster.state, "croftd")


def refuses(cluster, binaries):
    """What croftd says when it does not start; nothing of its state may change."""
    before = digests(state(cluster))
    command = [os.path.join(binaries, "croftd"), *cluster.commands["croftd"][1:]]
    ran = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 1, ran
    assert digests(state(cluster)) == before
    return ran.stderr


def test_newer_agent_with_the_older_control_plane(cluster):
    cluster.stop("h2")
    start(cluster, "h2", NEXT)
    live(cluster, "newer-agent", "h2")
    cluster.stop("h2")
    start(cluster, "h2", BIN)


@pytest.fixture(scope="module", name="under_way")
def populated(cluster):
    """The name of an operation of the older control plane that ends under the newer one."""
    return populate(cluster).name


def test_upgrade_that_is_killed_at_any_step_goes_on_and_loses_nothing(cluster, under_way, tmp_path):
    cluster.kill("croftd")
    folder = StateFolder(state(cluster))
    old = Catalog(folder.catalog)
    assert (under_way.removeprefix("operations/"), "RUNNING") in old.tables["operations"].project(["id", "state"])
    command = [os.path.join(NEXT, "croftd"), *cluster.commands["croftd"][1:]]
    steps, unchanged = Kills(NEXT, folder, command, tmp_path).at_every_step(writes=True)
    print(f"{steps} steps, {unchanged} before the catalog was upgraded")
    assert 0 < unchanged < steps
    folder.lay()


def test_newer_control_plane_with_agents_of_the_version_before(cluster, under_way):
    for host in cluster.hosts():
        os.kill(cluster.pid(host), signal.SIGCONT)
    start(cluster, "croftd", NEXT)
    cluster.succeed(cluster.operation(under_way))
    assert cluster.psql("umbrella", "SELECT 1") == "1"
    assert cluster.psql("acme", "SELECT count(*) FROM orders") == "1000"
    change(cluster, "ResumeTenant", "globex")
    change(cluster, "UndeleteTenant", "initech")
    live(cluster, "older-agent", "h1")


def test_agents_of_both_versions_beside_one_another(cluster):
    cluster.stop("h2")
    start(cluster, "h2", NEXT)
    live(cluster, "on-the-older", "h1")
    live(cluster, "on-the-newer", "h2")
    assert cluster.psql("globex", "SELECT 1") == "1"


def test_older_croftctl_with_the_newer_control_plane(cluster):
    def croftctl(*words):
        ran = subprocess.run([os.path.join(BIN, "croftctl"), *words, "-o", "json"], env={**os.environ, **cluster.env},
                             stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        assert ran.returncode == 0, ran
        return json.loads(ran.stdout) if ran.stdout else None

    for words in ("status", "tenant list", "host list", "host describe h1", "op list", "audit list", "audit verify",
                  "backup list acme", "tenant create by-older --host-selector place=h1", "tenant lookup by-older",
                  "backup create by-older", "tenant rotate-credentials by-older", "tenant suspend by-older",
                  "tenant resume by-older", "tenant retire by-older --yes", "tenant undelete by-older"):
        croftctl(*words.split())
    assert croftctl("tenant", "get", "by-older")["state"] == "STATE_READY"
    assert {host["state"] for host in croftctl("host", "list")["hosts"]} == {"STATE_UP"}


def test_downgrade_is_refused_and_changes_nothing(cluster):
    cluster.stop("croftd")
    said = refuses(cluster, BIN)
    assert "has schema" in said and "it was left as it is. Start the newer version again" in said, said
    start(cluster, "croftd", NEXT)
    assert cluster.psql("acme", "SELECT count(*) FROM orders") == "1000"


def test_copy_that_the_upgrade_kept_leads_back(cluster):
    """docs/upgrading.md, "Going back". What was made since is found on the hosts."""
    cluster.stop("croftd")
    subprocess.run([os.path.join(BIN, "croftd"), "restore-catalog", "--config", "/dev/null", "--state", state(cluster),
                    os.path.join(state(cluster), "catalog.db.before-upgrade")], check=True)
    start(cluster, "croftd", BIN)
    assert cluster.psql("acme", "SELECT count(*) FROM orders") == "1000"
    live(cluster, "gone-back", "h1")
    assert re.search("by.older", cluster.croftctl("admin", "check-fleet", check=False).stdout)
