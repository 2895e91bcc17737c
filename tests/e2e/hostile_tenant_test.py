"""A tenant that tries everything SQL lets it try. Each attempt has a name; after each one nothing outside the
tenant's own database has changed, and nobody else's canary row was read.

What it tries while Croft works on its database is in hostile_work_test.py.
"""
import os

import pytest
from cluster import Cluster
from hostile import CANARY, Outside, make_victim, names_for

# Attempts that must be refused: what is tried, and the statements, of which the last is the one that counts.
# {login}, {owner}, {reader}, {database} are the tenant's own, {victim_…} its neighbour's on the same server.
REFUSED = {
    # --- more rights for its own roles
    "make itself a superuser": "ALTER ROLE CURRENT_USER SUPERUSER",
    "make its login a superuser": ["SET ROLE NONE", "ALTER ROLE {login} SUPERUSER"],
    "give itself CREATEROLE": "ALTER ROLE CURRENT_USER CREATEROLE",
    "give itself CREATEDB": "ALTER ROLE CURRENT_USER CREATEDB",
    "give itself BYPASSRLS": "ALTER ROLE CURRENT_USER BYPASSRLS",
    "give itself REPLICATION": "ALTER ROLE CURRENT_USER REPLICATION",
    "let its owner role log in": "ALTER ROLE {owner} LOGIN PASSWORD 'x'",
    "lift its connection limit": ["SET ROLE NONE", "ALTER ROLE {login} CONNECTION LIMIT -1"],
    "make its login inherit": ["SET ROLE NONE", "ALTER ROLE {login} INHERIT"],
    "rename its login": ["SET ROLE NONE", "ALTER ROLE {login} RENAME TO t_other"],
    "make a role": "CREATE ROLE t_evil LOGIN PASSWORD 'x'",
    "make a role that a fence would not find": "CREATE ROLE {owner}_x LOGIN IN ROLE {owner}",
    "make a database": "CREATE DATABASE evil",
    "take the right to run programs": "GRANT pg_execute_server_program TO CURRENT_USER",
    "take the right to read everything": "GRANT pg_read_all_data TO CURRENT_USER",
    "take the right to write everything": "GRANT pg_write_all_data TO CURRENT_USER",
    "take the right to signal others": "GRANT pg_signal_backend TO CURRENT_USER",
    "take the right to read settings": "GRANT pg_read_all_settings TO CURRENT_USER",
    "join the agent's role": "GRANT croft TO CURRENT_USER",
    "join its neighbour": "GRANT {victim_owner} TO CURRENT_USER",
    "give away its owner role": ["SET ROLE NONE", "GRANT {owner} TO {victim_owner}"],
    "write the catalog of roles": "UPDATE pg_authid SET rolsuper = true WHERE rolname = '{owner}'",
    "write the catalog of memberships": "INSERT INTO pg_auth_members SELECT * FROM pg_auth_members",
    # --- becoming somebody else
    "become the agent by SET ROLE": "SET ROLE croft",
    "become its neighbour by SET ROLE": "SET ROLE {victim_owner}",
    "become its neighbour by set_config": "SELECT set_config('role', '{victim_owner}', false)",
    "become the agent by session authorization": "SET SESSION AUTHORIZATION croft",
    "become its neighbour by session authorization": "SET SESSION AUTHORIZATION {victim_login}",
    "have the agent own its function": [
        "CREATE FUNCTION evil() RETURNS int SECURITY DEFINER LANGUAGE sql AS 'SELECT 1'",
        "ALTER FUNCTION evil() OWNER TO croft"],
    "have its neighbour own its table": ["CREATE TABLE gift (i int)", "ALTER TABLE gift OWNER TO {victim_owner}"],
    "make a schema for the agent": "CREATE SCHEMA AUTHORIZATION croft",
    "hand its neighbour's objects to itself": "REASSIGN OWNED BY {victim_owner} TO CURRENT_USER",
    "drop what the agent owns": "DROP OWNED BY croft",
    "set the agent's default privileges": "ALTER DEFAULT PRIVILEGES FOR ROLE croft GRANT ALL ON TABLES TO {owner}",
    "set its neighbour's default privileges":
        "ALTER DEFAULT PRIVILEGES FOR ROLE {victim_owner} GRANT ALL ON TABLES TO {owner}",
    # --- other people's roles
    "drop its neighbour's role": "DROP ROLE {victim_login}",
    "set its neighbour's password": "ALTER ROLE {victim_login} PASSWORD 'x'",
    "set the agent's password": "ALTER ROLE croft PASSWORD 'x'",
    "lock its neighbour out": "ALTER ROLE {victim_login} NOLOGIN",
    "set its neighbour's search path": "ALTER ROLE {victim_login} SET search_path = evil",
    "set everybody's search path": "ALTER ROLE ALL SET search_path = evil",
    "set the agent's search path": "ALTER ROLE croft SET search_path = evil",
    "comment on its neighbour's role": "COMMENT ON ROLE {victim_owner} IS 'evil'",
    # --- its own database and others
    "own its database": "ALTER DATABASE {database} OWNER TO CURRENT_USER",
    "lift its database's connection limit": "ALTER DATABASE {database} CONNECTION LIMIT -1",
    "set its database's timeouts": "ALTER DATABASE {database} SET statement_timeout = 0",
    "rename its database": "ALTER DATABASE {database} RENAME TO evil",
    "close its database to Croft": "ALTER DATABASE {database} ALLOW_CONNECTIONS false",
    "make its database a template": "ALTER DATABASE {database} IS_TEMPLATE true",
    "drop its database": "DROP DATABASE {database}",
    "drop its neighbour's database": "DROP DATABASE {victim_database} WITH (FORCE)",
    "forge the tag of its database": "COMMENT ON DATABASE {database} IS 'croft uid={victim_uid} generation=99'",
    "forge the tag of its neighbour's database": "COMMENT ON DATABASE {victim_database} IS 'croft uid=x generation=1'",
    "let itself into its neighbour's database": "GRANT CONNECT ON DATABASE {victim_database} TO {owner}",
    "let itself into the agent's database": "GRANT CONNECT ON DATABASE postgres TO {owner}",
    "copy its neighbour's database": "CREATE DATABASE evil TEMPLATE {victim_database}",
    "measure its neighbour's database": "SELECT pg_database_size('{victim_database}')",
    "write the catalog of databases": "UPDATE pg_database SET datallowconn = true",
    "label its database": "SECURITY LABEL ON DATABASE {database} IS 'evil'",
    # --- the machine
    "run a program by COPY TO": "COPY (SELECT 1) TO PROGRAM 'touch {mark}'",
    "run a program by COPY FROM": ["CREATE TABLE got (line text)", "COPY got FROM PROGRAM 'id'"],
    "read a file by COPY": ["CREATE TABLE lines (line text)", "COPY lines FROM '/etc/passwd'"],
    "write a file by COPY": "COPY (SELECT 1) TO '{mark}'",
    "read a file by pg_read_file": "SELECT pg_read_file('/etc/passwd')",
    "read a file by pg_read_binary_file": "SELECT pg_read_binary_file('pg_hba.conf')",
    "list a folder": "SELECT pg_ls_dir('/')",
    "list the logs": "SELECT pg_ls_logdir()",
    "list the write-ahead log": "SELECT pg_ls_waldir()",
    "list temporary files": "SELECT pg_ls_tmpdir()",
    "read the log": "SELECT pg_current_logfile()",
    "look at a file": "SELECT pg_stat_file('/etc/passwd')",
    "import a file as a large object": "SELECT lo_import('/etc/passwd')",
    "export a large object to a file": ["SELECT lo_from_bytea(4711, 'x')", "SELECT lo_export(4711, '{mark}')"],
    "load a library": "LOAD '/tmp/evil.so'",
    "make a function of a library": "CREATE FUNCTION sys(cstring) RETURNS int LANGUAGE c AS '/lib/x86_64-linux-gnu/libc.so.6', 'system'",
    "make an internal function": "CREATE FUNCTION evil2(text) RETURNS text LANGUAGE internal AS 'pg_read_file_all'",
    "make a language": "CREATE LANGUAGE evil HANDLER plpgsql_call_handler",
    "preload a library": "SET session_preload_libraries = 'evil'",
    "make a tablespace": "CREATE TABLESPACE evil LOCATION '/tmp'",
    # --- the server
    "change the server's settings": "ALTER SYSTEM SET listen_addresses = '*'",
    "reload the server": "SELECT pg_reload_conf()",
    "rotate the log": "SELECT pg_rotate_logfile()",
    "make a checkpoint": "CHECKPOINT",
    "switch the write-ahead log": "SELECT pg_switch_wal()",
    "begin a backup of the server": "SELECT pg_backup_start('evil')",
    "set a restore point": "SELECT pg_create_restore_point('evil')",
    "promote the server": "SELECT pg_promote()",
    "reset statistics": "SELECT pg_stat_reset()",
    "reset the server's statistics": "SELECT pg_stat_reset_shared('bgwriter')",
    "log what it likes": "SET log_statement = 'all'",
    "lift the limit of temporary files": "SET temp_file_limit = -1",
    "write despite errors of the disk": "SET zero_damaged_pages = on",
    "write the system's tables": "SET allow_system_table_mods = on",
    "skip integrity by a replica's role": "SET session_replication_role = replica",
    "make a replication slot": "SELECT pg_create_physical_replication_slot('evil', true)",
    "make a logical slot": "SELECT pg_create_logical_replication_slot('evil', 'test_decoding')",
    "make a replication origin": "SELECT pg_replication_origin_create('evil')",
    "publish all tables": "CREATE PUBLICATION evil FOR ALL TABLES",
    "subscribe to elsewhere": "CREATE SUBSCRIPTION evil CONNECTION 'host=127.0.0.1' PUBLICATION p WITH (connect = false)",
    "prepare a transaction that outlives it": ["BEGIN", "CREATE TABLE p (i int)", "PREPARE TRANSACTION 'evil'"],
    "rebuild the catalogs": "REINDEX SYSTEM {database}",
    # --- secrets
    "read the verifiers": "SELECT rolpassword FROM pg_authid",
    "read the shadow file": "SELECT passwd FROM pg_shadow",
    "read who may connect how": "SELECT * FROM pg_hba_file_rules",
    "read the configuration files": "SELECT * FROM pg_file_settings",
    "read subscriptions' passwords": "SELECT subconninfo FROM pg_subscription",
    "read others' statistics of columns": "SELECT * FROM pg_statistic",
    # --- a foot in the door for later
    "hook into every command": [
        "CREATE FUNCTION hook() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'",
        "CREATE EVENT TRIGGER evil ON ddl_command_start EXECUTE FUNCTION hook()"],
    "put a table among the system's": "CREATE TABLE pg_catalog.evil (i int)",
    "put a function among the system's": "CREATE FUNCTION pg_catalog.evil() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "replace a function of the system's":
        "CREATE OR REPLACE FUNCTION pg_catalog.now() RETURNS timestamptz LANGUAGE sql AS 'SELECT NULL::timestamptz'",
    "make a schema like the system's": "CREATE SCHEMA pg_evil",
    "make a type of its own bytes": "CREATE TYPE evil (INPUT = textin, OUTPUT = textout)",
    "make a cast without a function": "CREATE CAST (int AS bytea) WITHOUT FUNCTION",
    "make an access method": "CREATE ACCESS METHOD evil TYPE INDEX HANDLER bthandler",
    "make an operator class": "CREATE OPERATOR CLASS evil FOR TYPE int USING btree AS OPERATOR 1 <",
    "make a foreign data wrapper": "CREATE FOREIGN DATA WRAPPER evil",
    "connect elsewhere by dblink": "CREATE EXTENSION dblink",
    "connect elsewhere by postgres_fdw": "CREATE EXTENSION postgres_fdw",
    "read files by file_fdw": "CREATE EXTENSION file_fdw",
    "read files by adminpack": "CREATE EXTENSION adminpack",
    "watch others by pg_stat_statements": "CREATE EXTENSION pg_stat_statements",
    "look into pages": "CREATE EXTENSION pageinspect",
    "copy an extension's script": "CREATE EXTENSION hstore VERSION '../../../../../tmp/evil'",
}

# What may go well, since it stays inside: judged by what has changed outside, and by what was printed.
HARMLESS = {
    "grant on its database without the right to": "GRANT CONNECT ON DATABASE {database} TO PUBLIC",
    "revoke on its database": "REVOKE ALL ON DATABASE {database} FROM {reader}",
    "give its login to its neighbour": ["SET ROLE NONE", "GRANT {login} TO {victim_owner}"],
    "give its login to a role of the server's": ["SET ROLE NONE", "GRANT {login} TO pg_monitor"],
    "grant its table to its neighbour": ["CREATE TABLE bait (i int)", "GRANT ALL ON bait TO {victim_owner}"],
    "write a policy for its neighbour": "CREATE POLICY evil ON canary TO {victim_owner} USING (true)",
    "make schemas called like databases": "CREATE SCHEMA {victim_database}_g2",
    "publish its own tables": "CREATE PUBLICATION mine FOR TABLE canary",
    "read the list of sessions": "SELECT usename, query FROM pg_stat_activity",
    "read the list of locks": "SELECT * FROM pg_locks",
    "read comments on databases": "SELECT shobj_description(oid, 'pg_database') FROM pg_database",
    "take a snapshot of another database": "SET TRANSACTION SNAPSHOT '00000003-00000001-1'",
    "end its neighbour's sessions":
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{victim_login}'",
    "end the agent's sessions": "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'croft'",
    "cancel the agent's statements": "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE usename = 'croft'",
    "have the agent log its memory": "SELECT pg_log_backend_memory_contexts(pid) FROM pg_stat_activity",
    "vacuum the shared catalogs": "VACUUM FULL pg_database",
    "lock a shared catalog": ["BEGIN", "LOCK TABLE pg_database IN ACCESS EXCLUSIVE MODE"],
    "take the agent's advisory lock": "SELECT pg_advisory_lock(hashtextextended('croft tenant {victim_uid}', 0))",
    "shout on the neighbour's channel": "SELECT pg_notify('victim', 'evil')",
    "keep tables of its neighbour's oids": "SELECT lo_create(16384)",
    "install an extension into the system's schema": "CREATE EXTENSION citext SCHEMA pg_catalog",
    "change its own settings": ["SET ROLE NONE", "ALTER ROLE {login} SET statement_timeout = 0"],
    "change its own role setting": ["SET ROLE NONE", "ALTER ROLE {login} SET role = 'none'"],
}


@pytest.fixture(scope="module", name="cluster")
def running_cluster():
    with Cluster(agents=1, setup=("--revoke-public-connect",)) as cluster:
        for tenant in ("mallory", "victim"):
            cluster.create_tenant(tenant)
        yield cluster


@pytest.fixture(scope="module", name="outside")
def seen_outside(cluster):
    make_victim(cluster, "victim")
    cluster.psql("mallory", "CREATE TABLE canary (secret text)")
    outside = Outside(cluster, "h1", "mallory", "victim")
    yield outside
    outside.close()


@pytest.fixture(scope="module", name="names")
def names_of_both(cluster):
    return names_for(cluster, "mallory", "victim")


@pytest.fixture(scope="module", name="mallory")
def her_login(cluster):
    with cluster.login("mallory") as login:
        yield login


def attempt(mallory, names, outside, statements):
    """The Answer to the last statement, in a session of its own; fails when it had an effect outside."""
    before = outside.look()
    with mallory.session() as session:
        answers = [session.run(one.format(**names)) for one in ([statements] if isinstance(statements, str) else statements)]
    outside.unchanged_since(before)
    assert not os.path.exists(names["mark"]), "a file was written"
    for answer in answers:
        assert CANARY not in answer.text, "its neighbour's row was read"
    assert all(answer.ok for answer in answers[:-1]), f"the way to the attempt failed: {answers}"
    return answers[-1]


# What PostgreSQL says to those who may not: no right, not the owner, not there, not possible, not allowed here.
NO = {"42501", "0A000", "42704", "58P01", "55000", "42939", "42P17", "22023", "2BP01", "0LP01", "3F000", "55P02", "42809", "0P000"}


PREPARE = "prepare a transaction that outlives it"


@pytest.mark.parametrize("what", REFUSED)
def test_it_cannot(cluster, mallory, names, outside, what):
    if what == PREPARE and cluster.external():
        return leaves_a_prepared_transaction_of_its_own(mallory, names, outside)
    answer = attempt(mallory, names, outside, REFUSED[what])
    assert answer.state in NO, answer


def leaves_a_prepared_transaction_of_its_own(mallory, names, outside):
    """What docs/security.md says of servers that allow them: it is in the tenant's own database and under its own name."""
    before = outside.look()
    with mallory.session() as session:
        assert [session.run(one).ok for one in REFUSED[PREPARE]] == [True] * len(REFUSED[PREPARE])
        assert outside.ask("SELECT owner, database FROM pg_prepared_xacts") == f"{names['owner']}|{names['database']}"
        session.value("ROLLBACK PREPARED 'evil'")
    outside.unchanged_since(before)


@pytest.mark.parametrize("what", HARMLESS)
def test_it_harms_nobody_when_it_tries_to(mallory, names, outside, what):
    attempt(mallory, names, outside, HARMLESS[what])


DOORS = {
    "its neighbour's": "{victim_database}",
    "the agent's": "postgres",
    "the template": "template1",
    "the clean template": "template0",
    "its next generation": "{next_database}",
    "its sealed name": "{database}_f",
}


@pytest.mark.parametrize("door", DOORS)
def test_it_enters_no_other_database(cluster, names, outside, door):
    before = outside.look()
    for role in ("APP", "READ_ONLY", "MIGRATE"):
        with cluster.login("mallory", role) as login:
            assert login.refusal(PGDATABASE=DOORS[door].format(**names))
    outside.unchanged_since(before)


# By the role's rights, in the words of 15 and of later versions; or not let in by pg_hba.conf, which says so in its own words.
NO_REPLICATION = ("must be superuser or replication role", "permission denied to start WAL sender",
                  "no pg_hba.conf entry for replication connection")


def test_it_enters_by_no_other_role_nor_without_tls_nor_as_a_replica(mallory, names):
    for user in ("croft", "postgres", names["owner"], names["reader"], names["victim_login"], names["victim_owner"]):
        assert mallory.refusal(PGUSER=user), user
        assert mallory.refusal(PGUSER=user, PGDATABASE=names["victim_database"]), user
    assert "no encryption" in mallory.refusal(PGSSLMODE="disable")
    for replication in (f"dbname={names['database']} replication=database", "replication=true"):
        assert any(words in mallory.refusal(replication) for words in NO_REPLICATION)
    assert mallory.refusal() is None, "it does get in by its own way"


def test_what_others_do_is_hidden_from_it(cluster, mallory):
    with cluster.login("victim") as theirs, theirs.session() as busy:
        busy.run(f"SELECT '{CANARY}' AS running")
        with mallory.session() as session:
            text = session.value("SELECT coalesce(query, ''), coalesce(client_addr::text, '') FROM pg_stat_activity "
                                 "WHERE usename <> session_user")
            assert CANARY not in text
            notified = session.run("LISTEN victim")
            busy.value("NOTIFY victim, 'secret'")
            assert notified.ok and "secret" not in session.value("SELECT 1")


def test_there_are_enough_attempts_to_mean_something():
    assert len(REFUSED) + len(HARMLESS) + len(DOORS) >= 60
