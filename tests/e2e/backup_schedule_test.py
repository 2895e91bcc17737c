"""Tenants are backed up and their backups proven as often as their policy says, and no more are kept than it says."""
import datetime
import json
import os
import shutil
import subprocess
import time

import pytest
from cluster import BIN, Cluster, wait_until
from signed_text import verified


@pytest.fixture(scope="module", name="cluster")
def running_cluster():
    with Cluster(agents=1) as cluster:
        yield cluster


def backups(cluster, scheduled):
    """Names of acme's usable backups that were made by itself, or that were asked for."""
    listed = cluster.call("BackupService.ListBackups", parent="tenants/acme").backups
    return {backup.name for backup in listed
            if backup.state == backup.STATE_AVAILABLE and (backup.origin == backup.ORIGIN_SCHEDULED) == scheduled}


def fates(cluster, tenant):
    """What `croftctl backup plan` foretells of each of the tenant's backups, by their names."""
    return {backup["backup"]: backup for backup in plan_of(cluster, tenant)["backups"]}


def plan_of(cluster, tenant):
    return json.loads(cluster.croftctl("backup", "plan", tenant, "-o", "json").stdout)


def moment(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


def is_proven(cluster, tenant):
    backup, = cluster.call("BackupService.ListBackups", parent=f"tenants/{tenant}").backups
    return backup.state == backup.STATE_VERIFIED


def test_a_tenant_is_backed_up_every_minute_and_keeps_its_newest_backup_and_the_one_that_was_asked_for(cluster):
    cluster.croftctl("tenant", "create", "acme", "--backup-every", "1m", "--keep", "1")
    assert "every 1m, the newest 1 are kept" in cluster.croftctl("tenant", "get", "acme").stdout
    cluster.croftctl("backup", "create", "acme")
    cluster.croftctl("tenant", "create", "globex", "--prove-every", "1m")
    cluster.croftctl("backup", "create", "globex")
    cluster.croftctl("tenant", "create", "initrode", "--backup-cron", "* * * * *", "--backup-time-zone", "Asia/Kolkata",
                     "--backup-jitter", "0", "--keep-within", "10s", "--keep-daily", "7")
    first = wait_until(lambda: backups(cluster, scheduled=True), "a backup is made by itself", 90)
    held, = first
    cluster.croftctl("backup", "hold", held, "--reason", "case 17")
    wait_until(lambda: backups(cluster, scheduled=True) - first, "another one is made", 90)
    plan = fates(cluster, "acme")
    assert plan[held]["fate"] == "FATE_KEPT_HELD" and "deleteTime" not in plan[held]
    refused = cluster.croftctl("backup", "delete", held, "--yes", check=False)
    assert refused.returncode == 5 and "case 17" in refused.stderr
    assert first <= backups(cluster, scheduled=True), "retention passes over it"
    cluster.croftctl("backup", "release", held)
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

    check_cron(cluster)
    cluster.croftctl("tenant", "update", "acme", "--backup-every", "0")
    assert "are kept" not in cluster.croftctl("tenant", "get", "acme").stdout


def check_cron(cluster):
    """Of initrode, which is backed up each minute by the clock."""
    shown = cluster.croftctl("tenant", "get", "initrode").stdout
    assert "at * * * * * of Asia/Kolkata, those of 10s, one of each of 7 days are kept" in shown
    plan = plan_of(cluster, "initrode")
    assert plan["policy"]["cron"] == "* * * * *" and plan["policy"]["keepDaily"] == 7
    later = [moment(text) for text in plan["laterBackups"]]
    assert [(time.second, time - later[0]) for time in later] == [
        (0, datetime.timedelta(minutes=minutes)) for minutes in range(3)]

    for flags, why in ((["--backup-cron", "61 * * * *"], "minute `61`"),
                       (["--backup-time-zone", "Europe/Nowhere"], "IANA"),
                       (["--backup-window", "22"], "HH:MM-HH:MM")):
        refused = cluster.croftctl("tenant", "update", "initrode", *flags, check=False)
        assert refused.returncode == 2 and why in refused.stderr, refused.stderr
    both = cluster.croftctl("tenant", "update", "initrode", "--backup-cron", "@x", "--backup-every", "1h", check=False)
    assert both.returncode == 2
    wait_until(lambda: plan_of(cluster, "initrode").get("backups"), "one is made by the clock", 90)
    # One replaces the other.
    cluster.croftctl("tenant", "update", "initrode", "--backup-every", "6h", "--backup-window", "22:00-05:00",
                     "--keep-weekly", "4", "--keep-monthly", "12", "--keep-yearly", "3")
    policy = cluster.tenant("initrode").backup_policy
    assert policy.cron == "" and policy.every.seconds == 6 * 3600
    rules = ["RULE_NEWEST", "RULE_WITHIN", "RULE_DAILY", "RULE_WEEKLY", "RULE_MONTHLY", "RULE_YEARLY"]
    wait_until(lambda: plan_of(cluster, "initrode")["backups"][0].get("keptBy") == rules, "the plan says what keeps it")
    assert "newest, within, daily, weekly, monthly, yearly" in cluster.croftctl("backup", "plan", "initrode").stdout
    local = moment(plan_of(cluster, "initrode")["nextBackup"]["time"]) + datetime.timedelta(hours=5, minutes=30)
    assert local.hour >= 22 or local.hour < 5, "in the window by the clock of the zone"
    cluster.croftctl("tenant", "update", "initrode", "--backup-cron", "30 2 * * 1-5", "--backup-window", "off")
    assert cluster.tenant("initrode").backup_policy.every.seconds == 0
    cluster.croftctl("tenant", "update", "initrode", "--backup-cron", "off")
    assert "nextBackup" not in plan_of(cluster, "initrode")


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


def test_a_backup_with_a_name_is_gone_back_to_by_it(cluster):
    cluster.create_tenant("umbrella")
    cluster.psql("umbrella", "CREATE TABLE app AS SELECT 117 AS schema")
    cluster.croftctl("backup", "create", "umbrella", "--name", "before-2.4", "--note", "app 2.4.0, schema 118")
    cluster.psql("umbrella", "UPDATE app SET schema = 118")
    again = cluster.croftctl("backup", "create", "umbrella", "--name", "before-2.4", check=False)
    assert again.returncode == 5 and "BACKUP_EXISTS" in again.stderr
    cluster.croftctl("backup", "verify", "umbrella", "before-2.4")
    shown = cluster.croftctl("backup", "describe", "umbrella", "before-2.4").stdout
    assert "VERIFIED" in shown and "app 2.4.0, schema 118" in shown
    assert [backup["fate"] for backup in fates(cluster, "umbrella").values()] == ["FATE_KEPT_NAMED"]
    cluster.croftctl("tenant", "restore", "umbrella", "--backup", "before-2.4", "--yes")
    assert cluster.psql("umbrella", "SELECT schema FROM app") == "117"


def test_a_campaign_goes_on_over_a_killed_control_plane_and_takes_each_tenant_once(cluster):
    tenants = [f"acme-{n}" for n in range(5)]
    for tenant in tenants:
        cluster.croftctl("tenant", "create", tenant, "--labels", "app=fleet")
    which = ("backup", "create", "--campaign", "-l", "app=fleet", "--parallel", "1", "--max-failures", "2")
    planned = json.loads(cluster.croftctl(*which, "--dry-run", "-o", "json").stdout)
    assert planned["campaign"]["maxFailures"] == 2
    assert planned["campaign"]["tenants"] == [f"tenants/{tenant}" for tenant in tenants]
    begun = json.loads(cluster.croftctl(*which, "--no-wait", "-o", "json").stdout)["name"]
    wait_until(lambda: cluster.operation(begun).campaign.succeeded >= 2, "two are backed up")
    cluster.kill("croftd")
    cluster.start("croftd")
    campaign = cluster.succeed(wait_until(lambda: cluster.operation(begun), "it serves again")).campaign
    assert (campaign.succeeded, campaign.failed, campaign.not_begun) == (5, 0, 0)
    children = json.loads(cluster.croftctl("op", "list", "--parent", begun, "-o", "json").stdout)["operations"]
    assert [child["target"] for child in children] == [f"tenants/{tenant}" for tenant in reversed(tenants)]
    for tenant in tenants:
        assert len(cluster.call("BackupService.ListBackups", parent=f"tenants/{tenant}").backups) == 1, tenant
    assert "CHILDREN" in cluster.croftctl("op", "get", begun).stdout

    proofs = json.loads(cluster.croftctl("backup", "verify", "--campaign", "--host", "h1", "--parallel", "1", "--no-wait",
                                         "-o", "json").stdout)["name"]
    wait_until(lambda: cluster.operation(proofs).campaign.running == 1, "its first child runs")
    stopped = cluster.croftctl("op", "cancel", proofs)
    assert "CANCELLED" in stopped.stdout, stopped.stdout
    assert cluster.operation(proofs).campaign.not_begun > 0


def folders_called(cluster, name):
    return [os.path.join(here, name) for here, folders, _ in os.walk(cluster.state) if name in folders]


def files_holding(cluster, text, under):
    """Files below `under` that hold the bytes of `text`."""
    found = []
    for here, _, names in os.walk(under):
        for name in names:
            path = os.path.join(here, name)
            if os.path.isfile(path) and not os.path.islink(path):
                with open(path, "rb") as file:
                    if text.encode() in file.read():
                        found.append(os.path.relpath(path, cluster.state))
    return found


def test_nothing_opens_what_is_left_of_a_purged_tenant_and_a_signed_record_says_so(cluster, tmp_path):
    uid = cluster.create_tenant("hooli").uid
    cluster.croftctl("backup", "create", "hooli", "--name", "before-2.4")
    beside, = folders_called(cluster, uid)
    with open(os.path.join(beside, "key"), encoding="ascii") as file:
        wrapped_key = file.read().strip()
    assert len(files_holding(cluster, wrapped_key, cluster.state)) > 1, "beside the backups, and in the key store"

    # What somebody may have kept: the archives, and a copy of the catalog.
    kept = tmp_path / "kept"
    shutil.copytree(beside, kept, ignore=shutil.ignore_patterns("key"))
    copy = str(tmp_path / "catalog.db")
    cluster.croftctl("admin", "backup-catalog", copy)

    cluster.croftctl("backup", "hold", "hooli", "before-2.4", "--reason", "case 17")
    cluster.croftctl("tenant", "retire", "hooli", "--yes")
    refused = cluster.croftctl("tenant", "purge", "hooli", "--yes", check=False)
    assert refused.returncode == 5 and "BACKUP_HELD" in refused.stderr and "croftctl backup release" in refused.stderr
    cluster.croftctl("backup", "release", "hooli", "before-2.4")
    cluster.croftctl("tenant", "purge", "hooli", "--yes")

    saved = str(tmp_path / "hooli")
    cluster.croftctl("tenant", "erasure", "hooli", "--save", saved)
    with open(saved + ".txt", encoding="utf-8") as file:
        record = file.read()
    assert record.startswith(f"croft erasure record\ntenant tenants/hooli\nuid {uid}\n")
    assert f"data key {uid}, in the key store: destroyed" in record and record.count("\nbackup ") == 2
    assert cluster.croftctl("tenant", "erasure", uid).stdout.startswith(record)
    assert verified(cluster, tmp_path, saved) == "Verified OK\n"
    with open(saved + ".txt", "a", encoding="utf-8") as file:
        file.write("and more\n")
    assert "Verified OK" not in verified(cluster, tmp_path, saved)

    assert folders_called(cluster, uid) == [], "nothing is left in the store"
    assert files_holding(cluster, wrapped_key, cluster.state) == []

    # All of it is put back, and with it the catalog knows the tenant again.
    shutil.copytree(kept, beside)
    owner = os.stat(os.path.dirname(beside))
    for here, _, names in os.walk(beside):
        for path in [here, *(os.path.join(here, name) for name in names)]:
            os.chown(path, owner.st_uid, owner.st_gid)
    cluster.stop("croftd")
    here, = [here for here, _, names in os.walk(cluster.state) if "catalog.db" in names]
    subprocess.run([os.path.join(BIN, "croftd"), "restore-catalog", "--state", here, copy], check=True,
                   capture_output=True, timeout=60)
    cluster.start("croftd")
    wait_until(lambda: not cluster.tenant("umbrella").conditions, "the host has reported")
    opened = cluster.croftctl("tenant", "restore", "hooli", "--backup", "before-2.4", "--as", "hooli-2", check=False)
    assert opened.returncode == 8 and "DATA_KEY_DESTROYED" in opened.stderr, opened.stderr
