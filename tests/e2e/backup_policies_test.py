"""Backup policies that tenants share: by labels and for the fleet, overridden by a tenant, changed, deleted, and followed by the
schedules of tenants over an end of the control plane."""
import datetime
import json

import pytest
from cluster import Cluster, wait_until


@pytest.fixture(scope="module", name="cluster")
def running_cluster():
    with Cluster(agents=1) as cluster:
        cluster.croftctl("tenant", "create", "acme", "--labels", "env=prod")
        cluster.croftctl("tenant", "create", "globex", "--labels", "env=dev")
        cluster.croftctl("tenant", "create", "initech", "--labels", "env=prod", "--backup-every", "12h")
        yield cluster


def set_policy(cluster, *args):
    return json.loads(cluster.croftctl("backup", "policy", "set", *args, "-o", "json").stdout)


def policies(cluster):
    listed = json.loads(cluster.croftctl("backup", "policy", "list", "-o", "json").stdout)
    return {policy["name"].rpartition("/")[2]: policy["state"] for policy in listed.get("policies", [])}


def applied(cluster):
    wait_until(lambda: set(policies(cluster).values()) <= {"STATE_ACTIVE"}, "schedules follow the policies")


def plan_of(cluster, tenant):
    return json.loads(cluster.croftctl("backup", "plan", tenant, "-o", "json").stdout)


def sources(cluster, tenant):
    """Who decides what is in force for the tenant, by part."""
    shown = cluster.tenant(tenant).backup_policy_in_force
    names = {source.part: source.name.rpartition("/")[2] for source in shown.sources}
    kinds = type(shown).DESCRIPTOR.file.enum_types_by_name["BackupPart"].values_by_number
    return {kinds[part].name.removeprefix("BACKUP_PART_").lower(): name for part, name in names.items()}


def every(cluster, tenant):
    """Seconds between the tenant's backups, as its plan says, after a look at its schedule's row; None for never."""
    plan = plan_of(cluster, tenant)
    if "nextBackup" not in plan:
        return None
    seconds = int(plan["policy"]["every"].removesuffix("s"))
    due = datetime.datetime.fromisoformat(plan["nextBackup"]["time"].replace("Z", "+00:00"))
    ahead = due - datetime.datetime.now(datetime.timezone.utc)
    assert ahead <= datetime.timedelta(seconds=seconds), (plan["nextBackup"], seconds)
    return seconds


def scheduled_backups(cluster, tenant):
    listed = cluster.call("BackupService.ListBackups", parent=f"tenants/{tenant}").backups
    return [backup.name for backup in listed if backup.origin == backup.ORIGIN_SCHEDULED]


def test_tenants_are_backed_up_by_the_most_specific_policy_and_what_they_say_themselves(cluster):
    set_policy(cluster, "fleet", "--backup-every", "6h", "--keep", "5", "--prove-every", "30d")
    made = set_policy(cluster, "prod", "-l", "env=prod", "--backup-every", "1m", "--keep", "2")
    assert made["selector"] == {"env": "prod"} and made["rules"]["keep"] == 2
    applied(cluster)
    assert every(cluster, "acme") == 60 and every(cluster, "globex") == 6 * 3600
    assert every(cluster, "initech") == 12 * 3600, "what it says itself"
    assert sources(cluster, "initech") == {"schedule": "initech", "retention": "prod", "proofs": "fleet"}
    wait_until(lambda: scheduled_backups(cluster, "acme"), "acme is backed up by the policy", 90)
    assert not scheduled_backups(cluster, "globex") and not scheduled_backups(cluster, "initech")

    cluster.croftctl("tenant", "update", "globex", "--keep-daily", "9")
    assert sources(cluster, "globex") == {"schedule": "fleet", "retention": "globex", "proofs": "fleet"}
    shown = cluster.croftctl("tenant", "get", "globex").stdout
    assert "every 6h, one of each of 9 days are kept, proven every 30d" in shown
    assert "schedule: fleet; retention: its own; proofs: fleet" in shown
    assert "schedule: fleet; retention: its own" in cluster.croftctl("backup", "plan", "globex").stdout
    assert "backup every 6h (backupPolicies/fleet)" in cluster.croftctl("backup", "report").stdout

    cluster.croftctl("tenant", "update", "acme", "--backup-off", "schedule,proofs")
    assert every(cluster, "acme") is None
    both = cluster.croftctl("tenant", "update", "acme", "--backup-off", "schedule", "--backup-every", "1h", check=False)
    assert both.returncode == 2 and "SCHEDULE" in both.stderr, both.stderr
    cluster.croftctl("tenant", "update", "acme", "--backup-off", "none")
    assert every(cluster, "acme") == 60
    cluster.croftctl("tenant", "update", "acme", "--labels", "env=dev")
    assert every(cluster, "acme") == 6 * 3600, "another label, at once"
    cluster.croftctl("tenant", "update", "acme", "--labels", "env=prod")


def test_a_change_is_followed_over_an_end_of_the_control_plane(cluster):
    set_policy(cluster, "prod", "--backup-every", "2h")
    cluster.kill("croftd")
    cluster.start("croftd")
    assert plan_of(cluster, "acme")["policy"]["every"] == "7200s", "it counts at once"
    applied(cluster)
    assert every(cluster, "acme") == 2 * 3600
    policy = json.loads(cluster.croftctl("backup", "policy", "get", "prod", "-o", "json").stdout)
    assert policy["rules"]["keep"] == 2 and policy["selector"] == {"env": "prod"}, "only what was given is another"
    stale = cluster.croftctl("backup", "policy", "set", "prod", "--keep", "3", "--etag", '"1"', check=False)
    assert stale.returncode != 0 and "ETAG_MISMATCH" in stale.stderr
    for flags, why in ((["--keep", "3", "--backup-cron", "61 * * * *"], "policy.rules.cron"),
                       (["--backup-off", "nights"], "--backup-off"), ([], "nothing to set")):
        refused = cluster.croftctl("backup", "policy", "set", "prod", *flags, check=False)
        assert refused.returncode == 2 and why in refused.stderr, refused.stderr
    dry = json.loads(cluster.croftctl("backup", "policy", "set", "night", "--backup-cron", "0 3 * * *", "--dry-run", "-o",
                                      "json").stdout)
    assert dry["rules"]["cron"] == "0 3 * * *" and "night" not in policies(cluster)


def test_who_operates_some_tenants_does_not_set_what_all_are_backed_up_by(cluster, tmp_path):
    cluster.croftctl("access", "principal", "create", "shop")
    cluster.croftctl("access", "bind", "shop", "operator", "-l", "env=prod")
    token = str(tmp_path / "token")
    cluster.croftctl("access", "token", "create", "shop", "--to-file", token)
    for verb in (["set", "prod", "--keep", "9"], ["list"], ["get", "prod"], ["delete", "prod", "--yes"]):
        refused = cluster.croftctl("--token-file", token, "backup", "policy", *verb, check=False)
        assert "PERMISSION_DENIED" in refused.stderr, refused.stderr
    assert "retention: prod" in cluster.croftctl("--token-file", token, "tenant", "get", "acme").stdout


def test_what_a_deleted_policy_said_counts_no_more(cluster):
    cluster.croftctl("backup", "policy", "delete", "prod", "--yes")
    wait_until(lambda: "prod" not in policies(cluster), "the policy is gone")
    assert every(cluster, "acme") == 6 * 3600
    assert sources(cluster, "acme") == {"schedule": "fleet", "retention": "fleet", "proofs": "fleet"}
    cluster.croftctl("backup", "policy", "delete", "fleet", "--yes")
    wait_until(lambda: not policies(cluster), "and so is the other")
    assert every(cluster, "acme") is None and every(cluster, "initech") == 12 * 3600
    told = json.loads(cluster.croftctl("events", "--type", "croft.backup_policy", "-o", "json").stdout)["events"]
    of_prod = [event["type"].rpartition(".")[2] for event in told if event["subject"] == "backupPolicies/prod"]
    assert [one for one in of_prod if one != "applied"] == ["created", "updated", "deleted"] and of_prod[-1] == "applied"
    audited = cluster.call("AuditService.ListAuditEvents", filter="resource = backupPolicies/prod").events
    assert {event.method for event in audited} == {"BackupPolicyService/SetBackupPolicy",
                                                   "BackupPolicyService/DeleteBackupPolicy"}
