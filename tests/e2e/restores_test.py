"""Backups of one PostgreSQL version restored on servers of it and of every later one. CROFT_TEST_RESTORES names the
versions; all that there are otherwise."""
import itertools
import os

import pytest
from cluster import Cluster
from external import VERSIONS

CHOSEN = os.environ.get("CROFT_TEST_RESTORES", " ".join(VERSIONS)).split()
SCHEMA = """
CREATE EXTENSION citext;
CREATE TYPE mood AS ENUM ('sad', 'ok');
CREATE TABLE people (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name citext NOT NULL, mood mood, born date,
                     twice int GENERATED ALWAYS AS (1 + 1) STORED, CHECK (born > '1900-01-01'));
CREATE TABLE events (at timestamptz NOT NULL, what text) PARTITION BY RANGE (at);
CREATE TABLE events_2026 PARTITION OF events FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE INDEX ON people (lower(name::text));
CREATE VIEW happy AS SELECT * FROM people WHERE mood = 'ok';
CREATE FUNCTION shout(text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT upper($1)';
ALTER TABLE people ENABLE ROW LEVEL SECURITY;
CREATE POLICY all_of_them ON people USING (true);
INSERT INTO people (name, mood, born) SELECT 'n' || i, 'ok', '2000-01-01'::date + i FROM generate_series(1, 1000) AS i;
INSERT INTO events SELECT '2026-06-01', 'x' || i FROM generate_series(1, 500) AS i;
SELECT lo_from_bytea(4711, 'large'), lo_from_bytea(4712, 'more'), lo_from_bytea(4713, 'most');
GRANT SELECT ON LARGE OBJECT 4711, 4712, 4713 TO PUBLIC;
"""
COUNTS = """SELECT (SELECT count(*) FROM happy), (SELECT count(*) FROM events), shout('a'), convert_from(lo_get(4711), 'UTF8'),
  (SELECT count(*) FROM pg_largeobject_metadata, aclexplode(lomacl) WHERE grantee = 0)"""
EXPECTED = "1000|500|A|large|3"


@pytest.fixture(scope="module", name="backups")
def one_tenant_on_each():
    """(cluster, {version: its host}, {version: name of a backup})"""
    with Cluster(postgres=CHOSEN) as cluster:
        hosts = {version: f"h{n + 1}" for n, version in enumerate(CHOSEN)}
        backups = {}
        for version, host in hosts.items():
            cluster.croftctl("host", "update", host, "--labels", f"version={version}")
            tenant = f"from-{version}"
            cluster.succeed(cluster.call("TenantService.CreateTenant", tenant_id=tenant, host_selector={"version": version}))
            cluster.psql(tenant, SCHEMA)
            made = cluster.succeed(cluster.call("BackupService.CreateBackup", parent=f"tenants/{tenant}"))
            listed = cluster.call("BackupService.ListBackups", parent=f"tenants/{tenant}").backups
            assert len(listed) == 1, made
            backups[version] = listed[0].name
        yield cluster, hosts, backups


@pytest.mark.parametrize("old, new", list(itertools.combinations_with_replacement(CHOSEN, 2)))
def test_a_backup_is_restored_on_its_own_version_and_on_later_ones(backups, old, new):
    cluster, hosts, names = backups
    tenant = f"from-{old}-to-{new}"
    cluster.succeed(cluster.call("TenantService.RestoreTenant", name=f"tenants/from-{old}", backup=names[old],
                           new_tenant_id=tenant, host=f"hosts/{hosts[new]}"))
    assert cluster.psql(tenant, COUNTS) == EXPECTED
    assert cluster.psql(tenant, "SHOW server_version_num")[:2] == new


@pytest.mark.parametrize("new, old", list(itertools.combinations(CHOSEN, 2)))
def test_no_backup_is_restored_on_an_earlier_version(backups, new, old):
    cluster, hosts, names = backups
    operation = cluster.finish(cluster.call("TenantService.RestoreTenant", name=f"tenants/from-{old}", backup=names[old],
                                      new_tenant_id=f"back-{old}-to-{new}", host=f"hosts/{hosts[new]}"))
    assert operation.state == operation.STATE_FAILED
    assert "SERVER_TOO_OLD" in str(operation.error)


@pytest.mark.parametrize("version", CHOSEN)
def test_a_backup_is_proven_on_its_own_version(backups, version):
    cluster, _, names = backups
    cluster.succeed(cluster.call("BackupService.VerifyBackup", name=names[version]))
