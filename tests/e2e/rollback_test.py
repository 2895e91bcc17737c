"""A server that was rolled back to an older copy of its data: tenants whose databases or logins are gone say so, without
anybody asking, until the server is as the catalog says again."""
import os
import shutil

import pytest
from cluster import BIN, Cluster, run, wait_until

INTERVAL = 5


@pytest.fixture(scope="module", name="cluster")
def running_cluster():
    with Cluster(agents=2) as cluster:
        cluster.stop("croftd")
        cluster.relaunch("croftd", "--fleet-check-interval", str(INTERVAL))
        wait_until(lambda: serves(cluster), "croftd serves again")
        yield cluster


def serves(cluster):
    return cluster.croftctl("status", check=False).returncode == 0 and \
        {cluster.host_state(host) for host in cluster.hosts()} == {"STATE_UP"}


def mismatch(cluster, tenant):
    """What the condition FLEET_MISMATCH of a tenant says, or None."""
    return next((one.message for one in cluster.tenant(tenant).conditions if one.type == "FLEET_MISMATCH"), None)


class Server:
    """The PostgreSQL server of one host, and copies of its data folder."""

    def __init__(self, cluster, host):
        self._cluster, self._host = cluster, host
        self._agent = os.path.join(cluster.state, "agents", host)
        self._keeper = cluster.servers.get(host)
        self._data = self._keeper.data if self._keeper else os.path.join(self._agent, "pg", "data")

    def put_aside(self, name):
        """Keeps a copy of the data as it is now under `name`."""
        self._stopped(lambda: self._copy(self._data, self._data + "." + name))

    def go_back_to(self, name):
        self._stopped(lambda: self._copy(self._data + "." + name, self._data))

    def _copy(self, source, target):
        shutil.rmtree(target, ignore_errors=True)
        run(["cp", "-a", source, target])

    def _stopped(self, work):
        cluster = self._cluster
        cluster.stop(self._host)
        if self._keeper:
            self._keeper.stop("fast")
            work()
            self._keeper.start()
        else:
            run([os.path.join(BIN, "croft-agent"), "stop-postgres", "--state", self._agent])
            work()
        cluster.start(self._host)
        wait_until(lambda: cluster.host_state(self._host) == "STATE_UP", f"{self._host} is up again")


def is_whole(cluster):
    """Nothing is wrong, and nothing that follows an operation, like the removal of old logins, is still under way."""
    check = cluster.call("AdminService.CheckFleet")
    return not check.findings and not check.tenants_busy


def create_on(cluster, tenant, host):
    cluster.call("HostService.UpdateHost", host={"name": f"hosts/{host}", "labels": {"place": host}},
              update_mask={"paths": ["labels"]})
    cluster.succeed(cluster.call("TenantService.CreateTenant", tenant_id=tenant, host_selector={"place": host}))


def test_a_server_that_was_rolled_back_raises_conditions_until_it_is_mended(cluster):
    server = Server(cluster, "h1")
    create_on(cluster, "old", "h1")
    create_on(cluster, "elsewhere", "h2")
    server.put_aside("before")
    create_on(cluster, "young", "h1")
    cluster.succeed(cluster.call("TenantService.RotateCredentials", name="tenants/old", overlap={"seconds": 0}))
    wait_until(lambda: is_whole(cluster), "the old login is gone from the server")
    server.put_aside("now")
    assert [mismatch(cluster, tenant) for tenant in ("old", "young", "elsewhere")] == [None] * 3

    server.go_back_to("before")
    told = wait_until(lambda: mismatch(cluster, "young"), "the lost tenant says so", seconds=60)
    assert "hosts/h1" in told and "the tenant's database is not there" in told
    wait_until(lambda: mismatch(cluster, "old"), "the tenant with the older logins says so", seconds=60)
    assert mismatch(cluster, "elsewhere") is None
    status = cluster.call("AdminService.GetStatus")
    assert status.fleet_problem_count >= 2 and status.fleet_check_time.seconds > 0
    assert "FLEET_MISMATCH" in cluster.croftctl("tenant", "get", "young", "-o", "json").stdout

    server.go_back_to("now")
    for tenant in ("old", "young"):
        wait_until(lambda tenant=tenant: mismatch(cluster, tenant) is None, f"{tenant} is well again", seconds=60)
        assert cluster.psql(tenant, "SELECT 1") == "1"
    wait_until(lambda: cluster.call("AdminService.GetStatus").fleet_problem_count == 0, "nothing is wrong any more")
