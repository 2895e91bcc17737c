"""Alembic over real tenants, by its own command and by Flask's: what is migrated, what is tried again, what is not
repeated, and as whom."""
import os
import re
import signal
import subprocess
import sys

import pytest
from cluster import BIN, wait_until
from conftest import TOP
from external import ExternalServer
from shop import EXAMPLES, TENANTS, environment, fleet

FOLDER = os.path.join(EXAMPLES, "shop_flask_migrations")
SLOW = """
revision = "0003"
down_revision = "0002"


def upgrade():
    import time
    from alembic import op
    from croft.tenancy import current
    open("begun", "a").write(current().tenant + "\\n")
    op.execute("ALTER TABLE orders ADD COLUMN slow text")
    time.sleep(float(open("pause").read()))
"""


@pytest.fixture(scope="module", name="cluster")
def cluster_without_tables():
    with fleet(table=None) as cluster:
        yield cluster


@pytest.fixture(name="run")
def commands(cluster, tmp_path):
    def run(*arguments, code=0):
        done = subprocess.run([sys.executable, "-m", *arguments], text=True, capture_output=True, check=False,
                              cwd=tmp_path, env=environment(cluster, tmp_path, FLASK_APP="shop_flask"))
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr
    return run


@pytest.fixture(name="alembic")
def alembic_command(run, tmp_path):
    (tmp_path / "alembic.ini").write_text(f"[alembic]\nscript_location = {FOLDER}\n")

    def alembic(*arguments, code=0):
        return run("croft.contrib.alembic", *arguments, code=code)
    return alembic


def has_column(cluster, tenant, name):
    return cluster.psql(tenant, f"SELECT count(*) FROM pg_attribute WHERE attrelid = 'orders'::regclass AND "
                             f"attname = '{name}'") == "1"


def test_tenants_are_migrated_by_selector_in_parallel_and_their_revisions_are_told(cluster, alembic, run):
    told = run("flask", "tenants", "migrate", "-l", "app=shop", "-d", FOLDER, "--revision", "0001", "--canary", "1",
               "--parallel", "2")
    assert f"{len(TENANTS)} succeeded, 0 failed" in told
    told = alembic("upgrade", "head", "t0", "t1")
    assert "2 succeeded, 0 failed" in told
    told = alembic("current", "-l", "app=shop")
    assert [line.split() for line in told.splitlines() if line[:1] == "t"] == [
        [name, "0002" if name in ("t0", "t1") else "0001"] for name in sorted(TENANTS)]
    cluster.psql("t5", "INSERT INTO orders (tenant, text) VALUES ('t5', 'as the application')")
    assert "No such" not in alembic("downgrade", "0001", "t1") and not has_column(cluster, "t1", "note")
    # Alembic itself fails closed, and works for one tenant.
    assert "no current tenant" in run("alembic", "current", code=1)
    assert "0002" in run("alembic", "-x", "tenant=t0", "current")


def test_a_lock_that_others_hold_is_waited_for_briefly_and_tried_again(cluster, alembic):
    alembic("upgrade", "0001", "t2")
    with cluster.login("t2") as login, subprocess.Popen(
            ["psql", "-X", "-q"], stdin=subprocess.PIPE, text=True, env={**os.environ, **login.variables()}) as holder:
        holder.stdin.write("BEGIN; LOCK TABLE orders;\n\\! touch locked\n")
        holder.stdin.flush()
        wait_until(lambda: cluster.psql("t2", "SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND "
                                           "relation = 'orders'::regclass") == "1", "the lock is held")
        told = alembic("upgrade", "head", "t2", "--lock-timeout", "200ms", "--lock-retries", "1", code=1)
        assert "lock timeout" in told and not has_column(cluster, "t2", "note")
        holder.stdin.write("SELECT pg_sleep(4); ROLLBACK;\n")
        holder.stdin.flush()
        assert "1 succeeded" in alembic("upgrade", "head", "t2", "--lock-timeout", "200ms", "--lock-retries", "20")
        holder.stdin.close()
    assert has_column(cluster, "t2", "note")


def test_failures_are_told_in_a_table_and_end_it_within_bounds(cluster, alembic):
    names = ["t3", "t4", "t5"]
    alembic("upgrade", "0001", *names)
    cluster.psql("t3", "ALTER TABLE orders ADD COLUMN note text")
    told = alembic("upgrade", "head", *names, "--canary", "1", code=1)
    assert "already exists" in told and "0 succeeded, 1 failed, 2 not begun" in told
    assert not has_column(cluster, "t4", "note")
    told = alembic("upgrade", "head", *names, "--max-failures", "1", "--parallel", "3", code=1)
    assert "t3  " in told and "2 succeeded, 1 failed" in told
    cluster.psql("t3", "ALTER TABLE orders DROP COLUMN note")
    alembic("upgrade", "head", *names)
    assert cluster.psql("t3", "SELECT tableowner FROM pg_tables WHERE tablename = 'orders'") == cluster.psql(
        "t3", "SELECT current_user"), "the application owns what migrations made"


def test_a_run_after_a_crash_repeats_nothing_that_is_done(cluster, tmp_path, alembic):
    names = sorted(TENANTS)
    alembic("upgrade", "0002", *names)
    for file in ("env.py", "versions/0001_orders.py", "versions/0002_note.py"):
        target = tmp_path / "own" / file
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(open(os.path.join(FOLDER, file), encoding="utf-8").read())
    (tmp_path / "own" / "versions" / "0003_slow.py").write_text(SLOW)
    (tmp_path / "alembic.ini").write_text("[alembic]\nscript_location = own\n")
    (tmp_path / "pause").write_text("1")
    with open(tmp_path / "log", "wb") as log:
        process = subprocess.Popen(  # pylint: disable=consider-using-with
            [sys.executable, "-m", "croft.contrib.alembic", "upgrade", "head", *names, "--resume", "progress"],
            cwd=tmp_path, env=environment(cluster, tmp_path), stdout=log, stderr=log)
    begun = tmp_path / "begun"
    wait_until(lambda: begun.exists() and len(begun.read_text().split()) == 3, "the third is under way", 120)
    process.send_signal(signal.SIGKILL)
    process.wait()
    (tmp_path / "pause").write_text("0")
    wait_until(lambda: cluster.psql(names[2], "SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in%' AND "
                                           "datname = current_database()") == "0", "its session has ended")
    told = alembic("upgrade", "head", *names, "--resume", "progress")
    assert f"{len(names) - 2} succeeded, 0 failed, 2 were done before" in told
    assert begun.read_text().split() == [*names[:3], *names[2:]]
    assert all(has_column(cluster, name, "slow") for name in names) and not (tmp_path / "progress").exists()


def test_rows_of_a_shared_database_come_into_a_tenants_own_by_what_the_page_says(cluster, tmp_path):
    with open(os.path.join(TOP, "docs", "python", "moving.md"), encoding="utf-8") as file:
        commands = re.findall(r"```sh\n(.*?)```", file.read(), re.S)[1]
    cluster.create_tenant("acme")
    cluster.psql("acme", "CREATE TABLE orders (id bigserial PRIMARY KEY, text text)")
    with ExternalServer("15") as shared:
        shared.superuser("CREATE TABLE orders (id bigserial PRIMARY KEY, customer text, text text)")
        shared.superuser("INSERT INTO orders (customer, text) VALUES ('acme', 'one'), ('globex', 'not acme''s'), "
                         "('acme', E'two,\\nand \"more\"')")
        environment = {**os.environ, **cluster.env, "SHARED": f"host={shared.folder} port={shared.port} user=postgres",
                       "PATH": BIN + os.pathsep + os.environ["PATH"]}
        subprocess.run(["bash", "-euc", commands], cwd=tmp_path, env=environment, check=True)
    assert cluster.psql("acme", "SELECT string_agg(id || text, '|' ORDER BY id) FROM orders") == '1one|3two,\nand "more"'
    assert cluster.psql("acme", "INSERT INTO orders (text) VALUES ('next') RETURNING id") == "4"
