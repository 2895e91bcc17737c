"""A PostgreSQL server that somebody else keeps, and the rights of its agent, which is no superuser there. The server's version
is CROFT_TEST_POSTGRES, or 15."""
import json
import os
import subprocess

import pytest
from cluster import TOP, Cluster, run, wait_until

VERSION = os.environ.get("CROFT_TEST_POSTGRES", "managed").replace("managed", "15")
ALWAYS = [("CREATEDB", "ALTER ROLE croft NOCREATEDB"), ("pg_signal_backend", "REVOKE pg_signal_backend FROM croft")]
ON_15 = [("EXECUTE on the functions of schema croft", "REVOKE EXECUTE ON FUNCTION croft.alter_role FROM croft")]
LATER = [("CREATEROLE", "ALTER ROLE croft NOCREATEROLE"),
         ("createrole_self_grant = 'set'", "ALTER ROLE croft RESET createrole_self_grant")]
NEEDED = ALWAYS + (ON_15 if VERSION == "15" else LATER)


@pytest.fixture(scope="module", name="cluster")
def running_cluster():
    with Cluster(postgres=[VERSION]) as cluster:
        cluster.create_tenant("acme")
        cluster.psql("acme", "CREATE TABLE t AS SELECT i FROM generate_series(1, 1000) AS i")
        yield cluster


def host(cluster):
    return cluster.call("HostService.GetHost", name="hosts/h1")


def missing(cluster):
    return {one.right: one for one in host(cluster).missing_rights}


def doctor(cluster):
    checks = json.loads(cluster.croftctl("doctor", "-o", "json", check=False).stdout)["checks"]
    return [check for check in checks if check["subject"] == "host h1"]


def give_back(cluster):
    server = cluster.servers["h1"]
    server.run_file(os.path.join(server.folder, "setup.sql"))
    wait_until(lambda: not missing(cluster), "every right is there")


def test_the_host_is_up_with_unknown_free_space_and_lacks_nothing(cluster):
    now = host(cluster)
    assert now.postgres_up and now.postgres_version.partition(".")[0] == VERSION
    assert now.free_bytes_unknown and not now.managed and now.tls and not now.problem
    assert 0 < now.max_connections < 200
    assert not now.missing_rights
    assert cluster.servers["h1"].superuser("SELECT rolsuper FROM pg_roles WHERE rolname = 'croft'") == "f"
    assert [check["state"] for check in doctor(cluster)] == ["ok"]


@pytest.mark.parametrize("right, taking", NEEDED, ids=[right for right, _ in NEEDED])
def test_a_right_that_is_gone_is_named_and_no_tenant_is_placed_without_it(cluster, right, taking):
    cluster.servers["h1"].superuser(taking)
    found = wait_until(lambda: missing(cluster).get(right), f"{right} is known to be missing")
    assert found.consequence and found.remedy and found.task_kinds
    check = next(check for check in doctor(cluster) if right in check["text"])
    assert (check["state"], check["remedy"]) == ("fail", found.remedy)
    refused = cluster.refused("TenantService.CreateTenant", tenant_id="nowhere")
    assert refused.reason == "NO_HOST_FITS" and right in refused.message
    give_back(cluster)
    cluster.create_tenant("somewhere")
    cluster.succeed(cluster.call("TenantService.RetireTenant", name="tenants/somewhere"))
    cluster.succeed(cluster.call("TenantService.PurgeTenant", name="tenants/somewhere", confirm="tenants/somewhere"))


def test_the_remedy_gives_the_right(cluster):
    server = cluster.servers["h1"]
    server.superuser("REVOKE SET ON PARAMETER temp_file_limit FROM croft")
    found = wait_until(lambda: missing(cluster).get("SET ON PARAMETER temp_file_limit"), "it is missing")
    assert not found.task_kinds
    cluster.create_tenant("unbounded")
    server.superuser(found.remedy)
    wait_until(lambda: not missing(cluster), "it is there")


def test_a_login_that_is_not_let_in_is_told_with_what_lets_it_in(cluster):
    server = cluster.servers["h1"]
    server.superuser("REVOKE CONNECT ON DATABASE postgres FROM PUBLIC, croft")
    server.superuser("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'croft'")
    found = wait_until(lambda: missing(cluster).get("CONNECT on database postgres"), "it is missing")
    assert not host(cluster).postgres_up and found.remedy in host(cluster).problem
    server.superuser(found.remedy)
    wait_until(lambda: host(cluster).postgres_up and not missing(cluster), "it is let in again")
    server.superuser("GRANT CONNECT ON DATABASE postgres TO PUBLIC")


def test_without_the_right_to_read_the_control_data_nothing_is_done(cluster):
    server = cluster.servers["h1"]
    server.superuser("REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC")
    found = wait_until(lambda: next((one for name, one in missing(cluster).items() if "pg_control_system" in name), None),
                       "it is missing")
    assert not host(cluster).postgres_up
    server.superuser(found.remedy)
    wait_until(lambda: host(cluster).postgres_up, "it is up again")
    server.superuser("GRANT EXECUTE ON FUNCTION pg_control_system() TO PUBLIC")


def test_a_tenants_whole_life_with_a_backup_of_rows_that_its_owner_may_not_see(cluster):
    cluster.create_tenant("secretive")
    cluster.psql("secretive", "CREATE TABLE own (i int); INSERT INTO own SELECT generate_series(1, 100); "
                           "ALTER TABLE own ENABLE ROW LEVEL SECURITY; ALTER TABLE own FORCE ROW LEVEL SECURITY")
    assert cluster.psql("secretive", "SELECT count(*) FROM own") == "0"
    cluster.succeed(cluster.call("TenantService.RotateCredentials", name="tenants/secretive", overlap={"seconds": 1}))
    cluster.succeed(cluster.call("TenantService.RetireTenant", name="tenants/secretive"))
    backup = cluster.call("BackupService.ListBackups", parent="tenants/secretive").backups[0]
    assert backup.row_count == 100
    cluster.succeed(cluster.call("TenantService.UndeleteTenant", name="tenants/secretive"))
    cluster.succeed(cluster.call("TenantService.RetireTenant", name="tenants/secretive"))
    cluster.succeed(cluster.call("TenantService.PurgeTenant", name="tenants/secretive", confirm="tenants/secretive"))


def test_a_tenant_whose_quota_the_server_does_not_allow_is_not_placed(cluster):
    refused = cluster.refused("TenantService.CreateTenant", tenant_id="greedy", tenant={"quota": {"connections": 195}})
    assert refused.reason == "NO_HOST_FITS" and "connections" in refused.message


def test_the_tour_is_taken(cluster):
    cluster.succeed(cluster.call("TenantService.RetireTenant", name="tenants/acme"))
    cluster.succeed(cluster.call("TenantService.PurgeTenant", name="tenants/acme", confirm="tenants/acme"))
    run([os.path.join(TOP, "deploy", "tour"), "--state", cluster.state])


def test_everything_is_removed_by_the_printed_sql():
    with Cluster(postgres=[VERSION]) as cluster:
        server = cluster.servers["h1"]
        before = server.superuser("SELECT count(*) FROM pg_roles")
        cluster.create_tenant("acme")
        sql = subprocess.run([os.path.join(os.environ.get("CROFT_BIN", os.path.join(TOP, "build", "bin")), "croft-agent"),
                              "external-setup", "--postgres-version", VERSION, "--remove"], capture_output=True, text=True,
                             check=True).stdout
        path = os.path.join(server.folder, "remove.sql")
        with open(path, "w", encoding="utf-8") as file:
            file.write(sql)
        with pytest.raises(RuntimeError, match="databases of tenants are left"):
            server.run_file(path)
        cluster.succeed(cluster.call("TenantService.RetireTenant", name="tenants/acme"))
        cluster.succeed(cluster.call("TenantService.PurgeTenant", name="tenants/acme", confirm="tenants/acme"))
        cluster.stop("h1")
        server.run_file(path)
        assert int(server.superuser("SELECT count(*) FROM pg_roles")) == int(before) - 1
        assert server.superuser("SELECT count(*) FROM pg_namespace WHERE nspname = 'croft'") == "0"
