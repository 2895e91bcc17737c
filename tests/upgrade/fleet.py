"""What is done with tenants of a fleet before, during and after its upgrade."""
import os
import signal


def create_on(cluster, tenant, host):
    cluster.call("HostService.UpdateHost", host={"name": f"hosts/{host}", "labels": {"place": host}},
                 update_mask={"paths": ["labels"]})
    cluster.succeed(cluster.call("TenantService.CreateTenant", tenant_id=tenant, host_selector={"place": host}))


def back_up(cluster, tenant):
    cluster.succeed(cluster.call("BackupService.CreateBackup", parent=f"tenants/{tenant}"))
    backup = cluster.call("BackupService.ListBackups", parent=f"tenants/{tenant}").backups[0]
    cluster.succeed(cluster.call("BackupService.VerifyBackup", name=backup.name))
    return backup.name


def change(cluster, method, tenant, **fields):
    cluster.succeed(cluster.call("TenantService." + method, name=f"tenants/{tenant}", **fields))


def populate(cluster):
    """Leaves tenants in every state, proven backups, a failed operation, and one under way whose agents do not answer."""
    for tenant, host in (("acme", "h1"), ("globex", "h2"), ("initech", "h1"), ("hooli", "h2")):
        create_on(cluster, tenant, host)
    cluster.psql("acme", "CREATE TABLE orders AS SELECT generate_series(1, 1000) AS id")
    back_up(cluster, "acme")
    change(cluster, "RotateCredentials", "acme", overlap={"seconds": 0})
    change(cluster, "SuspendTenant", "globex")
    change(cluster, "RetireTenant", "initech")
    change(cluster, "RetireTenant", "hooli")
    change(cluster, "PurgeTenant", "hooli", waive_backup_reason="a test", confirm="tenants/hooli")
    for host in cluster.hosts():
        os.kill(cluster.pid(host), signal.SIGSTOP)
    return cluster.call("TenantService.CreateTenant", tenant_id="umbrella")


def live(cluster, tenant, host):
    """A tenant's whole life on one host."""
    create_on(cluster, tenant, host)
    cluster.psql(tenant, "CREATE TABLE orders AS SELECT generate_series(1, 1000) AS id")
    backup = back_up(cluster, tenant)
    cluster.psql(tenant, "DELETE FROM orders")
    change(cluster, "RestoreTenant", tenant, backup=backup)
    assert cluster.psql(tenant, "SELECT count(*) FROM orders") == "1000"
    change(cluster, "RestoreTenant", tenant, backup=backup, new_tenant_id=tenant + "-copy", host=f"hosts/{host}")
    assert cluster.psql(tenant + "-copy", "SELECT count(*) FROM orders") == "1000"
    change(cluster, "RotateCredentials", tenant, overlap={"seconds": 0})
    assert cluster.psql(tenant, "SELECT count(*) FROM orders") == "1000"
    change(cluster, "SuspendTenant", tenant)
    change(cluster, "ResumeTenant", tenant)
    change(cluster, "RetireTenant", tenant)
    change(cluster, "UndeleteTenant", tenant)
    assert cluster.psql(tenant, "SELECT count(*) FROM orders") == "1000"
    change(cluster, "RetireTenant", tenant)
    change(cluster, "PurgeTenant", tenant, waive_backup_reason="a test", confirm=f"tenants/{tenant}")
    assert cluster.superuser(host, f"SELECT count(*) FROM pg_database WHERE datname LIKE '%{tenant}'") == "0"
