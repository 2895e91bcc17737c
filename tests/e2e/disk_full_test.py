"""A backup store without room. Needs root, to mount one of a size."""
import os

import pytest
from cluster import Cluster, wait_until

MEBIBYTE = 1 << 20


@pytest.fixture(name="cluster")
def running_cluster():
    with Cluster(agents=1, before_start=lambda cluster: cluster.mount_disk(store(cluster), 1)) as cluster:
        yield cluster


def store(cluster):
    return os.path.join(cluster.state, "backups")


def test_a_backup_that_does_not_fit_ends_or_waits_and_nothing_is_lost(cluster):
    cluster.create_tenant("acme")
    # Random, so that it does not compress; in pieces small enough for one row.
    cluster.psql("acme", "CREATE TABLE noise AS SELECT i, gen_random_uuid() AS a, gen_random_uuid() AS b, "
                      "gen_random_uuid() AS c, gen_random_uuid() AS d FROM generate_series(1, 60000) AS i")
    operation = cluster.call("BackupService.CreateBackup", parent="tenants/acme")
    seen = wait_until(lambda: settled(cluster.operation(operation.name)), "the operation ends or says what is wrong")
    assert "space" in seen or "full" in seen, seen
    backups = cluster.call("BackupService.ListBackups", parent="tenants/acme").backups
    assert not [b for b in backups if b.state in (b.STATE_AVAILABLE, b.STATE_VERIFIED)], backups
    assert cluster.tenant("acme").state == cluster.tenant("acme").STATE_READY
    assert cluster.psql("acme", "SELECT count(*) FROM noise") == "60000"

    cluster.resize(store(cluster), 64 << 10)
    if not cluster.operation(operation.name).done:
        cluster.succeed(operation)
    else:
        cluster.succeed(cluster.call("BackupService.CreateBackup", parent="tenants/acme"))
    newest = cluster.call("BackupService.ListBackups", parent="tenants/acme").backups[0]
    assert (newest.state, newest.row_count) == (newest.STATE_AVAILABLE, 60000)
    assert newest.size_bytes > MEBIBYTE


def settled(operation):
    """What a running operation says of its trouble, or how it ended."""
    if operation.done:
        return f"{operation.State.Name(operation.state)}: {operation.error.message}".lower()
    said = operation.progress + " ".join(step.message for step in operation.steps)
    return said.lower() if "space" in said.lower() or "full" in said.lower() else None
