"""The catalog lost: a copy is restored, hosts report, nothing of before is mistaken for now."""
import json
import os
import subprocess

import grpc
import pytest
import wire
from cluster import BIN, Cluster, wait_until
from grpc import StatusCode


@pytest.fixture(scope="module", name="cluster")
def running_cluster():
    with Cluster(agents=2) as cluster:
        cluster.create_tenant("acme")
        cluster.psql("acme", "CREATE TABLE t AS SELECT i FROM generate_series(1, 100) AS i")
        yield cluster


def state(cluster):
    for here, _, files in os.walk(cluster.state):
        if "catalog.db" in files:
            return here
    raise LookupError("no catalog")


def findings(cluster):
    ran = cluster.croftctl("admin", "check-fleet", "-o", "json", check=False)
    assert ran.returncode in (0, 8), ran.stderr
    found = json.loads(ran.stdout).get("findings", [])
    assert (ran.returncode == 8) == any(f["severity"] == "SEVERITY_PROBLEM" for f in found)
    return sorted((f["kind"].removeprefix("KIND_"), f["object"]) for f in found if f["severity"] == "SEVERITY_PROBLEM")


def restore(cluster, copy):
    return subprocess.run([os.path.join(BIN, "croftd"), "restore-catalog", "--state", state(cluster), copy],
                          capture_output=True, text=True, check=False)


def test_a_fleet_at_rest_is_clean_and_what_is_done_behind_its_back_is_found_and_mended(cluster):
    assert findings(cluster) == []
    placement = cluster.tenant("acme").placement
    host = placement.host.partition("/")[2]
    role = placement.database.rpartition("_g")[0]
    cluster.superuser(host, f'ALTER ROLE "{role}_a" NOLOGIN')
    assert findings(cluster) == [("ROLE_CLOSED", f"{role}_a")]
    plan = json.loads(cluster.croftctl("admin", "repair-fleet", "--dry-run", "-o", "json").stdout)
    assert [repair["tenant"] for repair in plan["repairs"]] == ["tenants/acme"]
    assert findings(cluster) == [("ROLE_CLOSED", f"{role}_a")], "a plan changes nothing"
    refused = cluster.croftctl("admin", "repair-fleet", check=False)
    assert refused.returncode == 2, "without a terminal it asks for --yes"
    cluster.croftctl("admin", "repair-fleet", "--yes")
    assert findings(cluster) == []
    assert cluster.psql("acme", "SELECT count(*) FROM t") == "100"


def test_a_password_that_was_changed_behind_its_back_is_found_and_mended(cluster):
    placement = cluster.tenant("acme").placement
    host = placement.host.partition("/")[2]
    role = placement.database.rpartition("_g")[0]
    cluster.superuser(host, f"ALTER ROLE \"{role}_a\" PASSWORD 'another'")
    if cluster.external():
        # Verifiers are shown to a superuser alone, which the agent is not there: a new login mends it.
        assert findings(cluster) == []
        with cluster.login("acme") as login:
            assert "authentication failed" in login.refusal()
        cluster.succeed(cluster.call("TenantService.RotateCredentials", name="tenants/acme", overlap={"seconds": 0}))
        wait_until(lambda: findings(cluster) == [], "the old login is gone")
    else:
        assert findings(cluster) == [("ROLE_DRIFTED", f"{role}_a")]
        cluster.croftctl("admin", "repair-fleet", "--yes")
        assert findings(cluster) == []
    assert cluster.psql("acme", "SELECT count(*) FROM t") == "100"


def test_a_database_that_is_gone_is_found_and_restored_in_its_place(cluster):
    cluster.succeed(cluster.call("BackupService.CreateBackup", parent="tenants/acme"))
    gone = cluster.tenant("acme").placement
    cluster.superuser(gone.host.partition("/")[2], f'DROP DATABASE "{gone.database}" WITH (FORCE)')
    assert findings(cluster) == [("DATABASE_MISSING", gone.database)]
    assert cluster.croftctl("tenant", "suspend", "acme", check=False).returncode != 0, "it is not taken for closed"
    cluster.croftctl("tenant", "restore", "acme", "--backup", "latest", "--yes")
    assert cluster.psql("acme", "SELECT count(*) FROM t") == "100"
    assert cluster.tenant("acme").placement.generation > gone.generation
    assert findings(cluster) == []


def test_a_restored_copy_goes_on_and_says_what_it_does_not_know(cluster):
    copy = os.path.join(cluster.state, "copy.db")
    cluster.croftctl("admin", "backup-catalog", copy)
    assert os.stat(copy).st_mode & 0o777 == 0o600
    subprocess.run(["sha256sum", "--check", "--status", "copy.db.sha256"], cwd=cluster.state, check=True)
    assert cluster.croftctl("admin", "backup-catalog", copy, check=False).returncode == 5, "it is not written over"

    later = cluster.create_tenant("later")
    before = cluster.call("AdminService.GetStatus").revision
    running = restore(cluster, copy)
    assert running.returncode == 1 and "stop it" in running.stderr, "not under a running control plane"

    cluster.stop("croftd")
    with open(copy, "r+b") as file:
        file.seek(5000)
        byte = file.read(1)
        file.seek(5000)
        file.write(bytes([byte[0] ^ 1]))
    spoiled = restore(cluster, copy)
    assert spoiled.returncode == 1 and "not the copy that was made" in spoiled.stderr
    with open(copy, "r+b") as file:
        file.seek(5000)
        file.write(byte)
    restored = restore(cluster, copy)
    assert restored.returncode == 0, restored.stderr
    assert "1 tenant on" in restored.stdout, restored.stdout

    # One agent does not come back yet: what lives there is not handed out, and nothing is said to be lost.
    cluster.stop("h1", "h2")
    cluster.start("croftd")
    error = cluster.refused("LookupService.Lookup", tenant="acme")
    assert (error.code, error.reason) == (StatusCode.UNAVAILABLE, "TENANT_UNCONFIRMED")
    suspend = cluster.refused("TenantService.SuspendTenant", name="tenants/acme")
    assert suspend.reason == "TENANT_UNCONFIRMED"
    after = cluster.call("AdminService.GetStatus").revision
    assert after.epoch > before.epoch

    watch = cluster.service("LookupService").WatchPlacements
    stale = wait_for_refusal(watch, before)
    assert stale.code() is StatusCode.OUT_OF_RANGE, "whoever watched the old epoch starts again"

    cluster.start("h1", "h2")
    wait_until(lambda: all(cluster.host_state(host) == "STATE_UP" for host in cluster.hosts()), "all hosts have reported")
    wait_until(lambda: not cluster.tenant("acme").conditions, "acme is confirmed")
    assert cluster.psql("acme", "SELECT count(*) FROM t") == "100"

    orphan = later.placement.database
    kinds = findings(cluster)
    assert ("DATABASE_ORPHANED", orphan) in kinds, kinds
    assert all(kind.endswith("ORPHANED") for kind, _ in kinds), kinds
    cluster.croftctl("admin", "repair-fleet", "--yes", check=False)
    assert findings(cluster) == kinds, "what may be all that is left of a tenant is never touched"

    cluster.create_tenant("afterwards")
    cluster.succeed(cluster.call("TenantService.SuspendTenant", name="tenants/acme"))
    cluster.succeed(cluster.call("TenantService.ResumeTenant", name="tenants/acme"))
    assert cluster.psql("acme", "SELECT count(*) FROM t") == "100"


def wait_for_refusal(watch, revision):
    request = wire.message("WatchPlacementsRequest")(since={"epoch": revision.epoch, "revision": revision.revision})
    try:
        for _ in watch(request, timeout=30):
            pass
    except grpc.RpcError as error:
        return error
    raise AssertionError("it was not refused")
