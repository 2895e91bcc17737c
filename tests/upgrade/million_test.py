"""The upgrade of a large catalog (CROFT_TENANTS) from the version before (CROFT_BIN) to this one (CROFT_NEXT_BIN), with one
operation of every kind under way: how long it takes, how much memory and disk, and whether all operations end.

Started by tests/upgrade/run --tenants N.
"""
import os
import signal
import time

import grpc
import wire
from cluster import Cluster, wait_until
from crowd import HOST, plant, planted
from fleet import back_up, change, create_on

NEXT = os.environ["CROFT_NEXT_BIN"]
TENANTS = int(os.environ["CROFT_TENANTS"])
ROWS = "SELECT count(*), sum(id) FROM orders"

STATES = {"create": "READY", "configure": "READY", "suspend": "SUSPENDED", "resume": "READY", "retire": "RETIRED",
          "undelete": "READY", "backup": "READY", "verify": "READY", "delete-backup": "READY", "restore": "READY",
          "restore-as": "READY", "restored": "READY", "rotate": "READY", "copy": "READY", "undo": "READY",
          "campaign": "READY"}


def prepare(cluster):
    """A tenant for each kind of operation, named after it, and its backup where it needs one: {tenant: backup}."""
    backups = {}
    for tenant in ("model", *STATES, "purge"):
        if tenant in ("create", "restored"):
            continue
        create_on(cluster, tenant, "h1")
        cluster.psql(tenant, "CREATE TABLE orders AS SELECT generate_series(1, 100) AS id")
        if tenant in ("verify", "delete-backup", "restore", "restore-as", "copy", "undo"):
            backups[tenant] = back_up(cluster, tenant)
    cluster.psql("undo", "DELETE FROM orders")
    change(cluster, "RestoreTenant", "undo", backup=backups["undo"])
    change(cluster, "SuspendTenant", "resume")
    change(cluster, "RetireTenant", "undelete")
    change(cluster, "RetireTenant", "purge")
    return backups


def begin_all(cluster, backups):
    """Begins one operation of every kind. The names of all operations that are under way then, by kind."""
    def name(tenant):
        return f"tenants/{tenant}"

    cluster.call("TenantService.CreateTenant", tenant_id="create", host_selector={"place": "h1"})
    cluster.call("TenantService.UpdateTenant", tenant={"name": name("configure"), "quota": {"connections": 7}},
                 update_mask={"paths": ["quota.connections"]})
    cluster.call("TenantService.SuspendTenant", name=name("suspend"))
    cluster.call("TenantService.ResumeTenant", name=name("resume"))
    cluster.call("TenantService.RetireTenant", name=name("retire"))
    cluster.call("TenantService.UndeleteTenant", name=name("undelete"))
    cluster.call("TenantService.PurgeTenant", name=name("purge"), confirm=name("purge"))
    cluster.call("TenantService.RotateCredentials", name=name("rotate"), overlap={"seconds": 0})
    cluster.call("TenantService.RestoreTenant", name=name("restore"), backup=backups["restore"])
    cluster.call("TenantService.RestoreTenant", name=name("restore-as"), backup=backups["restore-as"],
                 new_tenant_id="restored", host="hosts/h1")
    cluster.call("BackupService.CreateBackup", parent=name("backup"))
    cluster.call("BackupService.VerifyBackup", name=backups["verify"])
    cluster.call("BackupService.DeleteBackup", name=backups["delete-backup"])
    cluster.call("BackupService.CopyBackup", name=backups["copy"], to_store="offsite")
    cluster.call("TenantService.UndoRestore", name=name("undo"))
    cluster.call("OperationService.StartCampaign", kind="KIND_BACK_UP", filter='id = "campaign"')
    running = cluster.call("OperationService.ListOperations", filter="state = RUNNING", page_size=1000).operations
    return {operation.name: operation.Kind.Name(operation.kind) for operation in running}


def first_answer(cluster):
    """Seconds from now until croftd answers with a tenant."""
    begin = time.monotonic()

    def answers():
        with wire.channel(cluster.env) as channel:  # a new one has no back-off
            try:
                return wire.stub("TenantService", channel).GetTenant(
                    wire.message("GetTenantRequest")(name="tenants/model"), timeout=30)
            except grpc.RpcError:
                return None
    wait_until(answers, "croftd answers", 600)
    return time.monotonic() - begin


def most_memory(pid):
    """Bytes of memory that the process has had at most."""
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM:"))


def test_large_catalog_is_upgraded_and_every_operation_ends():
    with Cluster(agents=1) as cluster:
        stores = (f"{store}=file://{os.path.join(cluster.state, 'stores', store)}" for store in ("near", "offsite"))
        cluster.give_stores("h1", *stores)
        backups = prepare(cluster)
        os.kill(cluster.pid("h1"), signal.SIGSTOP)
        under_way = begin_all(cluster, backups)
        assert len(set(under_way.values())) >= 15, under_way
        cluster.kill("croftd")
        catalog = os.path.join(cluster.state, "croftd", "catalog.db")
        plant(catalog, "model", TENANTS)
        size = os.path.getsize(catalog)

        cluster.commands["croftd"][0] = os.path.join(NEXT, "croftd")
        cluster.relaunch("croftd")
        seconds = first_answer(cluster)
        memory = most_memory(cluster.pid("croftd"))
        log = os.path.getsize(catalog + "-wal")
        cluster.kill("croftd")
        cluster.relaunch("croftd")
        print(f"{TENANTS} tenants more, a catalog of {size / 1e6:.0f} MB: answers {seconds:.1f} s after the start that upgrades it, "
              f"{first_answer(cluster):.1f} s after the next one; at most {memory / 1e6:.0f} MB of memory, "
              f"{os.path.getsize(catalog) / 1e6:.0f} MB afterwards, and beside it "
              f"a copy of {os.path.getsize(catalog + '.before-upgrade') / 1e6:.0f} MB, a log of {log / 1e6:.0f} MB")

        os.kill(cluster.pid("h1"), signal.SIGCONT)
        for name in under_way:
            cluster.succeed(cluster.operation(name), 300)
        for tenant, state in STATES.items():
            now = cluster.tenant(tenant)
            assert now.State.Name(now.state) == "STATE_" + state, now
        assert cluster.refused("TenantService.GetTenant", name="tenants/purge").reason == "TENANT_NOT_FOUND"
        for tenant in ("configure", "resume", "undelete", "backup", "restore", "restored", "rotate", "campaign"):
            assert cluster.psql(tenant, ROWS) == "100|5050", tenant
        assert cluster.psql("undo", "SELECT count(*) FROM orders") == "0"
        copied = cluster.call("BackupService.GetBackup", name=backups["copy"])
        assert [copy.state for copy in copied.copies] == [copied.STATE_AVAILABLE]
        for number in (1, TENANTS // 2, TENANTS):
            assert cluster.tenant(planted(number)).placement.host == f"hosts/{HOST}"
