"""CreateTenant, from the request to READY, against `createdb` on the same PostgreSQL server."""
import subprocess

from cluster import Cluster
from report import Row, alternate

ROUNDS = 25


def run(rounds):
    with Cluster(agents=1) as cluster:
        socket, port = cluster.postgres_address("h1")

        def create_tenant(number):
            operation = cluster.call("TenantService.CreateTenant", tenant_id=f"bench-{number}")
            while not operation.done:
                operation = cluster.call("OperationService.WaitOperation", name=operation.name)
            assert operation.state == operation.STATE_SUCCEEDED, operation

        def createdb(number):
            subprocess.run(["createdb", "-h", socket, "-p", str(port), "-U", "croft", f"bench_{number}"], check=True)

        subject, peer = alternate(create_tenant, createdb, rounds or ROUNDS)
        host = cluster.call("HostService.GetHost", name="hosts/h1")
        status = cluster.call("AdminService.GetStatus")
        return [Row("create: request to READY, one at a time", "createdb", subject, peer, reach=1.5,
                    versions={"Croft": status.version, "PostgreSQL": host.postgres_version})]
