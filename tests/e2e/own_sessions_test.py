"""What a tenant sees of its own sessions, and of nobody else's."""
import pytest
from cluster import Cluster, wait_until

SLEEPS = "SELECT pg_sleep(300)"
SHOWN = "SELECT query FROM pg_stat_activity WHERE pid = {pid}"
CANCEL = "SELECT pg_cancel_backend({pid})"


@pytest.fixture(scope="module", name="cluster")
def running_cluster():
    with Cluster(agents=1) as cluster:
        cluster.create_tenant("acme")
        cluster.create_tenant("globex")
        yield cluster


class Busy:
    """A session of a tenant's in the middle of a long statement."""

    def __init__(self, login):
        self.session = login.session()
        self.pid = self.session.value("SELECT pg_backend_pid()")
        self.session.send(SLEEPS)

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        self.session.close()


def test_a_tenant_manages_its_own_sessions_after_set_role_none(cluster):
    with cluster.login("acme") as login, Busy(login) as busy, login.session() as session:
        assert session.value(SHOWN.format(pid=busy.pid)) == "<insufficient privilege>"
        assert session.run(CANCEL.format(pid=busy.pid)).state == "42501"
        session.value("SET ROLE NONE")
        wait_until(lambda: session.value(SHOWN.format(pid=busy.pid)) == SLEEPS + ";", "it sees what its session does")
        assert session.value(CANCEL.format(pid=busy.pid)) == "t"
        assert busy.session.answer().state == "57014", "query_canceled"
        assert session.value("SELECT pg_terminate_backend(pg_backend_pid) FROM (SELECT {pid} AS pg_backend_pid) AS own"
                             .format(pid=busy.pid)) == "t"


def test_set_role_none_opens_nothing_of_another_tenants(cluster):
    with cluster.login("globex") as others, Busy(others) as busy, cluster.login("acme") as login, login.session() as session:
        session.value("SET ROLE NONE")
        assert session.value(SHOWN.format(pid=busy.pid)) == "<insufficient privilege>"
        assert session.run(CANCEL.format(pid=busy.pid)).state == "42501"
        assert session.run(f"SELECT pg_terminate_backend({busy.pid})").state == "42501"
        assert not session.run("CREATE TABLE of_the_login (x int)").ok, "tables are made as the owner"
        assert session.run("RESET ROLE").ok
        assert session.value("SELECT current_user <> session_user") == "t"
