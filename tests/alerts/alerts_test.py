"""A fleet of 200 tenants under a real Prometheus: healthy work fires no alert, and each planted fault fires its own and no
other."""
import concurrent.futures
import contextlib
import glob
import os
import signal
import sqlite3
import subprocess
import time

import grpc
import pytest
import wire
from cluster import Cluster, wait_until
from prometheus import MONITORING, Prometheus

TENANTS = 200
AT_A_TIME = 8
# Long enough for two scrapes on a busy machine, and over soon after a fault has ended.
WINDOW = "20s"
HOUR_US = 3600 * 1_000_000


@pytest.fixture(scope="module", name="cluster")
def running_cluster():
    with Cluster(agents=2) as cluster:
        side_by_side(cluster.create_tenant, [f"t{number:03}" for number in range(TENANTS)])
        yield cluster


@pytest.fixture(scope="module", name="prometheus")
def scraping(cluster):
    target = cluster.env["CROFT_METRICS_URL"].removeprefix("http://").removesuffix("/metrics")
    with Prometheus(target, WINDOW) as prometheus:
        quiet(prometheus)
        yield prometheus


def side_by_side(work, things):
    with concurrent.futures.ThreadPoolExecutor(AT_A_TIME) as threads:
        list(threads.map(work, things))


def quiet(prometheus):
    wait_until(lambda: prometheus.firing() == set(), "no alert fires", 120)


@contextlib.contextmanager
def alone(prometheus, alert, seconds=120):
    """Around a fault: `alert` fires, and no other does before, with or after it. What is planted is mended by whoever
    planted it, after this."""
    quiet(prometheus)
    yield
    others = set()

    def fires():
        firing = prometheus.firing()
        others.update(firing - {alert})
        return alert in firing
    wait_until(fires, f"{alert} fires", seconds)
    end = time.monotonic() + 5
    while time.monotonic() < end:
        fires()
        time.sleep(0.5)
    assert others == set()


def back_up(cluster, tenant):
    """The backup's name."""
    return cluster.succeed(cluster.call("BackupService.CreateBackup", parent=f"tenants/{tenant}")).result


def catalog(cluster, prometheus, statement):
    """Changes the catalog behind the control plane's back, while it is down, which is over before this returns."""
    cluster.stop("croftd")
    try:
        with contextlib.closing(sqlite3.connect(os.path.join(cluster.state, "croftd", "catalog.db"))) as connection:
            assert connection.execute(statement).rowcount == 1
            connection.commit()
    finally:
        cluster.start("croftd")
    served(prometheus)


def served(prometheus):
    """Waits until the control plane is scraped again."""
    wait_until(lambda: prometheus.query("up == 1") and "CroftDown" not in prometheus.firing(), "croftd is scraped again")


def test_fifty_healthy_creates_backups_and_purges_fire_nothing(cluster, prometheus):
    fired = set()

    def life(tenant):
        cluster.create_tenant(tenant)
        back_up(cluster, tenant)
        for method, fields in (("RetireTenant", {}), ("PurgeTenant", {"confirm": f"tenants/{tenant}"})):
            cluster.succeed(cluster.call(f"TenantService.{method}", name=f"tenants/{tenant}", **fields))
        fired.update(prometheus.firing())
    side_by_side(life, [f"short{number}" for number in range(50)])
    time.sleep(5)
    assert fired | prometheus.firing() == set()
    assert float(prometheus.query('sum(croft_tenants{state="READY"})')[0]["value"][1]) == TENANTS
    if "CROFT_TEST_PICTURE" in os.environ:
        subprocess.run([os.path.join(MONITORING, "draw"), "--prometheus", "http://" + prometheus.address, "--out",
                        os.environ["CROFT_TEST_PICTURE"], "--minutes", "2", "operations"], check=True)


def test_a_control_plane_that_hangs(cluster, prometheus):
    try:
        with alone(prometheus, "CroftDown"):
            os.kill(cluster.pid("croftd"), signal.SIGSTOP)
    finally:
        os.kill(cluster.pid("croftd"), signal.SIGCONT)
    quiet(prometheus)


def test_an_agent_that_is_gone(cluster, prometheus):
    try:
        with alone(prometheus, "CroftHostAway"):
            cluster.kill("h2")
    finally:
        cluster.start("h2")
    quiet(prometheus)


def test_a_server_that_does_not_start(cluster, prometheus):
    local = os.path.join(os.path.realpath(os.path.join(cluster.state, "agents", "h1")), "pg", "conf", "local.conf")
    try:
        with alone(prometheus, "CroftPostgresDown"):
            with open(local, "w", encoding="utf-8") as file:
                file.write("shared_buffers = much\n")
            os.kill(cluster.postgres_pid("h1"), signal.SIGKILL)
    finally:
        os.unlink(local)
    wait_until(lambda: cluster.call("HostService.GetHost", name="hosts/h1").postgres_up, "PostgreSQL is up again", 300)
    quiet(prometheus)


def test_a_host_without_a_place(cluster, prometheus):
    host = cluster.call("HostService.GetHost", name="hosts/h1")
    try:
        with alone(prometheus, "CroftHostFull"):
            cluster.croftctl("host", "update", "h1", "--databases", str(TENANTS // 2 + 5))
    finally:
        cluster.croftctl("host", "update", "h1", "--databases", str(host.limits.databases))
    quiet(prometheus)


def test_a_host_with_less_room_than_its_reserve(cluster, prometheus):
    try:
        with alone(prometheus, "CroftHostDiskFull"):
            cluster.croftctl("host", "update", "h1", "--reserve", "100TiB")
    finally:
        cluster.croftctl("host", "update", "h1", "--reserve", "1GiB")
    quiet(prometheus)


def test_a_backup_that_fails(cluster, prometheus):
    """A value that COPY cannot write."""
    cluster.psql("t001", "CREATE TABLE video AS SELECT string_agg(repeat('x', 1000000), '') AS a FROM generate_series(1, 600)")
    cluster.psql("t001", "ALTER TABLE video ADD b text; UPDATE video SET b = a")
    try:
        with alone(prometheus, "CroftBackupsFail"):
            cluster.finish(cluster.call("BackupService.CreateBackup", parent="tenants/t001"))
    finally:
        cluster.psql("t001", "DROP TABLE video")
    quiet(prometheus)


def test_an_archive_that_was_changed(cluster, prometheus):
    backup = back_up(cluster, "t002")
    archive, = glob.glob(os.path.join(cluster.state, "**", backup.rpartition("/")[2], "archive"), recursive=True)
    try:
        with alone(prometheus, "CroftBackupDamaged"):
            with open(archive, "r+b") as file:
                file.seek(os.path.getsize(archive) // 2)
                byte = file.read(1)[0]
                file.seek(-1, os.SEEK_CUR)
                file.write(bytes([byte ^ 1]))
            cluster.finish(cluster.call("BackupService.VerifyBackup", name=backup))
    finally:
        cluster.succeed(cluster.call("BackupService.DeleteBackup", name=backup))
    quiet(prometheus)


def test_an_operation_that_fails(cluster, prometheus):
    """A restore of an archive that somebody took away."""
    backup = back_up(cluster, "t003")
    archive, = glob.glob(os.path.join(cluster.state, "**", backup.rpartition("/")[2], "archive"), recursive=True)
    os.unlink(archive)
    with alone(prometheus, "CroftOperationsFail"):
        cluster.finish(cluster.call("TenantService.RestoreTenant", name="tenants/t003", backup=backup, new_tenant_id="copy"))
    cluster.finish(cluster.call("BackupService.DeleteBackup", name=backup))
    quiet(prometheus)


def test_a_tenant_without_a_backup_for_days(cluster, prometheus):
    try:
        with alone(prometheus, "CroftDataAtRisk"):
            catalog(cluster, prometheus, f"UPDATE tenants SET create_time = create_time - 30 * {HOUR_US} WHERE id = 't004'")
    finally:
        back_up(cluster, "t004")
    quiet(prometheus)


def as_application(cluster):
    """Lookup by a token of its own: the administrator's calls have no limit."""
    cluster.call("AccessService.CreatePrincipal", principal_id="shop")
    cluster.call("AccessService.BindRole", name="principals/shop", binding={"role": "ROLE_LOCATOR", "all_tenants": True})
    secret = cluster.call("AccessService.CreateToken", parent="principals/shop").secret
    with open(cluster.env["CROFT_CA"], "rb") as file:
        channel = grpc.secure_channel(cluster.env["CROFT_SERVER"], grpc.ssl_channel_credentials(file.read()))
    lookup = wire.stub("LookupService", channel).Lookup
    return lambda request: lookup(request, timeout=10, metadata=[("authorization", f"Bearer {secret}")])


def test_lookups_beyond_what_one_identity_may_ask(cluster, prometheus):
    cluster.stop("croftd")
    cluster.relaunch("croftd", "--calls-per-second", "1")
    try:
        served(prometheus)
        grpc.channel_ready_future(cluster.channel).result(timeout=30)  # it waits longer and longer for one that is away
        application = as_application(cluster)
        with alone(prometheus, "CroftLookupsFail"):
            end = time.monotonic() + 10
            while time.monotonic() < end:
                with contextlib.suppress(grpc.RpcError):
                    application(wire.message("LookupRequest")(tenant="t005"))
                time.sleep(0.1)
    finally:
        cluster.stop("croftd")
        cluster.start("croftd")
    quiet(prometheus)


def test_a_proof_that_is_old(cluster, prometheus):
    """The tenant has a newer backup, which nobody has proven."""
    proven = back_up(cluster, "t006")
    cluster.succeed(cluster.call("BackupService.VerifyBackup", name=proven))
    time.sleep(1)  # of one second, they would not be in order
    back_up(cluster, "t006")
    try:
        with alone(prometheus, "CroftProofOld"):
            catalog(cluster, prometheus, f"UPDATE backups SET create_time = create_time - 24 * 9 * {HOUR_US} WHERE id = '{proven.rpartition('/')[2]}'")
    finally:
        newest = cluster.call("BackupService.ListBackups", parent="tenants/t006").backups[0]
        cluster.succeed(cluster.call("BackupService.VerifyBackup", name=newest.name))
    quiet(prometheus)
