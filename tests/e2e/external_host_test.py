"""A PostgreSQL server that somebody else keeps, and the rights of its agent, which is no superuser there. The server's version
is CROFT_TEST_POSTGRES, or 15."""
import contextlib
import json
import os
import signal
import subprocess

import pytest
from cluster import BIN, TOP, Cluster, run, wait_until
from external import VERSION

CONTROL_DATA = "EXECUTE on pg_control_system() and pg_control_checkpoint()"
CONNECT = "CONNECT on database postgres"
FUNCTIONS = "EXECUTE on the functions of schema croft"
# Each right, how it is taken away, and whether tenants are placed without it.
RIGHTS = [
    (CONNECT, "REVOKE CONNECT ON DATABASE postgres FROM PUBLIC, croft", False),
    (CONTROL_DATA, "REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC, croft", False),
    (CONTROL_DATA, "REVOKE EXECUTE ON FUNCTION pg_control_checkpoint() FROM PUBLIC, croft", False),
    ("CREATEDB", "ALTER ROLE croft NOCREATEDB", False),
    ("pg_signal_backend", "REVOKE pg_signal_backend FROM croft", False),
    ("SET ON PARAMETER temp_file_limit", "REVOKE SET ON PARAMETER temp_file_limit FROM croft", True),
]
ON_15 = [
    *[(FUNCTIONS, f"REVOKE EXECUTE ON FUNCTION croft.{name} FROM croft", False) for name in (
        "create_role", "alter_role", "grant_role", "drop_role", "let_act_as", "limit_temporary_files")],
    (FUNCTIONS, "REVOKE USAGE ON SCHEMA croft FROM croft", False),
    (FUNCTIONS, "ALTER FUNCTION croft.drop_role SECURITY INVOKER", False),
    # Whoever runs setup.sql becomes the owner again.
    (FUNCTIONS, "ALTER FUNCTION croft.drop_role OWNER TO pg_monitor", False),
]
LATER = [
    ("CREATEROLE", "ALTER ROLE croft NOCREATEROLE", False),
    ("BYPASSRLS", "ALTER ROLE croft NOBYPASSRLS", True),
]
RIGHTS += ON_15 if VERSION == "15" else LATER
# What setup.sql gives to the agent's role alone.
TO_EVERYBODY = ("GRANT CONNECT ON DATABASE postgres TO PUBLIC; "
                "GRANT EXECUTE ON FUNCTION pg_control_system(), pg_control_checkpoint() TO PUBLIC")


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


def await_look(cluster, condition, what):
    """What `condition()` answers once the agent has looked at its server, which SIGHUP has it do at once."""
    os.kill(cluster.pid("h1"), signal.SIGHUP)
    return wait_until(condition, what)


@contextlib.contextmanager
def taken(cluster, right, sql):
    """The MissingRight as the host shows it. All rights are there again afterwards."""
    server = cluster.servers["h1"]
    server.superuser(sql)
    try:
        yield await_look(cluster, lambda: missing(cluster).get(right), f"{right} is known to be missing")
    finally:
        server.run_file(os.path.join(server.folder, "setup.sql"))
        server.superuser(TO_EVERYBODY)
        await_look(cluster, lambda: host(cluster).postgres_up and not missing(cluster), "every right is there")


def test_the_host_is_up_with_unknown_free_space_and_lacks_nothing(cluster):
    now = host(cluster)
    assert now.postgres_up and now.postgres_version.partition(".")[0] == VERSION
    assert now.free_bytes_unknown and not now.managed and now.tls and not now.problem
    assert 0 < now.max_connections < 200
    assert not now.missing_rights
    assert cluster.servers["h1"].superuser("SELECT rolsuper FROM pg_roles WHERE rolname = 'croft'") == "f"
    assert [check["state"] for check in doctor(cluster)] == ["ok"]


@pytest.mark.parametrize("right, taking, placed", RIGHTS, ids=[f"{right}: {taking}" for right, taking, _ in RIGHTS])
def test_a_right_that_is_taken_away_is_named_with_what_gives_it(cluster, right, taking, placed):
    with taken(cluster, right, taking) as found:
        assert found.consequence and found.remedy and bool(found.task_kinds) != placed
        check = next(check for check in doctor(cluster) if right in check["text"])
        assert (check["state"], check["remedy"]) == ("warn" if placed else "fail", found.remedy)
        if placed:
            cluster.call("TenantService.CreateTenant", tenant_id="anywhere", validate_only=True)
        else:
            refused = cluster.refused("TenantService.CreateTenant", tenant_id="nowhere")
            assert refused.reason == "NO_HOST_FITS"
            assert right in refused.message or "PostgreSQL down" in refused.message and not host(cluster).postgres_up
        if "croft-agent external-setup" not in found.remedy:
            cluster.servers["h1"].superuser(found.remedy)
            await_look(cluster, lambda: right not in missing(cluster), "what doctor says gives the right")


def test_rights_that_change_while_a_connection_is_kept_are_used_at_once(cluster):
    cluster.create_tenant("bounded")
    with taken(cluster, "SET ON PARAMETER temp_file_limit", "REVOKE SET ON PARAMETER temp_file_limit FROM croft"):
        cluster.create_tenant("unlimited")
    cluster.create_tenant("again")
    limited = cluster.servers["h1"].superuser(
        "SELECT string_agg(concat(d.datname, r.rolname), ' ') FROM pg_db_role_setting s "
        "LEFT JOIN pg_database d ON d.oid = s.setdatabase LEFT JOIN pg_roles r ON r.oid = s.setrole "
        "WHERE s.setconfig::text LIKE '%temp_file_limit%'")
    assert "t_bounded_" in limited and "t_again_" in limited and "t_unlimited_" not in limited


def test_what_needs_a_missing_right_is_refused_before_the_tenant_is_closed(cluster):
    with taken(cluster, "CREATEDB", "ALTER ROLE croft NOCREATEDB") as found:
        refused = cluster.refused("TenantService.RetireTenant", name="tenants/bounded")
        assert refused.reason == "RIGHT_MISSING" and found.remedy in refused.message
    assert cluster.psql("bounded", "SELECT 1") == "1"


def test_a_login_that_is_not_let_in_is_told_with_what_lets_it_in(cluster):
    server = cluster.servers["h1"]
    with taken(cluster, CONNECT, "REVOKE CONNECT ON DATABASE postgres FROM PUBLIC, croft") as found:
        server.superuser("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'croft'")
        await_look(cluster, lambda: not host(cluster).postgres_up, "it is not let in")
        assert found.remedy in host(cluster).problem
        assert any(check["remedy"] == found.remedy for check in doctor(cluster))


def test_without_the_right_to_read_the_control_data_nothing_is_done(cluster):
    with taken(cluster, CONTROL_DATA, "REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC, croft"):
        assert not host(cluster).postgres_up


@contextlib.contextmanager
def connected_by(cluster, ending):
    """The agent of h1 with another end of its conninfo, from `sslmode` on."""
    server = cluster.servers["h1"]
    with open(os.path.join(server.folder, "conninfo"), encoding="utf-8") as file:
        whole = file.read()

    def use(conninfo):
        cluster.stop("h1")
        with open(os.path.join(server.folder, "conninfo"), "w", encoding="utf-8") as file:
            file.write(conninfo)
        cluster.start("h1")

    use(whole.partition("sslmode=")[0] + ending + "\n")
    try:
        yield
    finally:
        use(whole)


def test_doctor_names_a_server_that_applications_cannot_verify(cluster):
    with connected_by(cluster, "sslmode=require"):
        found = next(check for check in doctor(cluster) if check["state"] != "ok")
        assert found["state"] == "warn" and "cannot verify its server" in found["text"]
        assert "--postgres-authority-file" in found["remedy"]
        assert cluster.call("LookupService.Lookup", tenant="acme").sslmode == "require"
    assert [check["state"] for check in doctor(cluster)] == ["ok"]


def test_postgres_and_template1_let_tenants_in_until_the_setup_closes_them(cluster):
    server = cluster.servers["h1"]
    with cluster.login("acme") as login:
        assert login.refusal(PGDATABASE="template1") is None
        with login.session(PGDATABASE="postgres") as session:
            for refused in ("CREATE TABLE t (i int)", "CREATE SCHEMA s", "SELECT rolpassword FROM pg_authid"):
                assert session.run(refused).state == "42501"
        server.set_up("croft", "--revoke-public-connect")
        for database in ("postgres", "template1"):
            assert "permission denied for database" in login.refusal(PGDATABASE=database)
    assert not missing(cluster) and host(cluster).postgres_up
    server.superuser("GRANT CONNECT ON DATABASE postgres, template1 TO PUBLIC")


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


def test_a_tenant_is_closed_while_the_server_vacuums_its_database(cluster):
    """Nobody but a superuser may end autovacuum."""
    server = cluster.servers["h1"]
    cluster.psql("acme", "CREATE TABLE dusty (i int) WITH (autovacuum_vacuum_cost_delay = 100, autovacuum_vacuum_cost_limit = 1, "
                 "autovacuum_vacuum_threshold = 1, autovacuum_vacuum_scale_factor = 0)")
    cluster.psql("acme", "INSERT INTO dusty SELECT generate_series(1, 50000); DELETE FROM dusty")
    server.superuser("ALTER SYSTEM SET autovacuum_naptime = '1s'")
    server.superuser("SELECT pg_reload_conf()")
    database = cluster.tenant("acme").placement.database
    vacuums = f"SELECT count(*) FROM pg_stat_progress_vacuum WHERE datname = '{database}'"
    try:
        wait_until(lambda: server.superuser(vacuums) != "0", "autovacuum works in the tenant's database")
        cluster.succeed(cluster.call("TenantService.SuspendTenant", name="tenants/acme"))
        cluster.succeed(cluster.call("TenantService.ResumeTenant", name="tenants/acme"))
    finally:
        server.superuser("ALTER SYSTEM RESET autovacuum_naptime")
        server.superuser("SELECT pg_reload_conf()")
    cluster.psql("acme", "DROP TABLE dusty")


def test_a_tenant_whose_quota_the_server_does_not_allow_is_not_placed(cluster):
    refused = cluster.refused("TenantService.CreateTenant", tenant_id="greedy", tenant={"quota": {"connections": 195}})
    assert refused.reason == "NO_HOST_FITS" and "connections" in refused.message


def test_the_tour_is_taken(cluster):
    cluster.succeed(cluster.call("TenantService.RetireTenant", name="tenants/acme"))
    cluster.succeed(cluster.call("TenantService.PurgeTenant", name="tenants/acme", confirm="tenants/acme"))
    run([os.path.join(TOP, "deploy", "tour"), "--state", cluster.state])


def lacking(sql):
    """For Cluster: whoever sets its server up forgets a right, or takes it back, before the agent joins."""
    def before_start(cluster):
        server = cluster.servers["h1"]
        as_it_should_be = server.set_up

        def set_up(*arguments):
            password = as_it_should_be(*arguments)
            server.superuser(sql)
            return password
        server.set_up = set_up
    return before_start


def test_a_right_that_lacks_from_the_start_is_named_and_at_the_end_everything_is_removed():
    with Cluster(postgres=[VERSION], before_start=lacking("ALTER ROLE croft NOCREATEDB")) as cluster:
        server = cluster.servers["h1"]
        # Joined with it, and connected again with it.
        for _ in range(2):
            assert list(missing(cluster)) == ["CREATEDB"]
            assert "CREATEDB" in cluster.refused("TenantService.CreateTenant", tenant_id="acme").message
            cluster.stop("h1")
            cluster.start("h1")
        server.superuser(missing(cluster)["CREATEDB"].remedy)
        await_look(cluster, lambda: not missing(cluster), "nothing is missing")
        before = server.superuser("SELECT count(*) FROM pg_roles")
        cluster.create_tenant("acme")
        sql = subprocess.run([os.path.join(BIN, "croft-agent"),
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
