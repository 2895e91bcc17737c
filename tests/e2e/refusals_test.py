"""What Croft refuses, and that it says so in the words of the API."""
import json
import re
import signal
import subprocess
import uuid

import pytest
from cluster import Cluster, wait_until
from grpc import RpcError, StatusCode
from login import PSQL


@pytest.fixture(scope="module", name="cluster")
def running_cluster():
    with Cluster(agents=1) as cluster:
        cluster.create_tenant("acme")
        yield cluster


@pytest.mark.parametrize("method", ["GetTenant", "SuspendTenant", "ResumeTenant", "RetireTenant", "UndeleteTenant",
                                    "PurgeTenant", "RotateCredentials"])
def test_unknown_tenants_are_not_found(cluster, method):
    error = cluster.refused("TenantService." + method, name="tenants/nobody")
    assert (error.code, error.reason) == (StatusCode.NOT_FOUND, "TENANT_NOT_FOUND")
    assert "nobody" in error.message


def test_lookups_and_backups_of_unknown_tenants_are_not_found(cluster):
    assert cluster.refused("LookupService.Lookup", tenant="nobody").reason == "TENANT_NOT_FOUND"
    assert cluster.refused("BackupService.CreateBackup", parent="tenants/nobody").reason == "TENANT_NOT_FOUND"
    assert cluster.refused("BackupService.GetBackup", name="tenants/acme/backups/none").reason == "BACKUP_NOT_FOUND"


def test_an_id_that_is_taken_already_exists(cluster):
    before = cluster.tenant("acme")
    error = cluster.refused("TenantService.CreateTenant", tenant_id="acme")
    assert (error.code, error.reason) == (StatusCode.ALREADY_EXISTS, "TENANT_EXISTS")
    assert cluster.tenant("acme") == before


def test_if_missing_answers_with_the_operation_that_made_the_tenant(cluster):
    made = [operation for operation in cluster.call("OperationService.ListOperations").operations
            if operation.target == "tenants/acme" and operation.kind == operation.KIND_CREATE]
    assert cluster.call("TenantService.CreateTenant", tenant_id="acme", if_missing=True).name == made[0].name


def test_an_id_stays_taken_while_its_tenant_is_retired_and_is_free_after_purge(cluster):
    first = cluster.create_tenant("twice")
    cluster.succeed(cluster.call("TenantService.RetireTenant", name="tenants/twice"))
    assert cluster.refused("TenantService.CreateTenant", tenant_id="twice").reason == "TENANT_EXISTS"
    assert cluster.refused("LookupService.Lookup", tenant="twice").reason == "TENANT_RETIRED"
    cluster.succeed(cluster.call("TenantService.PurgeTenant", name="tenants/twice", confirm="tenants/twice"))
    again = cluster.create_tenant("twice")
    assert again.uid != first.uid
    assert again.placement.generation > first.placement.generation


def test_a_ready_tenant_is_not_purged(cluster):
    error = cluster.refused("TenantService.PurgeTenant", name="tenants/acme", confirm="tenants/acme")
    assert error.code == StatusCode.FAILED_PRECONDITION
    assert cluster.psql("acme", "SELECT 1") == "1"


def test_a_repeated_request_has_one_effect(cluster):
    request_id = str(uuid.uuid4())
    first = cluster.call("TenantService.CreateTenant", tenant_id="once", request_id=request_id)
    again = cluster.call("TenantService.CreateTenant", tenant_id="once", request_id=request_id)
    assert again.name == first.name
    error = cluster.refused("TenantService.CreateTenant", tenant_id="other", request_id=request_id)
    assert error.code == StatusCode.INVALID_ARGUMENT
    cluster.succeed(first)
    assert cluster.refused("TenantService.GetTenant", name="tenants/other").reason == "TENANT_NOT_FOUND"


def test_a_stale_etag_is_aborted_and_changes_nothing(cluster):
    before = cluster.tenant("acme")
    error = cluster.refused("TenantService.RetireTenant", name="tenants/acme", etag=before.etag.replace("\"", "\"1", 1))
    assert error.code == StatusCode.ABORTED
    assert cluster.tenant("acme") == before


def test_validate_only_checks_and_changes_nothing(cluster):
    operation = cluster.call("TenantService.CreateTenant", tenant_id="dry", validate_only=True)
    assert operation.name == ""
    assert cluster.refused("TenantService.GetTenant", name="tenants/dry").reason == "TENANT_NOT_FOUND"


# Some 100 bytes a row.
ROWS = "INSERT INTO orders SELECT n, repeat(md5(n::text), 3) FROM generate_series({}, {}) AS n"


def test_a_tenant_at_its_storage_quota_grows_no_more_until_it_has_shrunk(cluster):
    def tenant():
        return cluster.tenant("full")

    def conditions():
        return {one.type for one in tenant().conditions}

    def update(*options):
        cluster.croftctl("tenant", "update", "full", *options)

    def refusal(sql, name="full"):
        """What PostgreSQL says to the application; nothing when it does as it is told."""
        with cluster.login(name) as login:
            return subprocess.run([*PSQL, "-v", "VERBOSITY=verbose", "-c", sql], env=login.variables(),
                                  stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False).stderr

    def closed():
        """Closed for growth, by a size that it had when it was filled: no look finds that it has grown since."""
        now = tenant()
        judged = [int(re.search(r"had (\d+) bytes", one.message)[1]) for one in now.conditions]
        size = int(cluster.psql("full", "SELECT pg_database_size(current_database())"))
        return now.closed_for_growth and not now.current_operation and abs(judged[0] - size) < 2**20

    cluster.kill("croftd", signal.SIGTERM)
    cluster.relaunch("croftd", "--usage-interval", "1")
    wait_until(lambda: cluster.croftctl("tenant", "get", "acme", check=False).returncode == 0, "croftd serves")
    cluster.croftctl("tenant", "create", "full", "--storage", "32MiB")
    cluster.psql("full", "CREATE TABLE orders (id int PRIMARY KEY, note text)")
    cluster.psql("full", ROWS.format(1, 135_000))
    # Warned first, and nothing is refused yet.
    wait_until(lambda: conditions() == {"STORAGE_NEAR_QUOTA"}, "it is warned", 180)
    assert refusal("INSERT INTO orders VALUES (-1, 'x')") == ""
    cluster.psql("full", ROWS.format(135_001, 200_000))
    wait_until(closed, "it is closed for growth", 180)
    assert conditions() == {"STORAGE_FULL"}

    # What its application sees.
    for sql in ("INSERT INTO orders VALUES (-2, 'x')", "CREATE TABLE more (id int)", "CREATE SCHEMA more"):
        assert "42501: permission denied for" in refusal(sql), sql
    for sql in ("SELECT count(*) FROM orders", "UPDATE orders SET note = 'y' WHERE id = 1", "VACUUM orders",
                "DELETE FROM orders WHERE id = 2"):
        assert refusal(sql) == "", sql
    assert cluster.call("LookupService.Lookup", tenant="full").closed_for_growth
    assert json.loads(cluster.croftctl("tenant", "lookup", "full", "-o", "json").stdout)["closedForGrowth"]
    assert "closed" in cluster.croftctl("tenant", "list", "-o", "wide").stdout

    # Other work goes on; a new login can be had, too.
    cluster.croftctl("tenant", "rotate-credentials", "full", "--overlap", "0s")
    assert "42501" in refusal("INSERT INTO orders VALUES (-2, 'x')")
    cluster.croftctl("backup", "create", "full")
    backup = cluster.tenant("full").last_backup
    cluster.succeed(cluster.call("BackupService.VerifyBackup", name=backup))

    # The operator's way out, and back.
    update("--storage-grace", "1h")
    wait_until(lambda: refusal("INSERT INTO orders VALUES (-3, 'x')") == "", "it may grow for an hour", 180)
    assert conditions() == {"STORAGE_FULL"}
    update("--storage-grace", "0")
    wait_until(closed, "it is closed again", 180)

    # It shrinks, and is opened by itself.
    cluster.psql("full", "DELETE FROM orders WHERE id > 1000")
    cluster.psql("full", "VACUUM FULL orders")
    wait_until(lambda: not tenant().closed_for_growth, "it is opened", 180)
    assert refusal("INSERT INTO orders VALUES (-2, 'x')") == ""
    assert conditions() == set()
    assert not cluster.call("LookupService.Lookup", tenant="full").closed_for_growth

    # A backup that was made while it was closed comes back open.
    update("--storage", "0")
    cluster.succeed(cluster.call("TenantService.RestoreTenant", name="tenants/full", backup=backup,
                                 new_tenant_id="copy"))
    assert refusal("INSERT INTO orders VALUES (-2, 'x')", "copy") == ""
    told = json.loads(cluster.croftctl("events", "--tenant", "full", "-o", "json").stdout)["events"]
    assert [one["type"].removeprefix("croft.tenant.") for one in told if "growth" in one["type"]] == [
        "closed_for_growth", "opened_for_growth", "closed_for_growth", "opened_for_growth"]


def test_no_tenant_is_created_on_a_cordoned_host(cluster):
    cluster.call("HostService.CordonHost", name="hosts/h1")
    error = cluster.refused("TenantService.CreateTenant", tenant_id="homeless")
    assert (error.code, error.reason) == (StatusCode.FAILED_PRECONDITION, "NO_HOST_FITS")
    cluster.call("HostService.UncordonHost", name="hosts/h1")
    assert cluster.refused("TenantService.GetTenant", name="tenants/homeless").reason == "TENANT_NOT_FOUND"


def is_refused(cluster, tenant):
    try:
        cluster.call("TenantService.CreateTenant", tenant_id=tenant, validate_only=True)
        return False
    except RpcError:
        return True


def test_no_tenant_is_created_while_no_host_is_up(cluster):
    cluster.stop("h1")
    wait_until(lambda: cluster.host_state("h1") == "STATE_AWAY", "h1 is away")
    # One that was there a moment ago may be starting again.
    wait_until(lambda: is_refused(cluster, "homeless"), "h1 is given up")
    error = cluster.refused("TenantService.CreateTenant", tenant_id="homeless")
    assert (error.code, error.reason) == (StatusCode.FAILED_PRECONDITION, "NO_HOST_FITS")
    assert "h1" in error.message + str(error.metadata)
    assert cluster.refused("TenantService.GetTenant", name="tenants/homeless").reason == "TENANT_NOT_FOUND"
    assert cluster.psql("acme", "SELECT 1") == "1", "databases go on serving without their agent"
    cluster.start("h1")
    cluster.create_tenant("housed")
