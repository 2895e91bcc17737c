"""Backups are copied to a second store, restored from there when the first is destroyed, and purged from both."""
import json
import os
import shutil

import pytest
from cluster import Cluster, wait_until


@pytest.fixture(scope="module", name="cluster")
def running_cluster():
    with Cluster(agents=2) as cluster:
        near, offsite = (f"{name}=file://{store(cluster, name)}" for name in ("near", "offsite"))
        cluster.give_stores("h1", near, offsite)
        cluster.give_stores("h2", offsite)
        yield cluster


def store(cluster, name):
    return os.path.join(cluster.state, "stores", name)


def newest(cluster, tenant):
    return cluster.call("BackupService.ListBackups", parent=f"tenants/{tenant}").backups[0]


def is_copied(cluster, tenant):
    backup = newest(cluster, tenant)
    return [copy.state for copy in backup.copies] == [backup.STATE_AVAILABLE]


def archives(cluster, name, uid):
    """What lies in the store of the tenant, by file."""
    found = {}
    for here, _, names in os.walk(os.path.join(store(cluster, name), uid)):
        for file in names:
            path = os.path.join(here, file)
            with open(path, "rb") as content:
                found[os.path.relpath(path, store(cluster, name))] = content.read()
    return found


def make(cluster, tenant):
    cluster.croftctl("host", "cordon", "h2")
    cluster.croftctl("tenant", "create", tenant, "--copy-to", "offsite")
    cluster.croftctl("host", "uncordon", "h2")
    cluster.psql(tenant, "CREATE TABLE t AS SELECT i, repeat(md5(i::text), 20) AS x FROM generate_series(1, 20000) AS i")
    return cluster.tenant(tenant).uid


def problems(cluster, tenant):
    """What a check of the fleet finds wrong with the tenant."""
    ran = cluster.croftctl("admin", "check-fleet", "-o", "json", check=False)
    return [finding["kind"] for finding in json.loads(ran.stdout).get("findings", [])
            if finding.get("tenant") == f"tenants/{tenant}" and finding["severity"] == "SEVERITY_PROBLEM"]


def digest(cluster, tenant):
    return cluster.psql(tenant, "SELECT md5(string_agg(x, '' ORDER BY i)) FROM t")


def test_the_copy_brings_a_tenant_back_on_another_host_when_the_first_store_is_destroyed(cluster):
    uid = make(cluster, "acme")
    before = digest(cluster, "acme")
    assert "near=" in cluster.croftctl("host", "get", "h1").stdout
    cluster.croftctl("backup", "create", "acme")
    wait_until(lambda: is_copied(cluster, "acme"), "the backup is copied by itself")
    assert archives(cluster, "near", uid) == archives(cluster, "offsite", uid) != {}
    cluster.croftctl("backup", "verify", "acme", "latest", "--copy", "offsite")
    shown = cluster.croftctl("backup", "get", "acme", "latest").stdout
    assert "copy offsite" in shown and "VERIFIED" in shown and ", proven " in shown
    again = cluster.croftctl("backup", "copy", "acme", "latest", "--to", "offsite", check=False)
    assert again.returncode == 5 and "COPY_EXISTS" in again.stderr

    shutil.rmtree(os.path.join(store(cluster, "near"), uid))
    cluster.croftctl("tenant", "restore", "acme", "--backup", "latest", "--host", "h2", "--yes")
    assert cluster.tenant("acme").placement.host == "hosts/h2"
    assert digest(cluster, "acme") == before

    # The copy takes the place of what is not there any more.
    wait_until(lambda: problems(cluster, "acme") == ["KIND_BACKUP_MISSING"], "the backup is missed")
    cluster.croftctl("admin", "repair-fleet", "--yes")
    assert newest(cluster, "acme").store == list(cluster.host("h2").stores)[0]
    cluster.croftctl("backup", "verify", "acme", "latest")


def test_a_purge_leaves_nothing_in_either_store_and_its_record_names_both(cluster):
    uid = make(cluster, "globex")
    cluster.croftctl("backup", "create", "globex")
    cluster.croftctl("tenant", "retire", "globex", "--yes")
    wait_until(lambda: is_copied(cluster, "globex"), "the final backup is copied")
    assert f"{uid}/key" in archives(cluster, "offsite", uid)
    wait_until(lambda: cluster.croftctl("tenant", "purge", "globex", "--yes", check=False).returncode == 0,
               "the purge has its turn after the copies")
    assert archives(cluster, "near", uid) == archives(cluster, "offsite", uid) == {}
    record = cluster.croftctl("tenant", "erasure", "globex").stdout
    near, offsite = cluster.host("h1").stores
    assert f"copy in store {offsite}: deleted" in record
    for place in (near, offsite):
        assert f"data key {uid}, copy in store {place}: destroyed" in record
