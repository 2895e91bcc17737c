"""Every alert of deploy/monitoring fires for its fault and no other does, and none for a healthy fleet: promtool evaluates
the rules over made-up series. Each alert's runbook entry exists."""
import json
import os
import re
import subprocess

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
RULES = os.path.join(TOP, "deploy", "monitoring", "croft.rules.yml")
GUIDE = os.path.join(TOP, "docs", "monitoring.md")
OF = '{job="croft",instance="c"'

# Series of a healthy fleet, as promtool writes values: `0x125` stands still at 0, `0+1x125` rises by 1 a step.
HEALTHY = {
    'up' + OF + '}': "1x125",
    'croft_events_waiting_oldest_seconds' + OF + '}': "0x125",
    'croft_catalog_commit_seconds_bucket' + OF + ',le="0.01"}': "0+10x125",
    'croft_catalog_commit_seconds_bucket' + OF + ',le="1"}': "0+10x125",
    'croft_catalog_commit_seconds_bucket' + OF + ',le="+Inf"}': "0+10x125",
    'croft_catalog_disk_free_bytes' + OF + '}': "50000000000x125",
    'croft_catalog_wal_bytes' + OF + '}': "4000000x125",
    'croft_catalog_copy_age_seconds' + OF + '}': "1800x125",
    'croft_catalog_epoch' + OF + '}': "3x125",
    'croft_certificate_expiry_seconds' + OF + ',certificate="server"}': "2700000x125",
    'croft_host_state' + OF + ',host="h1",state="UP"}': "1x125",
    'croft_host_postgres_up' + OF + ',host="h1"}': "1x125",
    'croft_host_free_bytes' + OF + ',host="h1"}': "90000000000x125",
    'croft_host_reserve_bytes' + OF + ',host="h1"}': "1073741824x125",
    'croft_host_databases' + OF + ',host="h1"}': "120x125",
    'croft_host_databases_limit' + OF + ',host="h1"}': "500x125",
    'croft_host_missing_rights' + OF + ',host="h1"}': "0x125",
    'croft_operations_waiting_oldest_seconds' + OF + '}': "2x125",
    'croft_operations_oldest_seconds' + OF + '}': "30x125",
    'croft_schedules_late' + OF + ',kind="EXPIRE"}': "0x125",
    'croft_schedules_late' + OF + ',kind="PURGE"}': "0x125",
    'croft_operations_ended_total' + OF + ',kind="CREATE",outcome="SUCCEEDED"}': "0+1x125",
    'croft_operations_ended_total' + OF + ',kind="CREATE",outcome="FAILED"}': "0x125",
    'croft_operations_ended_total' + OF + ',kind="BACK_UP",outcome="FAILED"}': "0x125",
    'croft_backups' + OF + ',state="VERIFIED"}': "700x125",
    'croft_backups' + OF + ',state="DAMAGED"}': "0x125",
    'croft_backups' + OF + ',state="INCOMPLETE"}': "0x125",
    'croft_data_at_risk_seconds' + OF + '}': "80000x125",
    'croft_backup_oldest_proven_seconds' + OF + '}': "90000x125",
    'croft_calls_total' + OF + ',method="LookupService/Lookup",code="OK"}': "0+6000x125",
    'croft_calls_total' + OF + ',method="LookupService/Lookup",code="UNAVAILABLE"}': "0x125",
    'croft_call_seconds_bucket' + OF + ',method="LookupService/Lookup",le="0.001"}': "0+6000x125",
    'croft_call_seconds_bucket' + OF + ',method="LookupService/Lookup",le="0.1"}': "0+6000x125",
    'croft_call_seconds_bucket' + OF + ',method="LookupService/Lookup",le="+Inf"}': "0+6000x125",
    'croft_watchers_lag_seconds' + OF + '}': "0x125",
}

# Alert -> what is otherwise then; None takes a series away.
FAULTS = {
    "CroftDown": {'up' + OF + '}': "1x20 0x105"},
    "CroftCatalogStalled": {'croft_events_waiting_oldest_seconds' + OF + '}': "0x20 30x105"},
    "CroftCommitsSlow": {'croft_catalog_commit_seconds_bucket' + OF + ',le="0.01"}': "0+5x125"},
    "CroftCatalogDiskFull": {'croft_catalog_disk_free_bytes' + OF + '}': "500000000x125"},
    "CroftCatalogLogLarge": {'croft_catalog_wal_bytes' + OF + '}': "900000000x125"},
    "CroftCatalogCopyOld": {'croft_catalog_copy_age_seconds' + OF + '}': "20000x125"},
    "CroftCatalogTakenOver": {'croft_catalog_epoch' + OF + '}': "3x45 4x80"},
    "CroftCertificateEnds": {'croft_certificate_expiry_seconds' + OF + ',certificate="server"}': "90000x125"},
    "CroftHostAway": {'croft_host_state' + OF + ',host="h1",state="UP"}': None,
                      'croft_host_state' + OF + ',host="h1",state="AWAY"}': "1x125",
                      'croft_host_postgres_up' + OF + ',host="h1"}': "0x125",
                      'croft_operations_waiting_oldest_seconds' + OF + '}': "5000x125"},
    "CroftHostIdentityChanged": {'croft_host_state' + OF + ',host="h1",state="UP"}': None,
                                 'croft_host_state' + OF + ',host="h1",state="IDENTITY_CHANGED"}': "1x125"},
    "CroftPostgresDown": {'croft_host_postgres_up' + OF + ',host="h1"}': "0x125"},
    "CroftHostDiskFull": {'croft_host_free_bytes' + OF + ',host="h1"}': "1000000x125"},
    "CroftHostFull": {'croft_host_databases' + OF + ',host="h1"}': "480x125"},
    "CroftHostRightsMissing": {'croft_host_missing_rights' + OF + ',host="h1"}': "2x125"},
    "CroftOperationsWait": {'croft_operations_waiting_oldest_seconds' + OF + '}': "2000x125"},
    "CroftOperationStuck": {'croft_operations_oldest_seconds' + OF + '}': "30000x125"},
    "CroftSchedulesLate": {'croft_schedules_late' + OF + ',kind="PURGE"}': "3x125"},
    "CroftOperationsFail": {'croft_operations_ended_total' + OF + ',kind="CREATE",outcome="FAILED"}': "0x55 1x70"},
    "CroftBackupsFail": {'croft_operations_ended_total' + OF + ',kind="BACK_UP",outcome="FAILED"}': "0x55 1x70"},
    "CroftBackupDamaged": {'croft_backups' + OF + ',state="DAMAGED"}': "1x125"},
    "CroftDataAtRisk": {'croft_data_at_risk_seconds' + OF + '}': "100000x125"},
    "CroftProofOld": {'croft_backup_oldest_proven_seconds' + OF + '}': "800000x125"},
    "CroftLookupsFail": {'croft_calls_total' + OF + ',method="LookupService/Lookup",code="UNAVAILABLE"}': "0+300x125"},
    "CroftLookupsSlow": {'croft_call_seconds_bucket' + OF + ',method="LookupService/Lookup",le="0.001"}': "0+3000x125"},
    "CroftWatchersBehind": {'croft_watchers_lag_seconds' + OF + '}': "300x125"},
}


def rules():
    """(alert, runbook) of each rule."""
    with open(RULES, encoding="utf-8") as file:
        text = file.read()
    return list(zip(re.findall(r"- alert: (\w+)", text), re.findall(r"runbook: (\S+)", text)))


# Python's YAML is no package of the tree, and JSON is YAML. The rules' own labels and annotations are not written down
# twice: an expression asks which alerts fire.
def unit_test(name, series, expected, minute):
    firing = 'count by (alertname) (ALERTS{alertstate="firing"})'
    samples = [{"labels": f'{{alertname="{alert}"}}', "value": 1} for alert in expected]
    return {"name": name, "interval": "1m",
            "input_series": [{"series": one, "values": values} for one, values in series.items() if values],
            "promql_expr_test": [{"expr": firing, "eval_time": f"{minute}m", "exp_samples": samples}]}


# Long after the longest `for`, or soon after what passes again.
def minute_of(fault):
    return 60 if fault in ("CroftCatalogTakenOver", "CroftOperationsFail", "CroftBackupsFail") else 120


def judged(folder, tests):
    path = os.path.join(folder, "test.yml")
    with open(path, "w", encoding="utf-8") as file:
        json.dump({"rule_files": [RULES], "evaluation_interval": "1m", "tests": tests}, file)
    return subprocess.run(["promtool", "test", "rules", path], capture_output=True, text=True, check=False)


def test_every_alert_has_a_fault_and_every_fault_an_alert():
    assert {alert for alert, _ in rules()} == set(FAULTS)


def test_a_fault_fires_its_alert_and_no_other_and_a_healthy_fleet_none(tmp_path):
    tests = [unit_test(fault, {**HEALTHY, **series}, [fault], minute_of(fault)) for fault, series in FAULTS.items()]
    tests += [unit_test(f"healthy at minute {minute}", HEALTHY, [], minute) for minute in (60, 120)]
    result = judged(tmp_path, tests)
    assert result.returncode == 0, result.stdout + result.stderr


def test_every_runbook_entry_exists():
    with open(GUIDE, encoding="utf-8") as file:
        headings = re.findall(r"^#+ (.+)$", file.read(), re.M)
    anchors = {re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-") for heading in headings}
    for alert, runbook in rules():
        page, _, anchor = runbook.partition("#")
        assert page == "docs/monitoring.md" and anchor in anchors, alert
