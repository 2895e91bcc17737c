"""Tenants are backed up and their backups proven as often as their policy says, and no more are kept than it says."""
import datetime
import json
import time

import pytest
from cluster import Cluster, wait_until


@pytest.fixture(scope="module", name="cluster")
def running_cluster():
    with Cluster(agents=1) as cluster:
        yield cluster


def backups(cluster, scheduled):
    """Names of acme's usable backups that were made by itself, or that were asked for."""
    listed = cluster.call("BackupService.ListBackups", parent="tenants/acme").backups
    return {backup.name for backup in listed
            if backup.state == backup.STATE_AVAILABLE and (backup.origin == backup.ORIGIN_SCHEDULED) == scheduled}


def is_proven(cluster, tenant):
    backup, = cluster.call("BackupService.ListBackups", parent=f"tenants/{tenant}").backups
    return backup.state == backup.STATE_VERIFIED


def test_a_tenant_is_backed_up_every_minute_and_keeps_its_newest_backup_and_the_one_that_was_asked_for(cluster):
    cluster.croftctl("tenant", "create", "acme", "--backup-every", "1m", "--keep", "1")
    assert "every 1m, the newest 1 are kept" in cluster.croftctl("tenant", "get", "acme").stdout
    cluster.croftctl("backup", "create", "acme")
    cluster.croftctl("tenant", "create", "globex", "--prove-every", "1m")
    cluster.croftctl("backup", "create", "globex")
    first = wait_until(lambda: backups(cluster, scheduled=True), "a backup is made by itself", 90)
    wait_until(lambda: backups(cluster, scheduled=True) - first, "another one is made", 90)
    wait_until(lambda: not backups(cluster, scheduled=True) & first, "the first one is deleted")
    assert len(backups(cluster, scheduled=False)) == 1
    wait_until(lambda: is_proven(cluster, "globex"), "the backup of the other tenant is proven by itself", 90)
    assert "proven every 1m" in cluster.croftctl("tenant", "get", "globex").stdout
    events = cluster.call("AuditService.ListAuditEvents", filter="caller = system").events
    assert {event.method for event in events} == {"BackupService/CreateBackup", "BackupService/DeleteBackup",
                                                    "BackupService/VerifyBackup"}

    told = json.loads(cluster.croftctl("events", "--type", "croft.backup", "--tenant", "globex", "-o", "json").stdout)
    assert [event["type"] for event in told["events"]][:3] == [
        "croft.backup.creating", "croft.backup.available", "croft.backup.verified"]
    assert "croft.tenant.created" in cluster.croftctl("events", "--since", "2h").stdout

    cluster.croftctl("tenant", "update", "acme", "--backup-every", "0")
    assert "are kept" not in cluster.croftctl("tenant", "get", "acme").stdout


def test_a_restore_takes_the_newest_backup_from_before_a_time(cluster):
    cluster.create_tenant("initech")
    for note in ("before", "after"):
        cluster.psql("initech", f"DROP TABLE IF EXISTS note; CREATE TABLE note AS SELECT '{note}' AS word")
        cluster.croftctl("backup", "create", "initech")
        if note == "before":
            time.sleep(1)
            between = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
            time.sleep(1)
    cluster.croftctl("tenant", "restore", "initech", "--before", between, "--as", "initech-early")
    assert cluster.psql("initech-early", "SELECT word FROM note") == "before"
