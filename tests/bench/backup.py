"""Backup, restore and verify of a tenant of 1 GB against PostgreSQL's own programs on the same server."""
import os
import subprocess
import time

import sample_data
from cluster import Cluster
from peers import PeakMemory
from report import Row, in_turns

ROUNDS = 3
MOST_MEMORY_ABOVE_IDLE = 64e6
PROGRAMS = "/usr/lib/postgresql/{major}/bin"


class Tenant:
    """One tenant with the sample data, its backups, and the tenants that they are restored as."""

    def __init__(self, cluster):
        self._cluster = cluster
        cluster.create_tenant("bench")
        with cluster.login("bench", "MIGRATE") as login:
            sample_data.fill(login)
            self.database = login.database
        self.newest = None
        self._copies = 0

    def back_up(self):
        self._succeed("BackupService.CreateBackup", parent="tenants/bench")
        self.newest = self._cluster.call("BackupService.ListBackups", parent="tenants/bench").backups[0]

    def restore(self):
        self._copies += 1
        self._succeed("TenantService.RestoreTenant", name="tenants/bench", backup=self.newest.name,
                      new_tenant_id=f"copy-{self._copies}")

    def verify(self):
        self._succeed("BackupService.VerifyBackup", name=self.newest.name)

    def _succeed(self, method, **fields):
        operation = self._cluster.call(method, **fields)
        while not operation.done:
            operation = self._cluster.call("OperationService.WaitOperation", name=operation.name)
        assert operation.state == operation.STATE_SUCCEEDED, operation


class Programs:
    """PostgreSQL's client programs, as the superuser over the local socket."""

    def __init__(self, cluster, tenant, version):
        socket, port = cluster.postgres_address("h1")
        self._connect = ["-h", socket, "-p", str(port), "-U", "croft"]
        self._folder = PROGRAMS.format(major=version.split(".")[0])
        self._database = tenant.database
        self.custom = os.path.join(cluster.state, "peer.dump")
        self._list = os.path.join(cluster.state, "peer.list")
        self.plain = os.path.join(cluster.state, "peer.zst")

    def dump_custom(self):
        self._run("pg_dump", "-Fc", "-f", self.custom, self._database)

    def dump_through_zstd(self):
        with open(self.plain, "wb") as file, subprocess.Popen(
                self._command("pg_dump", "-Fc", "-Z0", self._database), stdout=subprocess.PIPE) as dump:
            subprocess.run(["zstd", "-q", "-3"], stdin=dump.stdout, stdout=file, check=True)
        assert dump.returncode == 0

    def list_restorable(self):
        """All but the event trigger that guards a managed host, whose function is of the server's and not dumped."""
        entries = subprocess.run([os.path.join(self._folder, "pg_restore"), "-l", self.custom], capture_output=True,
                                 text=True, check=True).stdout.splitlines(keepends=True)
        with open(self._list, "w", encoding="utf-8") as file:
            file.writelines(entry for entry in entries if "EVENT TRIGGER" not in entry)

    def restore(self):
        self._run("createdb", "restored")
        self._run("pg_restore", "-j2", "-L", self._list, "-d", "restored", self.custom)

    def drop_restored(self):
        self._run("dropdb", "--if-exists", "restored")

    def _command(self, program, *arguments):
        return [os.path.join(self._folder, program), *self._connect, *arguments]

    def _run(self, *command):
        subprocess.run(self._command(*command), check=True)


def seconds(action):
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def constant(value):
    return [value, value]


def measured_restores(tenant, programs, rounds):
    """Seconds of Croft's restores, pg_restore's and Croft's proofs, one after another in each round."""
    restores, peers, proofs = [], [], []
    for _ in range(rounds):
        restores.append(seconds(tenant.restore))
        peers.append(seconds(programs.restore))
        # At once: autovacuum would read what pg_restore wrote while Croft is measured.
        programs.drop_restored()
        proofs.append(seconds(tenant.verify))
    return restores, peers, proofs


def run(rounds):
    rounds = max(2, rounds or ROUNDS)
    with Cluster(agents=1) as cluster:
        host = cluster.call("HostService.GetHost", name="hosts/h1")
        versions = {"Croft": cluster.call("AdminService.GetStatus").version, "PostgreSQL": host.postgres_version}
        tenant = Tenant(cluster)
        programs = Programs(cluster, tenant, host.postgres_version)
        memory = PeakMemory(cluster.pid("h1"))
        backups, customs, plains = in_turns(
            [tenant.back_up, programs.dump_custom, programs.dump_through_zstd], rounds, warm_up=1)
        backup_memory = memory.above_idle()
        programs.list_restorable()
        restores, peer_restores, proofs = measured_restores(tenant, programs, rounds)
        restore_memory = memory.above_idle()
        custom_size = os.path.getsize(programs.custom)
        plain_size = os.path.getsize(programs.plain)
        size = constant(tenant.newest.size_bytes)
        limit = constant(MOST_MEMORY_ABOVE_IDLE)
        return [
            Row("backup: 1 GB, time", "pg_dump -Fc", backups, customs, reach=0.6, versions=versions),
            Row("backup: 1 GB, time", "pg_dump -Z0 | zstd -3", backups, plains, reach=1.3),
            Row("backup: 1 GB, size", "pg_dump -Fc", size, constant(custom_size), reach=0.8, unit="MB"),
            Row("backup: 1 GB, size", "pg_dump -Z0 | zstd -3", size, constant(plain_size), reach=1.1, unit="MB"),
            Row("backup: agent's memory above idle", "limit", constant(backup_memory), limit, reach=1, unit="MB"),
            Row("restore: 1 GB", "pg_restore -j2", restores, peer_restores, reach=1.2),
            Row("verify: 1 GB", "that restore", proofs, restores, reach=1.5),
            Row("restore, verify: agent's memory above idle", "limit", constant(restore_memory), limit, reach=1,
                unit="MB"),
        ]
