"""A service behind an address that moves: a standby that is promoted under load, and another cluster in its place."""
import contextlib
import os
import threading
import time

from cluster import Cluster, wait_until
from external import VERSION, ExternalServer, wait_for_lsn
from forwarder import Forwarder
from login import LOST, Session

TENANTS = [f"tenant-{n}" for n in range(3)]


class Service:
    """A cluster whose one host is reached by a forwarder."""

    def __init__(self):
        self.forwarder = Forwarder()
        self.cluster = Cluster(postgres=[VERSION], before_start=self._address)

    def _address(self, cluster):
        server = cluster.servers["h1"]
        server.public_port = self.forwarder.port
        server.make()
        server.start()
        self.forwarder.target = server.port

    def __enter__(self):
        self.forwarder.__enter__()
        self.cluster.__enter__()
        return self

    def __exit__(self, *details):
        self.cluster.__exit__(*details)
        self.forwarder.__exit__(*details)

    @property
    def primary(self):
        return self.cluster.servers["h1"]

    def host(self):
        return self.cluster.call("HostService.GetHost", name="hosts/h1")

    def is_up(self):
        now = self.host()
        return now.state == now.STATE_UP and now.postgres_up


class Writer(threading.Thread):
    """Writes one row after another, as an application that connects again when its session is lost."""

    def __init__(self, cluster, tenant):
        super().__init__()
        self._login = cluster.login(tenant)
        self.acknowledged, self.stop, self.lost = 0, False, 0
        self.last = time.monotonic()
        self.longest = 0.0

    def run(self):
        session = Session(self._login.variables())
        while not self.stop:
            answer = session.run(f"INSERT INTO written VALUES ({self.acknowledged + 1}) ON CONFLICT DO NOTHING")
            if answer.ok:
                self.acknowledged += 1
                self.longest = max(self.longest, time.monotonic() - self.last)
                self.last = time.monotonic()
                continue
            self.lost += 1
            if answer.state == LOST or not answer.ok:
                session.close()
                time.sleep(0.1)
                session = Session(self._login.variables())
        session.close()
        self._login.close()


def wait_for_rows(writers, more):
    before = [writer.acknowledged for writer in writers]
    wait_until(lambda: all(writer.acknowledged > was + more for writer, was in zip(writers, before)),
               "everybody writes", 90)


def test_a_standby_that_is_promoted_under_load_keeps_its_tenants_working():
    with Service() as service, contextlib.closing(ExternalServer(VERSION)) as standby:
        cluster, primary = service.cluster, service.primary
        for tenant in TENANTS:
            cluster.create_tenant(tenant)
            cluster.psql(tenant, "CREATE TABLE written (i int PRIMARY KEY)")
        standby.make(source=primary)
        standby.start()
        # What is acknowledged is on both from here on.
        primary.superuser("ALTER SYSTEM SET synchronous_standby_names = '*'")
        primary.superuser("SELECT pg_reload_conf()")
        wait_for_lsn(standby, primary)
        assert service.host().timeline == 1
        writers = [Writer(cluster, tenant) for tenant in TENANTS]
        for writer in writers:
            writer.start()
        wait_for_rows(writers, 20)

        primary.kill()
        created = cluster.call("TenantService.CreateTenant", tenant_id="during")
        assert cluster.call("LookupService.Lookup", tenant=TENANTS[0]).endpoints[0].port == service.forwarder.port
        standby.promote()
        service.forwarder.target = standby.port
        wait_for_rows(writers, 20)
        wait_until(lambda: service.is_up() and service.host().timeline == 2, "the host is up on its new timeline", 60)
        cluster.succeed(created)
        cluster.succeed(cluster.call("TenantService.RotateCredentials", name=f"tenants/{TENANTS[1]}", overlap={"seconds": 60}))
        cluster.succeed(cluster.call("BackupService.CreateBackup", parent=f"tenants/{TENANTS[0]}"))
        wait_for_rows(writers, 20)
        for writer in writers:
            writer.stop = True
            writer.join()
        for tenant, writer in zip(TENANTS, writers):
            assert writer.lost > 0
            held = int(cluster.psql(tenant, "SELECT count(*) FROM written"))
            assert held >= writer.acknowledged, f"{writer.acknowledged} were acknowledged to {tenant}"
            print(f"{tenant}: {writer.acknowledged} rows, the longest pause {writer.longest:.1f} s")
        assert cluster.croftctl("admin", "check-fleet", check=False).returncode == 0
        cluster.succeed(cluster.call("TenantService.RetireTenant", name=f"tenants/{TENANTS[2]}"))


def test_another_cluster_at_the_address_gets_no_task_until_it_is_accepted():
    with Service() as service, ExternalServer(VERSION) as other:
        cluster, primary = service.cluster, service.primary
        cluster.create_tenant("acme")
        before = service.host().system_identifier
        password = os.path.join(primary.folder, "croft.password")
        with open(password, encoding="utf-8") as file:
            other.set_up(given=file.read())
        other.use_authority_of(primary)
        service.forwarder.target = other.port
        wait_until(lambda: cluster.host_state("h1") == "STATE_IDENTITY_CHANGED", "the change is seen")
        refused = cluster.refused("TenantService.CreateTenant", tenant_id="stranger")
        assert refused.reason == "NO_HOST_FITS" and "another PostgreSQL cluster" in refused.message
        waiting = cluster.call("TenantService.RotateCredentials", name="tenants/acme", overlap={"seconds": 1})
        time.sleep(2)
        assert not cluster.operation(waiting.name).done
        assert other.superuser("SELECT count(*) FROM pg_roles WHERE rolname ~ '^t_'") == "0"

        service.forwarder.target = primary.port
        cluster.succeed(waiting)
        assert service.host().system_identifier == before

        service.forwarder.target = other.port
        wait_until(lambda: cluster.host_state("h1") == "STATE_IDENTITY_CHANGED", "the change is seen again")
        cluster.call("HostService.AcceptHostIdentity", name="hosts/h1", system_identifier=service.host().system_identifier)
        wait_until(service.is_up, "it has shown what it holds")
        cluster.create_tenant("stranger")
        assert other.superuser("SELECT count(*) FROM pg_database WHERE datname ~ '^t_stranger'") == "1"
        found = cluster.croftctl("admin", "check-fleet", check=False)
        assert found.returncode != 0 and "DATABASE_MISSING" in found.stdout.replace("-", "_").upper()
