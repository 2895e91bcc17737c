"""A tenant that sets traps for those who work on its database, keeps locks, floods, and stands at its fences.

Backup, verification, restore, rotation, suspension, retirement and purge are run over it; after each nothing
outside its own databases and roles has changed, no role has become more than it was, and the work got done.
"""
import contextlib
import os
import threading

import pytest
from cluster import Cluster, wait_until
from hostile import CANARY, MARK, Outside, make_victim, names_for
from libpq import ask
from login import LOST

# Runs as whoever springs it and tries to make the tenant more than it is.
SPRING = """
CREATE FUNCTION public.spring() RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  BEGIN RESET ROLE; EXCEPTION WHEN OTHERS THEN NULL; END;
  BEGIN EXECUTE 'ALTER ROLE {login} SUPERUSER'; EXCEPTION WHEN OTHERS THEN NULL; END;
  BEGIN EXECUTE 'GRANT pg_execute_server_program TO {owner}'; EXCEPTION WHEN OTHERS THEN NULL; END;
  BEGIN EXECUTE 'GRANT CONNECT ON DATABASE {victim_database} TO PUBLIC'; EXCEPTION WHEN OTHERS THEN NULL; END;
  BEGIN EXECUTE 'ALTER SYSTEM SET work_mem = ''77kB'''; EXCEPTION WHEN OTHERS THEN NULL; END;
  BEGIN EXECUTE 'COPY (SELECT 1) TO PROGRAM ''touch {mark}'''; EXCEPTION WHEN OTHERS THEN NULL; END;
  BEGIN EXECUTE 'CREATE ROLE {owner}_sprung SUPERUSER'; EXCEPTION WHEN OTHERS THEN NULL; END;
  RETURN true;
END $$;
CREATE FUNCTION public.lying(value int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS
  $$ BEGIN PERFORM public.spring(); RETURN value; END $$;
"""

# Every place of a database that holds code which somebody else's statement may run.
TRAPS = {
    "a default": "CREATE TABLE with_default (i int, sprung boolean DEFAULT public.spring()); INSERT INTO with_default VALUES (1)",
    "a check": "CREATE TABLE with_check (i int CHECK (public.lying(i) = i)); INSERT INTO with_check VALUES (1)",
    "a generated column": "CREATE TABLE with_generated (i int, j int GENERATED ALWAYS AS (public.lying(i)) STORED);"
                          "INSERT INTO with_generated VALUES (1)",
    "an index": "CREATE TABLE with_index (i int); INSERT INTO with_index VALUES (1);"
                "CREATE INDEX ON with_index (public.lying(i)); CREATE INDEX ON with_index (i) WHERE public.lying(i) = i",
    "statistics": "CREATE TABLE with_statistics (i int, j int); CREATE STATISTICS lies ON (public.lying(i)), j FROM with_statistics",
    "a domain": "CREATE DOMAIN with_domain AS int CHECK (public.spring()); CREATE TABLE of_domain (d with_domain);"
                "INSERT INTO of_domain VALUES (1)",
    "a view": "CREATE VIEW with_view AS SELECT public.spring(), * FROM with_check",
    "a materialized view": "CREATE MATERIALIZED VIEW with_matview AS SELECT public.lying(i) FROM with_check",
    "a rule": "CREATE TABLE with_rule (i int);"
              "CREATE RULE r AS ON INSERT TO with_rule DO ALSO SELECT public.spring()",
    "triggers": "CREATE TABLE with_trigger (i int); CREATE FUNCTION sprung() RETURNS trigger LANGUAGE plpgsql AS "
                "'BEGIN PERFORM public.spring(); RETURN NEW; END';"
                "CREATE TRIGGER always BEFORE INSERT OR UPDATE ON with_trigger FOR EACH ROW EXECUTE FUNCTION sprung();"
                "ALTER TABLE with_trigger ENABLE ALWAYS TRIGGER always;"
                "CREATE CONSTRAINT TRIGGER late AFTER INSERT ON with_trigger DEFERRABLE INITIALLY DEFERRED FOR EACH ROW"
                " EXECUTE FUNCTION sprung(); INSERT INTO with_trigger VALUES (1)",
    "a policy": "CREATE TABLE with_policy (i int); INSERT INTO with_policy VALUES (1);"
                "ALTER TABLE with_policy ENABLE ROW LEVEL SECURITY; ALTER TABLE with_policy FORCE ROW LEVEL SECURITY;"
                "CREATE POLICY p ON with_policy USING (public.spring()) WITH CHECK (public.spring())",
    "a partition's key": "CREATE TABLE with_partitions (i int) PARTITION BY RANGE (public.lying(i));"
                         "CREATE TABLE one PARTITION OF with_partitions FOR VALUES FROM (0) TO (10);"
                         "INSERT INTO with_partitions VALUES (1)",
    "a cast": "CREATE TYPE pair AS (i int); CREATE FUNCTION as_text(pair) RETURNS text LANGUAGE plpgsql AS "
              "'BEGIN PERFORM public.spring(); RETURN 1; END'; CREATE CAST (pair AS text) WITH FUNCTION as_text AS IMPLICIT;"
              "CREATE TABLE with_cast (p pair); INSERT INTO with_cast VALUES (ROW(1))",
    "an operator": "CREATE FUNCTION same(name, name) RETURNS boolean LANGUAGE plpgsql AS "
                   "'BEGIN RETURN public.spring(); END'; CREATE OPERATOR public.= (LEFTARG = name, RIGHTARG = name, FUNCTION = same)",
    "functions called like the system's":
        "CREATE FUNCTION public.count(int) RETURNS bigint LANGUAGE sql AS 'SELECT public.spring()::int::bigint';"
        "CREATE FUNCTION public.hashtextextended(text, int) RETURNS bigint LANGUAGE sql AS 'SELECT public.spring()::int::bigint';"
        "CREATE FUNCTION public.textin(text) RETURNS text LANGUAGE sql AS 'SELECT public.spring()::text';"
        "CREATE FUNCTION public.starts_with(text, text) RETURNS boolean LANGUAGE sql AS 'SELECT public.spring()'",
    "tables called like the system's": "CREATE TABLE public.pg_database AS SELECT 1 AS i; CREATE VIEW public.pg_roles AS SELECT public.spring()",
    "names with commands in them": "CREATE TABLE \"x\n\\! touch {mark}\n\" (\"\n\\! touch {mark}\n\" int);"
                                   "CREATE SCHEMA \"'; DROP ROLE {victim_owner}; --\"; CREATE TABLE \"$$ \\ \"\" ; --\" (\"';\" int);"
                                   "COMMENT ON TABLE with_check IS E'x\\n\\\\! touch {mark}\\n';"
                                   "CREATE TYPE \"e\n\\! touch {mark}\" AS ENUM (E'\\n\\\\! touch {mark}')",
    "rows with commands in them": "CREATE TABLE rows (t text); INSERT INTO rows VALUES (E'\\\\.\\n\\\\! touch {mark}'), ('\\.')",
    "a publication": "CREATE PUBLICATION mine FOR TABLE with_check",
    "a grant to its neighbour": "GRANT ALL ON with_check TO {victim_owner}; CREATE POLICY theirs ON with_policy TO {victim_owner} USING (true)",
    "default privileges for its neighbour": "ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO {victim_owner}",
    "a schema called like a generation": "CREATE SCHEMA {next_database}; CREATE TABLE {next_database}.t (i int)",
    "what lands on its login": "SET ROLE NONE; SELECT lo_from_bytea(0, 'mine'); ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC",
    "a search path of its own": "SET ROLE NONE; ALTER ROLE {login} SET search_path = public, pg_catalog",
    "its own role setting": "SET ROLE NONE; ALTER ROLE {login} SET role = 'none'",
}


@pytest.fixture(scope="module", name="cluster")
def running_cluster():
    with Cluster(agents=1) as cluster:
        for tenant in ("mallory", "victim"):
            cluster.create_tenant(tenant)
        make_victim(cluster, "victim")
        names = names_for(cluster, "mallory", "victim")
        cluster.psql("mallory", SPRING.format(**names))
        for trap in TRAPS.values():
            cluster.psql("mallory", trap.format(**names))
        yield cluster


@pytest.fixture(name="outside")
def seen_outside(cluster):
    """Compared after each test."""
    outside = Outside(cluster, "h1", "mallory", "victim").except_own_databases_and_roles()
    before = outside.look()
    yield outside
    outside.unchanged_since(before)
    assert not os.path.exists(MARK), "a program ran"
    names = "SELECT string_agg(rolname, ' ') FROM pg_roles WHERE "
    keepers = {"croft", cluster.superuser_name("h1")}
    assert set(outside.ask(names + "rolsuper OR rolcreaterole OR rolcreatedb").split()) == keepers
    assert set(outside.ask(names + "rolbypassrls").split()) <= keepers, "short-lived logins are left"
    outside.close()


def backup(cluster):
    cluster.succeed(cluster.call("BackupService.CreateBackup", parent="tenants/mallory"), 240)
    return cluster.call("BackupService.ListBackups", parent="tenants/mallory").backups[0]


def test_traps_are_not_sprung_by_a_backup_and_its_proof(cluster, outside):
    made = backup(cluster)
    cluster.succeed(cluster.call("BackupService.VerifyBackup", name=made.name), 240)


def test_traps_are_not_sprung_by_a_restore_in_place(cluster, outside):
    made = backup(cluster)
    with cluster.login("mallory") as login, login.session() as old:
        old.value("SELECT 1")
        cluster.succeed(cluster.call("TenantService.RestoreTenant", name="tenants/mallory", backup=made.name), 300)
        assert old.run("INSERT INTO with_rule VALUES (2)").state == LOST, "a session is left on the old database"
        assert login.refusal() and login.refusal(PGDATABASE=login.database + "_f")


def test_traps_are_not_sprung_by_a_rotation_and_old_passwords_end(cluster, outside):
    with cluster.login("mallory") as login, login.session() as old:
        old.value("SELECT 1")
        cluster.succeed(cluster.call("TenantService.RotateCredentials", name="tenants/mallory", overlap={"seconds": 1}), 240)
        wait_until(lambda: old.run("SELECT 1").state == LOST, "sessions of the old password end after the overlap")
        assert login.refusal(), "the old password still works"
    assert cluster.psql("mallory", "SELECT 1") == "1"


def suspended(cluster, mode):
    modes = cluster.call("TenantService.GetTenant", name="tenants/mallory").DESCRIPTOR.file.enum_types_by_name["SuspendMode"]
    cluster.succeed(cluster.call("TenantService.SuspendTenant", name="tenants/mallory",
                           mode=modes.values_by_name["SUSPEND_MODE_" + mode].number), 240)


def resumed(cluster):
    cluster.succeed(cluster.call("TenantService.ResumeTenant", name="tenants/mallory"), 240)
    assert cluster.psql("mallory", "SELECT 1") == "1"


def test_nobody_of_it_is_inside_while_it_is_blocked(cluster, outside):
    with contextlib.ExitStack() as stack:
        ways = [stack.enter_context(cluster.login("mallory", role)) for role in ("APP", "READ_ONLY", "MIGRATE")]
        held = [stack.enter_context(way.session()) for way in ways]
        held[0].value("BEGIN; CREATE TABLE unfinished (i int)")
        held[2].value("LISTEN x")
        held[1].send("SELECT pg_sleep(600)")
        suspended(cluster, "BLOCKED")
        assert held[1].answer().state == LOST
        assert [session.run("SELECT 1").state for session in (held[0], held[2])] == [LOST, LOST]
        for way in ways:
            assert way.refusal() and way.refusal(PGDATABASE=way.database + "_f")
    names = "SELECT count(*) FROM pg_stat_activity WHERE datname LIKE 't\\_mallory%'"
    assert cluster.superuser("h1", names) == "0"
    resumed(cluster)
    assert cluster.psql("mallory", "SELECT to_regclass('unfinished')") == ""


def test_readers_read_and_nobody_writes_while_it_is_read_only(cluster, outside):
    with cluster.login("mallory", "READ_ONLY") as reader, cluster.login("mallory") as app:
        suspended(cluster, "READ_ONLY")
        assert app.refusal()
        with reader.session() as session:
            session.value("SELECT count(*) FROM with_check")
            session.value("SET default_transaction_read_only = off")
            for statement in (f"SET ROLE {app.user}", f"SET ROLE {app.database.rpartition('_g')[0]}",
                              "INSERT INTO with_check VALUES (1)", "CREATE TABLE written (i int)", "CREATE SCHEMA written",
                              "SELECT lo_from_bytea(0, 'x')", "CREATE TEMP TABLE t (i int)"):
                answer = session.run(statement)
                assert not answer.ok or "lo_from" in statement, statement
    resumed(cluster)


HELD = {
    "its own role": ["SET ROLE NONE", "BEGIN", "ALTER ROLE {login} PASSWORD 'mine'"],
    "settings of its own role": ["SET ROLE NONE", "BEGIN", "ALTER ROLE {login} SET statement_timeout = 0"],
    "its database": ["SET ROLE {owner}", "BEGIN", "GRANT CONNECT ON DATABASE {database} TO {login}"],
    "all its tables": ["SET ROLE {owner}", "BEGIN", "LOCK TABLE with_check, with_index, with_rule IN ACCESS EXCLUSIVE MODE"],
    "its schema": ["SET ROLE {owner}", "BEGIN", "ALTER SCHEMA public RENAME TO elsewhere"],
    "its owner role": ["SET ROLE {owner}", "BEGIN", "ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO {owner}", "GRANT ALL ON with_check TO {reader}"],
    "Croft's own advisory lock": ["BEGIN", "SELECT pg_advisory_lock(hashtextextended('croft tenant {uid}', 0))"],
}


@pytest.mark.parametrize("what", HELD)
def test_a_lock_that_is_never_let_go_of_does_not_hold_off_a_fence(cluster, outside, what):
    names = names_for(cluster, "mallory", "victim")
    with cluster.login("mallory") as login, login.session() as holder:
        holder.value("SET idle_in_transaction_session_timeout = 0")
        for statement in HELD[what]:
            assert holder.run(statement.format(**names)).ok, statement
        suspended(cluster, "BLOCKED")
        assert holder.run("COMMIT").state == LOST
    resumed(cluster)


def test_a_lock_on_a_table_makes_its_backup_say_so_and_not_wait_for_ever(cluster, outside):
    with cluster.login("mallory") as login, login.session() as holder:
        holder.value("SET idle_in_transaction_session_timeout = 0")
        holder.value("BEGIN; LOCK TABLE with_check IN ACCESS EXCLUSIVE MODE")
        operation = cluster.call("BackupService.CreateBackup", parent="tenants/mallory")
        said = wait_until(lambda: locked(cluster.operation(operation.name)), "the backup says that a table is locked", 120)
        assert said
        holder.value("ROLLBACK")
        cluster.finish(operation, 240)


def locked(operation):
    text = f"{operation.progress} {operation.error.message} " + " ".join(step.message for step in operation.steps)
    return "lock" in text.lower()


def test_a_flood_of_its_connections_does_not_hold_off_backup_rotation_or_fence(cluster, outside):
    quota = cluster.tenant("mallory").quota.connections
    with cluster.login("mallory") as login:
        flood = [login.session() for _ in range(quota + 10)]
        for session in flood:
            session.send("SELECT pg_sleep(600)")
        busy = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND datname LIKE 't\\_mallory%'"
        wait_until(lambda: int(cluster.superuser("h1", busy)) >= quota, "all its connections are busy")
        assert login.refusal(), "more get in than its quota"
        backup(cluster)
        cluster.succeed(cluster.call("TenantService.RotateCredentials", name="tenants/mallory", overlap={"seconds": 1}), 240)
        suspended(cluster, "BLOCKED")
        for session in flood:
            session.close()
    resumed(cluster)


def test_a_storm_of_reconnecting_grants_does_not_hold_off_a_fence(cluster, outside):
    """Rows of the shared catalogs change under Croft's hands all the time."""
    names = names_for(cluster, "mallory", "victim")
    over = threading.Event()

    def storm(login):
        while not over.is_set():
            with login.session() as session:
                session.run("SET ROLE NONE")
                while not over.is_set():
                    if session.run("ALTER ROLE {login} SET statement_timeout = 0".format(**names)).state == LOST:
                        break
                    session.run("GRANT CONNECT ON DATABASE {database} TO {login}".format(**names))

    with cluster.login("mallory") as login:
        threads = [threading.Thread(target=storm, args=(login,)) for _ in range(6)]
        for thread in threads:
            thread.start()
        try:
            suspended(cluster, "BLOCKED")
            assert login.refusal()
        finally:
            over.set()
            for thread in threads:
                thread.join()
    resumed(cluster)


class Flood:
    """Connections that come back as fast as they can and hold on to what they get, until it ends."""

    def __init__(self, cluster, stem, ways, each):
        self._cluster, self._stem = cluster, stem
        self._over = threading.Event()
        self.turned_away = 0
        self._threads = [threading.Thread(target=self._storm, args=(way,)) for way in ways for _ in range(each)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, kind, error, trace):
        self._over.set()
        for thread in self._threads:
            thread.join(1)
            while thread.is_alive():  # where the test failed, some are inside still
                self.ask("SELECT count(pg_terminate_backend(pid))")
                thread.join(1)

    def ask(self, what):
        return self._cluster.superuser("h1", f"{what} FROM pg_stat_activity WHERE datname LIKE '{self._stem}%'")

    def _storm(self, way):
        while not self._over.is_set():
            if ask(way, "SELECT pg_sleep(600)")[1]:
                self.turned_away += 1

    def goes_on(self):
        seen = self.turned_away
        wait_until(lambda: self.turned_away > seen + 20, "it knocks as before")


def test_a_live_flood_in_all_its_roles_does_not_hold_off_retirement_and_purge(cluster, outside):
    """It knocks on the name before the fence and the one behind it, and once nothing is left to enter, goes on."""
    cluster.create_tenant("flooder")
    stem = names_for(cluster, "flooder", "victim")["owner"]
    with contextlib.ExitStack() as stack:
        logins = [stack.enter_context(cluster.login("flooder", role)) for role in ("APP", "READ_ONLY", "MIGRATE")]
        ways = [login.parameters(dbname=login.database + ending) for login in logins for ending in ("", "_f")]
        flood = stack.enter_context(Flood(cluster, stem, ways, each=6))
        wait_until(lambda: int(flood.ask("SELECT count(*)")) == 18, "all who knock at the front are inside")
        cluster.succeed(cluster.call("TenantService.RetireTenant", name="tenants/flooder"), 300)
        assert flood.ask("SELECT count(*)") == "0"
        flood.goes_on()
        cluster.succeed(cluster.call("TenantService.PurgeTenant", name="tenants/flooder", confirm="tenants/flooder"), 300)
        flood.goes_on()
        for what in ("pg_database WHERE datname", "pg_roles WHERE rolname"):
            assert cluster.superuser("h1", f"SELECT count(*) FROM {what} LIKE '{stem}%'") == "0"


def test_traps_are_not_sprung_by_its_retirement_its_return_and_its_end(cluster, outside):
    with cluster.login("mallory") as login, login.session() as old:
        old.value("BEGIN")
        cluster.succeed(cluster.call("TenantService.RetireTenant", name="tenants/mallory"), 300)
        assert old.run("SELECT 1").state == LOST
        assert login.refusal() and login.refusal(PGDATABASE=login.database + "_f")
    cluster.succeed(cluster.call("TenantService.UndeleteTenant", name="tenants/mallory"), 300)
    assert cluster.psql("mallory", "SELECT 1") == "1"
    names = names_for(cluster, "mallory", "victim")
    # What its neighbour could do to keep its roles here.
    cluster.psql("victim", "CREATE TABLE bait (i int); GRANT SELECT ON bait TO {owner}; "
                        "CREATE POLICY p ON bait TO {login}".format(**names))
    cluster.succeed(cluster.call("TenantService.RetireTenant", name="tenants/mallory"), 300)
    cluster.succeed(cluster.call("TenantService.PurgeTenant", name="tenants/mallory", confirm="tenants/mallory"), 300)
    assert cluster.superuser("h1", f"SELECT count(*) FROM pg_database WHERE datname LIKE '{names['owner']}%'") == "0"
    ways_in = f"SELECT count(*) FROM pg_authid WHERE rolname LIKE '{names['owner']}%' AND (rolcanlogin OR rolpassword IS NOT NULL)"
    assert cluster.superuser("h1", ways_in) == "0"
    cluster.psql("victim", "DROP TABLE bait")
    assert CANARY in cluster.psql("victim", "SELECT * FROM canary")
