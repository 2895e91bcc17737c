"""A restore in place is taken back while what it replaced is kept, and backups are proven on hosts that are not their own."""
import json
import os
import re
import sqlite3
import subprocess

import pytest
from cluster import BIN, Cluster, wait_until
from pages import blocks, with_values
from signed_text import verified


@pytest.fixture(scope="module", name="cluster")
def running_cluster():
    with Cluster() as cluster:
        cluster.croftctl("host", "update", "h1", "--labels", "role=work")
        yield cluster


def follow(cluster, section, **values):
    """Runs the commands of the section of docs/backups.md, word for word."""
    settings = next(text for kind, text in blocks("backups.md") if kind)
    script = with_values(settings, values) + "".join(text for kind, text in blocks("backups.md", section) if not kind)
    done = subprocess.run(["bash", "-euo", "pipefail", "-c", script], check=False, timeout=120, stdin=subprocess.DEVNULL,
                          env={**os.environ, **cluster.env, "PATH": f"{BIN}:{os.environ['PATH']}"}, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def orders(cluster, tenant="acme"):
    return cluster.psql(tenant, "SELECT string_agg(what, ' ' ORDER BY what) FROM orders")


def test_a_dry_run_says_what_a_restore_would_take_and_lose(cluster):
    cluster.croftctl("tenant", "create", "acme", "--host-selector", "role=work")
    cluster.psql("acme", "CREATE TABLE orders AS SELECT 'first' AS what")
    cluster.croftctl("backup", "create", "acme")
    dry = cluster.croftctl("tenant", "restore", "acme", "--backup", "latest", "--dry-run")
    assert "unknown: no backup of the tenant was restored or proven yet" in dry.stdout and "h1" in dry.stdout
    cluster.croftctl("backup", "verify", "acme", "latest")
    backup, = cluster.call("BackupService.ListBackups", parent="tenants/acme").backups
    planned = json.loads(cluster.croftctl("tenant", "restore", "acme", "--backup", "latest", "--dry-run", "-o", "json").stdout)
    estimate = planned["estimate"]
    assert estimate["backup"] == estimate["measuredWith"] == backup.name
    assert int(estimate["archiveBytes"]) == backup.size_bytes and int(estimate["databaseBytes"]) > 1_000_000
    assert estimate["host"] == "hosts/h1" and int(estimate["freeBytes"]) > 0
    assert 0 < float(estimate["duration"].rstrip("s")) < 60
    assert not cluster.tenant("acme").kept_databases, "nothing was restored"


def test_a_restore_is_undone_and_the_undo_too(cluster):
    cluster.psql("acme", "INSERT INTO orders VALUES ('second')")
    cluster.croftctl("tenant", "restore", "acme", "--backup", "latest", "--yes")
    assert orders(cluster) == "first"
    kept, = cluster.tenant("acme").kept_databases
    shown = cluster.croftctl("tenant", "get", "acme").stdout
    assert kept.database in shown and "dropped 20" in shown
    assert kept.expire_time.seconds - kept.replace_time.seconds == 24 * 3600
    # What changes meanwhile is true of the database that comes back, too.
    cluster.croftctl("tenant", "rotate-credentials", "acme", "--overlap", "0s")
    cluster.croftctl("tenant", "update", "acme", "--statement-timeout", "77s", "--connections", "7")
    cluster.psql("acme", "INSERT INTO orders VALUES ('after the restore')")

    follow(cluster, "A restore that was the mistake", TENANT="acme")
    assert orders(cluster) == "first second"
    assert cluster.psql("acme", "SHOW statement_timeout") == "77s"
    now = cluster.tenant("acme")
    limit = cluster.superuser("h1", f"SELECT datconnlimit FROM pg_database WHERE datname = '{now.placement.database}'")
    assert limit.strip() == "15", "7, and 8 for Croft"
    assert now.placement.generation == 3 and now.placement.database.endswith("_g3")

    cluster.croftctl("tenant", "undo-restore", "acme", "--yes")
    assert orders(cluster) == "after the restore first"
    assert not json.loads(cluster.croftctl("admin", "check-fleet", "-o", "json").stdout).get("findings")
    # As what it is now, the tenant goes through all else.
    cluster.croftctl("backup", "create", "acme")
    cluster.croftctl("backup", "verify", "acme", "latest")
    cluster.croftctl("tenant", "suspend", "acme")
    refused = cluster.croftctl("tenant", "undo-restore", "acme", "--yes", check=False)
    assert refused.returncode == 5 and "TENANT_SUSPENDED" in refused.stderr
    cluster.croftctl("tenant", "resume", "acme")


def test_a_restore_on_another_host_is_undone_there_and_refused_while_that_is_away(cluster):
    cluster.croftctl("tenant", "create", "globex", "--host-selector", "role=work")
    cluster.psql("globex", "CREATE TABLE orders AS SELECT 'first' AS what")
    cluster.croftctl("backup", "create", "globex")
    cluster.psql("globex", "INSERT INTO orders VALUES ('second')")
    cluster.croftctl("tenant", "restore", "globex", "--backup", "latest", "--host", "h2", "--yes")
    assert cluster.tenant("globex").placement.host == "hosts/h2" and orders(cluster, "globex") == "first"
    cluster.croftctl("tenant", "rotate-credentials", "globex", "--overlap", "0s")
    cluster.stop("h1")
    wait_until(lambda: cluster.host_state("h1") == "STATE_AWAY", "the control plane knows", 60)
    refused = cluster.croftctl("tenant", "undo-restore", "globex", "--yes", check=False)
    assert "HOST_UNREACHABLE" in refused.stderr and "h1" in refused.stderr, refused.stderr
    cluster.start("h1")
    wait_until(lambda: cluster.host_state("h1") == "STATE_UP", "it is back", 60)
    kept, = cluster.tenant("globex").kept_databases
    cluster.croftctl("tenant", "undo-restore", "globex", "--database", kept.database, "--yes")
    assert cluster.tenant("globex").placement.host == "hosts/h1" and orders(cluster, "globex") == "first second"


def let_the_kept_ones_expire(cluster):
    """Moves the time at which replaced databases are dropped to now, as if a day had passed."""
    cluster.stop("croftd")
    catalog, = [os.path.join(here, "catalog.db") for here, _, names in os.walk(cluster.state) if "catalog.db" in names]
    with sqlite3.connect(catalog) as database:
        database.execute("UPDATE steps SET not_before = 1 WHERE task = 'drop' AND state = 'PENDING'")
    cluster.start("croftd")


def test_what_is_not_kept_any_more_is_not_put_back(cluster):
    kept, = cluster.tenant("globex").kept_databases
    assert cluster.superuser("h2", f"SELECT count(*) FROM pg_database WHERE datname ~ '^{kept.database}'").strip() == "1"
    let_the_kept_ones_expire(cluster)
    wait_until(lambda: not cluster.tenant("globex").kept_databases, "it is dropped")
    refused = cluster.croftctl("tenant", "undo-restore", "globex", "--yes", check=False)
    assert refused.returncode == 5 and "NOTHING_KEPT" in refused.stderr and "24 hours" in refused.stderr
    assert cluster.superuser("h2", f"SELECT count(*) FROM pg_database WHERE datname ~ '^{kept.database}'").strip() == "0"
    assert orders(cluster, "globex") == "first second"


def test_backups_are_proven_where_the_policy_says_and_a_signed_report_tells_of_it(cluster, tmp_path):
    cluster.croftctl("tenant", "create", "initech", "--host-selector", "role=work", "--prove-every", "1m",
                     "--prove-on", "role=proof")
    cluster.croftctl("backup", "create", "initech")
    assert "proven every 1m, on hosts with role=proof" in cluster.croftctl("tenant", "get", "initech").stdout

    def refusal():
        plan, = cluster.call("BackupService.ListBackupPlans", parent="tenants/initech").plans
        return plan.next_proof.refusal_message
    why = wait_until(refusal, "no host may prove it", 90)
    assert "without the labels of prove_on" in why, why
    cluster.croftctl("host", "update", "h2", "--labels", "role=proof")
    proof = wait_until(lambda: cluster.tenant("initech").last_proof if cluster.tenant("initech").last_proof.backup else None,
                       "it is proven", 60)
    assert (proof.host, proof.outcome, proof.caller) == ("hosts/h2", "VERIFIED", "system")
    assert cluster.tenant("initech").placement.host == "hosts/h1"

    saved = str(tmp_path / "audit")
    cluster.croftctl("backup", "report", "--save", saved)
    with open(saved + ".txt", encoding="utf-8") as file:
        report = file.read()
    assert report.startswith("croft backup report\nbegun 20") and "\nasked for by admin\n" in report
    assert re.search(r"\ntenant tenants/initech, uid \S+, READY\npolicy: proof every 1m0?s?, proof on hosts with role=proof\n"
                     r"newest backup: \S+, MANUAL, VERIFIED, made \S+ \S+ old\n"
                     r"last proof: VERIFIED, backup \S+, on hosts/h2, by system, \S+ \S+ old\n", report), report
    assert "\ntenants: 3\nwith a usable backup: 3\nwith none: 0\nlast proof passed: 2\nlast proof failed: 0\nnever proven: 1\n" \
        in report
    assert verified(cluster, tmp_path, saved) == "Verified OK\n"
    with open(saved + ".txt", "a", encoding="utf-8") as file:
        file.write("\n")
    assert "Verified OK" not in verified(cluster, tmp_path, saved)
