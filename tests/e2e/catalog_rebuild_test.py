"""The catalog and all its copies lost: it is rebuilt from what agents find, and nobody's data is missed."""
import json
import os
import shutil
import subprocess

import pytest
from cluster import BIN, Cluster, wait_until

LONG = "a-tenant-whose-id-is-longer-than-what-names-hold"


@pytest.fixture(scope="module", name="cluster")
def running_cluster():
    with Cluster(agents=2) as cluster:
        yield cluster


def state(cluster):
    return os.path.join(cluster.state, "croftd")


def problems(cluster):
    ran = cluster.croftctl("admin", "check-fleet", "-o", "json", check=False)
    assert ran.returncode in (0, 8), ran.stderr
    found = json.loads(ran.stdout).get("findings", [])
    return sorted((f["kind"].removeprefix("KIND_"), f["object"]) for f in found if f["severity"] == "SEVERITY_PROBLEM")


def rebuild(cluster, *hosts):
    command = [os.path.join(BIN, "croftd"), "rebuild-catalog", "--state", state(cluster),
               "--listen", cluster.env["CROFT_SERVER"]]
    for host in hosts:
        command += ["--host", host]
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            text=True)


def refusal(running):
    _, error = running.communicate(timeout=60)
    assert running.returncode == 1, error
    return error


def count(cluster, tenant):
    return cluster.psql(tenant, "SELECT count(*) FROM t")


def test_a_lost_catalog_without_a_copy_is_rebuilt_from_agents(cluster):
    homes = {}
    for tenant in ("acme", LONG, "closed"):
        homes[tenant] = cluster.create_tenant(tenant).placement.host
        cluster.psql(tenant, "CREATE TABLE t AS SELECT i FROM generate_series(1, 100) AS i")
    assert set(homes.values()) == {"hosts/h1", "hosts/h2"}, "both hosts are in use"
    backup = cluster.succeed(cluster.call("BackupService.CreateBackup", parent="tenants/acme"))
    cluster.psql("acme", "INSERT INTO t SELECT generate_series(101, 107)")
    cluster.succeed(cluster.call("TenantService.SuspendTenant", name="tenants/closed"))
    before = {tenant: cluster.tenant(tenant) for tenant in homes}
    epoch = cluster.call("AdminService.GetStatus").revision.epoch
    backups = cluster.call("BackupService.ListBackups", parent="tenants/acme").backups
    assert len(backups) == 1, backup

    with cluster.login("acme") as old:
        # Killed: the write-ahead log outlives its catalog.
        cluster.kill("croftd")
        assert "is there" in refusal(rebuild(cluster, "h1", "h2"))
        os.remove(os.path.join(state(cluster), "catalog.db"))
        assert "catalog-copies" in refusal(rebuild(cluster, "h1", "h2")), "a copy is better than any rebuilt catalog"
        shutil.rmtree(os.path.join(state(cluster), "catalog-copies"))

        # Nothing is written as long as one of the hosts has not answered.
        cluster.stop("h2")
        running = rebuild(cluster, "h1", "h2")
        try:
            wait_for_line(running, "a host has shown what it holds")
            refused = cluster.croftctl("tenant", "list", check=False)
            assert refused.returncode != 0
            assert not os.path.exists(os.path.join(state(cluster), "catalog.db"))
            assert old.refusal() is None, "applications need no control plane"
            cluster.relaunch("h2")
            told, error = running.communicate(timeout=120)
        finally:
            running.kill()
        assert running.returncode == 0, error
        assert "3 tenants on 2 hosts, 1 backup;" in told, told
        assert "lost, since no agent knows it" in told, told
        assert "may have had" not in told and "left out" not in told, told
        assert "catalog.db" in refusal(rebuild(cluster, "h1", "h2")), "once"

        cluster.start("croftd")
        assert cluster.call("AdminService.GetStatus").revision.epoch > epoch
        wait_until(lambda: all(cluster.host_state(host) == "STATE_UP" for host in cluster.hosts()), "all hosts have reported")
        assert cluster.refused("LookupService.Lookup", tenant="acme").reason == "TENANT_UNCONFIRMED"
        assert old.refusal() is None, "who has a password keeps it until the repair"
        owner = before["acme"].placement.database.rpartition("_g")[0]
        assert {("ROLE_MISSING", f"{owner}_b"), ("ROLE_OPEN", f"{owner}_a")} <= set(problems(cluster))

        cluster.croftctl("admin", "repair-fleet", "--yes")
        wait_until(lambda: not any(cluster.tenant(tenant).conditions for tenant in homes), "all are confirmed")
        assert problems(cluster) == []
        assert old.refusal() is not None, "the old login is closed"

    for tenant, then in before.items():
        now = cluster.tenant(tenant)
        assert (now.uid, now.state, now.placement) == (then.uid, then.state, then.placement)
    assert (count(cluster, "acme"), count(cluster, LONG)) == ("107", "100")
    cluster.succeed(cluster.call("TenantService.ResumeTenant", name="tenants/closed"))
    assert count(cluster, "closed") == "100"

    found = cluster.call("BackupService.ListBackups", parent="tenants/acme").backups
    assert [(b.name, b.sha256) for b in found] == [(b.name, b.sha256) for b in backups]
    cluster.succeed(cluster.call("BackupService.VerifyBackup", name=found[0].name))
    cluster.succeed(cluster.call("TenantService.RestoreTenant", name="tenants/acme", backup=found[0].name))
    assert count(cluster, "acme") == "100"

    cluster.succeed(cluster.call("TenantService.RotateCredentials", name=f"tenants/{LONG}"))
    assert count(cluster, LONG) == "100"
    cluster.create_tenant("afterwards")
    assert cluster.psql("afterwards", "SELECT 1") == "1"
    assert problems(cluster) == []
    cluster.croftctl("audit", "verify")


def test_without_a_host_its_tenants_come_back_from_their_backups(cluster):
    def lives_at(host, tenant):
        return cluster.tenant(tenant).placement.host == f"hosts/{host}"

    assert lives_at("h2", "afterwards")
    lost = next(tenant for tenant in ("acme", LONG, "closed") if lives_at("h2", tenant))
    cluster.psql(lost, "INSERT INTO t SELECT generate_series(1001, 1010)")
    cluster.succeed(cluster.call("BackupService.CreateBackup", parent=f"tenants/{lost}"))
    rows = count(cluster, lost)
    cluster.stop("croftd", "h2")
    for name in ("catalog.db", "catalog-copies"):
        path = os.path.join(state(cluster), name)
        shutil.rmtree(path) if os.path.isdir(path) else os.remove(path)
    running = rebuild(cluster, "h1")
    told, error = running.communicate(timeout=120)
    assert running.returncode == 0, error
    assert f"of the tenant {lost} only backups were found" in told, told
    assert "nothing was found of the tenant afterwards" in told, "it has no backup"

    cluster.start("croftd")
    wait_until(lambda: cluster.host_state("h1") == "STATE_UP", "the host has reported")
    newest = cluster.tenant(lost).last_backup
    cluster.succeed(cluster.call("TenantService.RestoreTenant", name=f"tenants/{lost}", backup=newest))
    cluster.croftctl("admin", "repair-fleet", "--yes")
    here = [tenant for tenant in ("acme", LONG, "closed") if lives_at("h1", tenant)]
    assert lost in here
    wait_until(lambda: not any(cluster.tenant(tenant).conditions for tenant in here), "all are confirmed")
    assert count(cluster, lost) == rows
    # What a restore left beside its successor goes when that is known to be in good order.
    cluster.croftctl("admin", "repair-fleet", "--yes")
    wait_until(lambda: problems(cluster) == [], "the fleet is clean")


def wait_for_line(running, text):
    """Reads the log of a daemon until a line holds `text`."""
    for line in running.stderr:
        if text in line:
            return
    raise AssertionError(f"it ended without saying: {text}")
