"""Fifty tenants on two hosts, every pair: nobody enters another's database, by any server, by either way."""
import concurrent.futures
import os

import pytest
from cluster import Cluster, run
from libpq import ask
from login import PSQL

TENANTS = [f"pair-{n}" for n in range(50)]
READ = "SELECT secret FROM canary"


class Way:
    """How one tenant connects; the same credentials can be tried at another's door."""

    def __init__(self, found, root):
        address = found.endpoints[0]
        self.server = (address.host, address.port)
        self._parameters = {"host": address.host, "port": address.port, "dbname": address.database, "user": address.user,
                            "password": found.password, "sslmode": "verify-full", "sslrootcert": root,
                            "gssencmode": "disable", "connect_timeout": "60"}

    def read(self, database_of=None, server_of=None):
        """As this tenant, but in another's database or at another's server, which is known by that one's certificate."""
        parameters = dict(self._parameters)
        if database_of:
            parameters["dbname"] = database_of._parameters["dbname"]
        if server_of:
            parameters.update({key: server_of._parameters[key] for key in ("host", "port", "sslrootcert")})
        return ask(parameters, READ)


@pytest.fixture(scope="module", name="ways")
def fifty_tenants():
    with Cluster(agents=2) as cluster:
        made = [cluster.call("TenantService.CreateTenant", tenant_id=tenant) for tenant in TENANTS]
        for operation in made:
            cluster.succeed(operation, 240)
        ways = {}
        for tenant in TENANTS:
            found = cluster.call("LookupService.Lookup", tenant=tenant)
            root = os.path.join(cluster.state, f"root-{found.endpoints[0].port}.crt")
            with open(root, "w", encoding="utf-8") as file:
                file.write(found.root_certificate)
            with cluster.login(tenant) as login:
                run([*PSQL, "-c", f"CREATE TABLE canary AS SELECT 'canary of {tenant}' AS secret;"
                                    "GRANT ALL ON canary TO PUBLIC; GRANT ALL ON SCHEMA public TO PUBLIC"],
                    login.variables())
            ways[tenant] = Way(found, root)
        yield ways


def knock(attempts):
    """[(what, value, why)] of `{what: callable}`, several at a time."""
    with concurrent.futures.ThreadPoolExecutor(8) as threads:
        running = {what: threads.submit(attempt) for what, attempt in attempts.items()}
        return [(what, *task.result()) for what, task in running.items()]


def test_both_hosts_are_in_use_and_everybody_reads_its_own_row(ways):
    assert len({way.server for way in ways.values()}) == 2
    for tenant, value, why in knock({tenant: way.read for tenant, way in ways.items()}):
        assert value == f"canary of {tenant}", why


def test_nobody_enters_the_database_of_anybody_else(ways):
    attempts = {(a, b): lambda a=a, b=b: ways[a].read(database_of=ways[b], server_of=ways[b])
                for a in TENANTS for b in TENANTS if a != b}
    assert len(attempts) == 50 * 49
    for (a, b), value, why in knock(attempts):
        assert value is None, f"{a} read {value!r} in the database of {b}"
        same_server = ways[a].server == ways[b].server
        wanted = "permission denied for database" if same_server else "authentication failed"
        assert wanted in why, f"{a} at {b}: {why}"


def test_nobody_is_known_to_the_other_host(ways):
    def elsewhere(way):
        return next(other for other in ways.values() if other.server != way.server)

    attempts = {tenant: lambda way=way: way.read(server_of=elsewhere(way)) for tenant, way in ways.items()}
    for tenant, value, why in knock(attempts):
        assert value is None and "authentication failed" in why, f"{tenant}: {why}"
