"""The catalog lost: a copy is restored, hosts report, nothing of before is mistaken for now."""
import json
import os
import subprocess

import grpc
import pytest
import wire
from cell import BIN, Cell, wait_until
from grpc import StatusCode


@pytest.fixture(scope="module", name="cell")
def running_cell():
    with Cell(agents=2) as cell:
        cell.create_tenant("acme")
        cell.psql("acme", "CREATE TABLE t AS SELECT i FROM generate_series(1, 100) AS i")
        yield cell


def state(cell):
    for here, _, files in os.walk(cell.state):
        if "catalog.db" in files:
            return here
    raise LookupError("no catalog")


def findings(cell):
    ran = cell.croftctl("admin", "check-fleet", "-o", "json", check=False)
    assert ran.returncode in (0, 8), ran.stderr
    found = json.loads(ran.stdout).get("findings", [])
    assert (ran.returncode == 8) == any(f["severity"] == "SEVERITY_PROBLEM" for f in found)
    return sorted((f["kind"].removeprefix("KIND_"), f["object"]) for f in found if f["severity"] == "SEVERITY_PROBLEM")


def restore(cell, copy):
    return subprocess.run([os.path.join(BIN, "croftd"), "restore-catalog", "--state", state(cell), copy],
                          capture_output=True, text=True, check=False)


def test_a_fleet_at_rest_is_clean_and_what_is_done_behind_its_back_is_found_and_mended(cell):
    assert findings(cell) == []
    placement = cell.tenant("acme").placement
    host = placement.host.partition("/")[2]
    role = placement.database.rpartition("_g")[0]
    cell.superuser(host, f'ALTER ROLE "{role}_a" NOLOGIN')
    assert findings(cell) == [("ROLE_CLOSED", f"{role}_a")]
    plan = json.loads(cell.croftctl("admin", "repair-fleet", "--dry-run", "-o", "json").stdout)
    assert [repair["tenant"] for repair in plan["repairs"]] == ["tenants/acme"]
    assert findings(cell) == [("ROLE_CLOSED", f"{role}_a")], "a plan changes nothing"
    refused = cell.croftctl("admin", "repair-fleet", check=False)
    assert refused.returncode == 2, "without a terminal it asks for --yes"
    cell.croftctl("admin", "repair-fleet", "--yes")
    assert findings(cell) == []
    assert cell.psql("acme", "SELECT count(*) FROM t") == "100"


def test_a_password_that_was_changed_behind_its_back_is_found_and_mended(cell):
    placement = cell.tenant("acme").placement
    host = placement.host.partition("/")[2]
    role = placement.database.rpartition("_g")[0]
    cell.superuser(host, f"ALTER ROLE \"{role}_a\" PASSWORD 'another'")
    assert findings(cell) == [("ROLE_DRIFTED", f"{role}_a")]
    cell.croftctl("admin", "repair-fleet", "--yes")
    assert findings(cell) == []
    assert cell.psql("acme", "SELECT count(*) FROM t") == "100"


def test_a_database_that_is_gone_is_found_and_restored_in_its_place(cell):
    cell.succeed(cell.call("BackupService.CreateBackup", parent="tenants/acme"))
    gone = cell.tenant("acme").placement
    cell.superuser(gone.host.partition("/")[2], f'DROP DATABASE "{gone.database}" WITH (FORCE)')
    assert findings(cell) == [("DATABASE_MISSING", gone.database)]
    assert cell.croftctl("tenant", "suspend", "acme", check=False).returncode != 0, "it is not taken for closed"
    cell.croftctl("tenant", "restore", "acme", "--backup", "latest", "--yes")
    assert cell.psql("acme", "SELECT count(*) FROM t") == "100"
    assert cell.tenant("acme").placement.generation > gone.generation
    assert findings(cell) == []


def test_a_restored_copy_goes_on_and_says_what_it_does_not_know(cell):
    copy = os.path.join(cell.state, "copy.db")
    cell.croftctl("admin", "backup-catalog", copy)
    assert os.stat(copy).st_mode & 0o777 == 0o600
    subprocess.run(["sha256sum", "--check", "--status", "copy.db.sha256"], cwd=cell.state, check=True)
    assert cell.croftctl("admin", "backup-catalog", copy, check=False).returncode == 5, "it is not written over"

    later = cell.create_tenant("later")
    before = cell.call("AdminService.GetStatus").revision
    running = restore(cell, copy)
    assert running.returncode == 1 and "stop it" in running.stderr, "not under a running control plane"

    cell.stop("croftd")
    with open(copy, "r+b") as file:
        file.seek(5000)
        byte = file.read(1)
        file.seek(5000)
        file.write(bytes([byte[0] ^ 1]))
    spoiled = restore(cell, copy)
    assert spoiled.returncode == 1 and "not the copy that was made" in spoiled.stderr
    with open(copy, "r+b") as file:
        file.seek(5000)
        file.write(byte)
    restored = restore(cell, copy)
    assert restored.returncode == 0, restored.stderr
    assert "1 tenants" in restored.stdout, restored.stdout

    # One agent does not come back yet: what lives there is not handed out, and nothing is said to be lost.
    cell.stop("h1", "h2")
    cell.start("croftd")
    error = cell.refused("LookupService.Lookup", tenant="acme")
    assert (error.code, error.reason) == (StatusCode.UNAVAILABLE, "TENANT_UNCONFIRMED")
    suspend = cell.refused("TenantService.SuspendTenant", name="tenants/acme")
    assert suspend.reason == "TENANT_UNCONFIRMED"
    after = cell.call("AdminService.GetStatus").revision
    assert after.epoch > before.epoch

    watch = cell.service("LookupService").WatchPlacements
    stale = wait_for_refusal(watch, before)
    assert stale.code() is StatusCode.OUT_OF_RANGE, "whoever watched the old epoch starts again"

    cell.start("h1", "h2")
    wait_until(lambda: all(cell.host_state(host) == "STATE_UP" for host in cell.hosts()), "all hosts have reported")
    wait_until(lambda: not cell.tenant("acme").conditions, "acme is confirmed")
    assert cell.psql("acme", "SELECT count(*) FROM t") == "100"

    orphan = later.placement.database
    kinds = findings(cell)
    assert ("DATABASE_ORPHANED", orphan) in kinds, kinds
    assert all(kind.endswith("ORPHANED") for kind, _ in kinds), kinds
    cell.croftctl("admin", "repair-fleet", "--yes", check=False)
    assert findings(cell) == kinds, "what may be all that is left of a tenant is never touched"

    cell.create_tenant("afterwards")
    cell.succeed(cell.call("TenantService.SuspendTenant", name="tenants/acme"))
    cell.succeed(cell.call("TenantService.ResumeTenant", name="tenants/acme"))
    assert cell.psql("acme", "SELECT count(*) FROM t") == "100"


def wait_for_refusal(watch, revision):
    request = wire.message("WatchPlacementsRequest")(since={"epoch": revision.epoch, "revision": revision.revision})
    try:
        for _ in watch(request, timeout=30):
            pass
    except grpc.RpcError as error:
        return error
    raise AssertionError("it was not refused")
