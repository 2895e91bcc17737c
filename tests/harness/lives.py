"""The life that every tenant may have, and what its databases hold after each part of it."""
import contextlib
import json
import re
import subprocess

import wire
from compare import Database, differences
from login import PSQL

GOOD = ("STATE_VERIFIED", "STATE_VERIFIED_WITH_NOTES")


def text_of(finding):
    """All that a finding says, of the API or of JSON, in one text."""
    parts = ("severity", "reason", "object", "owner", "message", "postgres_message", "postgresMessage", "remedy")
    read = finding.get if isinstance(finding, dict) else lambda part, _: getattr(finding, part, "")
    return " | ".join(str(read(part, "")) for part in parts)


def unsaid(patterns, findings):
    """The patterns that none of the findings meets."""
    texts = [text_of(finding) for finding in findings]
    return [pattern for pattern in patterns if not any(re.search(pattern, text, re.S) for text in texts)]


class Life:
    """A tenant that was created on one host of a running cluster."""

    def __init__(self, cluster, tenant):
        self.cluster, self.id, self.name = cluster, tenant, "tenants/" + tenant

    # --- its database ----------------------------------------------------------------------------------------

    def host(self):
        return self.cluster.tenant(self.id).placement.host.removeprefix("hosts/")

    def database(self):
        """As the server's superuser sees it."""
        placement = self.cluster.tenant(self.id).placement
        host = placement.host.removeprefix("hosts/")
        socket, port = self.cluster.postgres_address(host)
        return Database(socket, port, placement.database.rpartition("/")[2], self.cluster.superuser_name(host))

    def facts(self):
        return self.database().facts()

    def changed_since(self, before, but=()):
        return differences(before, self.facts(), but)

    def load(self, path, role="APP"):
        """Runs the statements of a file as the tenant's application."""
        with self.cluster.login(self.id, role) as login:
            done = subprocess.run([*PSQL, "-v", "ON_ERROR_STOP=1", "-o", "/dev/null", "-f", path], env=login.variables(),
                                  stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=600)
            assert done.returncode == 0, done.stderr

    def load_as_superuser(self, path):
        with open(path, encoding="utf-8") as file:
            self.database().run(file.read())

    # --- what is done with it --------------------------------------------------------------------------------

    def back_up(self, seconds=300):
        """The operation, ended anyhow."""
        return self.do("BackupService.CreateBackup", seconds, parent=self.name)

    def verify(self, backup, seconds=300):
        return self.do("BackupService.VerifyBackup", seconds, name=backup)

    def restore(self, backup, seconds=300, **fields):
        return self.do("TenantService.RestoreTenant", seconds, name=self.name, backup=backup, **fields)

    def rotate(self, seconds=120):
        return self.do("TenantService.RotateCredentials", seconds, name=self.name, overlap={"seconds": 1})

    def retire(self, seconds=300):
        return self.do("TenantService.RetireTenant", seconds, name=self.name)

    def undelete(self, seconds=120):
        return self.do("TenantService.UndeleteTenant", seconds, name=self.name)

    def purge(self, seconds=120, **fields):
        return self.do("TenantService.PurgeTenant", seconds, name=self.name, confirm=self.name, **fields)

    def do(self, method, seconds, **fields):
        return self.cluster.finish(self.cluster.call(method, **fields), seconds)

    # --- what is said of it ----------------------------------------------------------------------------------

    def backups(self):
        """Newest first."""
        return self.cluster.call("BackupService.ListBackups", parent=self.name).backups

    def backup(self, name):
        """As `croftctl backup get -o json` prints it."""
        return json.loads(self.cluster.croftctl("backup", "get", name, "-o", "json").stdout)

    def state(self):
        tenant = self.cluster.tenant(self.id)
        return tenant.State.Name(tenant.state).removeprefix("STATE_")

    def conditions(self):
        return [condition.type for condition in self.cluster.tenant(self.id).conditions]


def succeeded(operation):
    assert operation.state == operation.STATE_SUCCEEDED, operation
    return operation


def failed(operation):
    """The error, as a wire.Error."""
    assert operation.state == operation.STATE_FAILED, operation
    return wire.Error.of_status(operation.error)


@contextlib.contextmanager
def cordoned(cluster, *hosts):
    """Nothing is created on these hosts meanwhile."""
    for host in hosts:
        cluster.call("HostService.CordonHost", name="hosts/" + host)
    try:
        yield
    finally:
        for host in hosts:
            cluster.call("HostService.UncordonHost", name="hosts/" + host)


def left_on(cluster, host, stem):
    """Databases and roles of a tenant that the host still has."""
    return cluster.superuser(host, "SELECT string_agg(name, ' ') FROM (SELECT datname AS name FROM pg_database UNION ALL "
                                f"SELECT rolname FROM pg_roles) AS names WHERE name ^@ '{stem}'")
