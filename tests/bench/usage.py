"""What it costs to know what 5,000 databases of one host use: the CPU of croftd, its agent and PostgreSQL together while
agents look once a minute, all that they do included, against 2 % of a core; and beside it what they take while nobody looks.

CROFT_BENCH_DATABASES is another number of databases; each takes 5 MB of disk.
"""
import itertools
import os
import signal
import subprocess
import sys
import time

from cluster import Cluster, wait_until
from report import Row

ROUNDS = 2
DATABASES = int(os.environ.get("CROFT_BENCH_DATABASES", "5000"))
SECONDS = 120  # of each measurement: two looks
BUSY = 200  # databases whose clients work
MOST_OF_A_CORE = 0.02
TICKS = os.sysconf("SC_CLK_TCK")
LETTERS = "abcdefghijklmnopqrstuvwxyz234567"
# As few bytes as a database can do with, and nearly as many files: those are what a look at its size costs.
SLIM = """CREATE DATABASE bench_slim TEMPLATE template0;
\\connect bench_slim
SET client_min_messages = error;
SET allow_system_table_mods = on;
DROP SCHEMA information_schema CASCADE;
DELETE FROM pg_description;
DELETE FROM pg_collation WHERE collname NOT IN ('default', 'C', 'POSIX');
DELETE FROM pg_conversion;
CREATE TABLE work (n int);
VACUUM FULL;
"""


def names():
    """Called like tenants', of tenants that the catalog does not know."""
    for number in range(DATABASES):
        uid = "".join(LETTERS[number // 32**place % 32] for place in range(16))
        yield f"t_bench_{uid}_g1"


def psql(cluster, script):
    socket, port = cluster.postgres_address("h1")
    subprocess.run(["psql", "-qAtX", "-v", "ON_ERROR_STOP=1", "-h", socket, "-p", str(port), "-U", cluster.superuser_name("h1"),
                    "postgres"], input=script, text=True, check=True, stdout=subprocess.DEVNULL)


def make_databases(cluster):
    """Without waiting for the disk, and without autovacuum from now on: its rounds over so many databases take more than
    what is measured, now more and now less."""
    psql(cluster, "ALTER SYSTEM SET fsync = off;\nALTER SYSTEM SET autovacuum = off;\nSELECT pg_reload_conf();")
    psql(cluster, SLIM)
    psql(cluster, "".join(f"CREATE DATABASE {name} TEMPLATE bench_slim STRATEGY file_copy;\n" for name in names()))
    psql(cluster, "ALTER SYSTEM RESET fsync;\nSELECT pg_reload_conf();")


def stat(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
        return file.read().rpartition(")")[2].split()


def cpu_seconds(pid):
    """Of a process, of its children that are there and of those that were."""
    ticks = sum(int(field) for field in stat(pid)[11:15])
    for child in (int(name) for name in os.listdir("/proc") if name.isdigit()):
        try:
            of_child = stat(child)
        except OSError:
            continue
        if int(of_child[1]) == pid:
            ticks += sum(int(field) for field in of_child[11:15])
    return ticks / TICKS


def begin(cluster, interval):
    """croftd that asks for usage every `interval` seconds, or not at all, when it has seen what is on the host."""
    cluster.kill("croftd", signal.SIGTERM)
    cluster.relaunch("croftd", "--usage-interval", str(interval))
    wait_until(lambda: "UP" in cluster.croftctl("host", "list", check=False).stdout, "the host is up", 120)
    wait_until(lambda: share_of_a_core(cluster, 20) < 0.1, "the host was compared with the catalog", 1800)
    time.sleep(60)  # the first looks at everything are over, too


def share_of_a_core(cluster, seconds):
    pids = [cluster.pid("croftd"), cluster.pid("h1"), cluster.postgres_pid("h1")]
    before, begun = sum(map(cpu_seconds, pids)), time.monotonic()
    time.sleep(seconds)
    return (sum(map(cpu_seconds, pids)) - before) / (time.monotonic() - begun)


def some_work(cluster, busy):
    """As clients of one database in fifty do, before each measurement: theirs is told, and their sizes are measured first."""
    psql(cluster, "".join(f"\\connect {name}\nINSERT INTO work VALUES (1);\n" for name in busy))


def run(rounds):
    """Seconds of CPU in a second."""
    looking, idle = [], []
    with Cluster(agents=1) as cluster:
        make_databases(cluster)
        busy = list(itertools.islice(names(), 0, None, max(1, DATABASES // BUSY)))
        for _ in range(rounds or ROUNDS):
            for taken, interval in ((looking, 60), (idle, 0)):
                begin(cluster, interval)
                some_work(cluster, busy)
                taken.append(share_of_a_core(cluster, SECONDS))
                print(f"usage: {taken[-1]:.4f} of a core, looking every {interval} s", file=sys.stderr)
        host = cluster.call("HostService.GetHost", name="hosts/h1")
        status = cluster.call("AdminService.GetStatus")
    versions = {"Croft": status.version, "PostgreSQL": host.postgres_version}
    limit = [MOST_OF_A_CORE] * len(looking)
    return [Row(f"usage: CPU a second, {DATABASES} databases looked at", "2 % of a core", looking, limit, reach=1, versions=versions),
            Row("usage: the same, not looked at", "2 % of a core", idle, limit, reach=1)]
