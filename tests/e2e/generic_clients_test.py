"""Clients that were not made for Croft call every method and print every answer, those with errors in them too: buf,
which has nothing but reflection, and stubs that anybody can generate."""
import subprocess

import generic
import pytest
from cluster import Cluster

CLIENTS = ("buf", "generated")
# What only an agent may call.
REFUSED = {
    "AgentService/Join": ("INVALID_ARGUMENT", {"token": "none", "certificateRequest": "none"}),
    "AgentService/RenewCertificate": ("PERMISSION_DENIED", {"certificateRequest": "none"}),
    "AgentService/Connect": ("PERMISSION_DENIED", {}),
}


@pytest.fixture(scope="module", name="cluster")
def running_cluster():
    with Cluster(agents=1) as cluster:
        yield cluster


@pytest.fixture(name="client", params=CLIENTS)
def any_client(cluster, request):
    if request.param == "buf":
        yield Caller(generic.Buf(cluster.env), "buf")
    else:
        client = generic.Generated(cluster.env)
        yield Caller(client, "generated")
        client.close()


class Caller:
    """Notes what was called."""

    def __init__(self, client, stem):
        self._client, self.stem, self.called = client, stem, set()

    def __call__(self, method, **request):
        """The one answer."""
        answer, = self.all(method, **request)
        return answer

    def all(self, method, **request):
        self.called.add("croft.v1." + method)
        return self._client.call("croft.v1." + method, request)

    def first(self, method, **request):
        self.called.add("croft.v1." + method)
        return self._client.first("croft.v1." + method, request)

    def refused(self, method, **request):
        self.called.add("croft.v1." + method)
        with pytest.raises(generic.Refused) as refusal:
            self._client.call("croft.v1." + method, request)
        return refusal.value.code

    def finish(self, operation):
        """The operation when it is done."""
        return self.all("OperationService/WatchOperation", name=operation["name"])[-1]

    def succeed(self, operation):
        ended = self.finish(operation)
        assert ended["state"] == "STATE_SUCCEEDED", ended
        return ended


def call_about_tenants(client):
    tenant = f"{client.stem}-shop"
    name = "tenants/" + tenant
    made = client("TenantService/CreateTenant", tenantId=tenant, tenant={
        "labels": {"app": "shop"}, "aliases": [f"{tenant}.example.com"], "settings": {"theme": {"dark": True}},
        "features": {"beta": True, "rate": 1.5}, "expireTime": "2199-01-01T00:00:00Z"})
    client.succeed(made)
    assert client("TenantService/GetTenant", name=name)["state"] == "STATE_READY"
    assert client("UsageService/GetUsage", name=name)["tenant"] == name
    client("UsageService/ListUsage", tenants=[name], since="2026-01-01T00:00:00Z")
    # Its server does not load pg_stat_statements.
    assert client.refused("UsageService/ListStatements", name=name) == "FAILED_PRECONDITION"
    client("TenantService/UpdateTenant", tenant={"name": name, "displayName": "Shop"}, updateMask="displayName")
    found = client("LookupService/Lookup", tenant=f"{tenant}.example.com")
    assert found["tenant"] == name and found["password"]
    client.succeed(client("TenantService/RotateCredentials", name=name, overlap="0s"))
    for backup in call_about_backups(client, name):
        restored = client("TenantService/RestoreTenant", name=name, backup=backup, newTenantId=tenant + "-copy")
        client.succeed(restored)
        client.succeed(client("TenantService/RestoreTenant", name=name, backup=backup))
        client.succeed(client("TenantService/UndoRestore", name=name))
        client.succeed(client("BackupService/DeleteBackup", name=backup))
    client.succeed(client("TenantService/SuspendTenant", name=name))
    call_where_errors_are_inside(client, tenant)
    client.succeed(client("TenantService/ResumeTenant", name=name))
    client.succeed(client("TenantService/RetireTenant", name=name))
    client.succeed(client("TenantService/UndeleteTenant", name=name))
    client.succeed(client("TenantService/RetireTenant", name=name))
    client.succeed(client("TenantService/PurgeTenant", name=name, confirm=name))
    assert client("TenantService/ListTenants", filter='state = READY')["tenants"]


def call_about_backups(client, name):
    made = client.succeed(client("BackupService/CreateBackup", parent=name))
    backup = made["result"]
    assert client("BackupService/GetBackup", name=backup)["state"] == "STATE_AVAILABLE"
    assert client("BackupService/ListBackups", parent="tenants/-")["backups"]
    client.succeed(client("BackupService/VerifyBackup", name=backup))
    assert client.refused("BackupService/CopyBackup", name=backup, toStore="nowhere") == "NOT_FOUND"
    assert client("BackupService/HoldBackup", name=backup, reason="case 17")["name"] == backup
    client("BackupService/ReleaseBackup", name=backup)
    assert client("BackupService/ListBackupPlans", parent="tenants/-")
    campaign = client("OperationService/StartCampaign", kind="KIND_VERIFY", filter=f'id = "{name.rpartition("/")[2]}"')
    assert client.succeed(campaign)["campaign"]["succeeded"] == 1
    assert client.all("BackupService/ReportBackups")[-1]["signature"]
    description, *data = client.all("BackupService/ExportBackup", name=backup)
    assert description["description"]["backup"]["name"] == backup and data
    call_about_imports(client, description["description"], data)
    yield backup


def call_about_imports(client, description, data):
    tenant = f"{client.stem}-imported"
    begun = client("ImportService/BeginImport", tenantId=tenant, archive=description["archive"])
    dropped = begun["upload"]
    client("ImportService/AbandonImport", **{"upload": dropped})
    assert client.refused("ImportService/AppendImport", **{"upload": dropped, "offset": 0, "data": "AA=="}) == "NOT_FOUND"
    upload = client("ImportService/BeginImport", tenantId=tenant, archive=description["archive"])["upload"]
    offset = 0
    for part in data:
        offset = client("ImportService/AppendImport", **{"upload": upload, "offset": offset, "data": part["data"]})["offset"]
    client.succeed(client("ImportService/FinishImport", **{"upload": upload, "tenantId": tenant}))
    # Whatever is sent afterwards, the tenant's key stays.
    more = {"upload": upload, "offset": offset, "data": "AA=="}
    assert client.refused("ImportService/AppendImport", **more) == "NOT_FOUND"
    client("ImportService/AbandonImport", **{"upload": upload})
    backup, = client("BackupService/ListBackups", parent="tenants/" + tenant)["backups"]
    client.succeed(client("BackupService/VerifyBackup", name=backup["name"]))


def call_about_backup_policies(client):
    name = f"backupPolicies/{client.stem}"
    policy = {"name": name, "selector": {"env": client.stem}, "rules": {"cron": "30 2 * * *", "off": ["BACKUP_PART_PROOFS"]}}
    assert client("BackupPolicyService/SetBackupPolicy", policy=policy)["rules"]["cron"] == "30 2 * * *"
    assert client("BackupPolicyService/GetBackupPolicy", name=name)["rules"]["off"] == ["BACKUP_PART_PROOFS"]
    assert name in [one["name"] for one in client("BackupPolicyService/ListBackupPolicies")["policies"]]
    assert client("BackupPolicyService/DeleteBackupPolicy", name=name)["state"] == "STATE_DELETING"


def call_where_errors_are_inside(client, suspended):
    """A failed operation, a name that nobody has, a tenant that lookups refuse."""
    tenant = f"{client.stem}-failed"
    failed = client.finish(client("TenantService/CreateTenant", tenantId=tenant, tenant={"locale": "no_SUCH.UTF-8"}))
    assert failed["state"] == "STATE_FAILED" and says(failed["error"], "croft.v1.ErrorInfo"), failed
    assert client("OperationService/GetOperation", name=failed["name"])["error"] == failed["error"]
    assert client("OperationService/WaitOperation", name=failed["name"], timeout="1s")["done"]
    assert client.refused("OperationService/CancelOperation", name=failed["name"]) == "FAILED_PRECONDITION"
    listed = client("OperationService/ListOperations", filter="state = FAILED")["operations"]
    assert failed["name"] in [one["name"] for one in listed]
    results = client("LookupService/BatchLookup", tenants=["nobody", suspended])["results"]
    assert [says(one["error"], "croft.v1.ErrorInfo")["reason"] for one in results] == \
        ["TENANT_NOT_FOUND", "TENANT_SUSPENDED"]
    changes = client.first("LookupService/WatchPlacements")["changes"]
    refused = next(one["refused"] for one in changes if one["tenant"] == "tenants/" + suspended)
    assert says(refused, "croft.v1.ErrorInfo")["reason"] == "TENANT_SUSPENDED"
    client.succeed(client("TenantService/PurgeTenant", name="tenants/" + tenant, confirm="tenants/" + tenant))
    assert client("TenantService/GetErasure", name="tenants/" + tenant)["statement"]


def says(status, kind):
    """The one detail of that kind."""
    detail, = (one for one in status["details"] if one["@type"] == "type.googleapis.com/" + kind)
    return detail


def call_about_hosts(client):
    name = client("HostService/ListHosts")["hosts"][0]["name"]
    host = client("HostService/GetHost", name=name)
    client("HostService/UpdateHost", host={"name": name, "limits": {"connections": 5000}}, updateMask="limits")
    client("HostService/CordonHost", name=name)
    client("HostService/UncordonHost", name=name)
    client("HostService/AcceptHostIdentity", name=name, systemIdentifier=host["systemIdentifier"])
    assert client.refused("HostService/AcceptMissingHost", name=name) == "FAILED_PRECONDITION", "it is not away"
    client("HostService/CreateJoinToken", host=f"hosts/{client.stem}-new")
    client("HostService/RemoveHost", name=f"hosts/{client.stem}-new")


def call_about_access(client, tmp_path):
    name = f"principals/{client.stem}-user"
    client("AccessService/CreatePrincipal", principalId=f"{client.stem}-user")
    binding = {"role": "ROLE_VIEWER", "labels": {"app": "shop"}}
    client("AccessService/BindRole", name=name, binding=binding)
    token = client("AccessService/CreateToken", parent=name, expireTime="2199-01-01T00:00:00Z")["token"]["name"]
    request = subprocess.run(["openssl", "req", "-new", "-subj", "/CN=x", "-newkey", "ec", "-pkeyopt",
                              "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", str(tmp_path / "key")], check=True,
                             capture_output=True, text=True).stdout
    client("AccessService/CreateCertificate", parent=name, certificateRequest=request)
    shown = client("AccessService/GetPrincipal", name=name)
    assert client("AccessService/ListPrincipals")["principals"]
    client("AccessService/RevokeCertificate", parent=name, fingerprint=shown["certificates"][0]["fingerprint"])
    client("AccessService/RevokeToken", name=token)
    client("AccessService/UnbindRole", name=name, binding=binding)
    client("AccessService/DeletePrincipal", name=name)
    assert client("AccessService/WhoAmI")["caller"] == "admin"


def call_about_the_control_plane(client):
    assert client("AdminService/GetStatus")["version"]
    client("AdminService/CheckFleet")
    client("AdminService/RepairFleet", validateOnly=True)
    copy = client.all("AdminService/BackupCatalog")
    assert copy[-1]["copy"]["sha256"]
    head = client("AuditService/VerifyAudit")["head"]
    client("AuditService/VerifyAudit", expect=head)
    assert client("AuditService/ListAuditEvents", pageSize=1000)["events"]
    listed = client("EventService/ListEvents", pageSize=1000)["events"]
    assert client.first("EventService/WatchEvents", afterPosition="0")["events"][0] == listed[0]


def call_everything(client, tmp_path):
    call_about_tenants(client)
    call_about_backup_policies(client)
    call_about_hosts(client)
    call_about_access(client, tmp_path)
    call_about_the_control_plane(client)
    for method, (code, request) in REFUSED.items():
        assert client.refused(method, **request) == code, method
    assert client.called == generic.methods()


def test_every_method_is_called_and_every_answer_printed(client, tmp_path):
    call_everything(client, tmp_path)


@pytest.mark.parametrize("protocol", ["grpc-v1", "grpc-v1alpha"])
def test_both_reflections_describe_all_services_health_included(cluster, protocol):
    buf = generic.Buf(cluster.env, "--reflect-protocol", protocol)
    code, out, errors = buf.run("--list-services")
    assert code == 0, errors
    wanted = {name.partition("/")[0] for name in generic.methods()} | {"grpc.health.v1.Health"}
    assert wanted <= set(out.split())
    code, out, errors = buf.run("--list-methods")
    assert code == 0, errors
    assert generic.methods() | {"grpc.health.v1.Health/Check"} <= {line.split()[0] for line in out.splitlines()}
    assert buf.call("croft.v1.AdminService/GetStatus")[0]["caller"] == "admin"


def test_health_answers_for_each_service_and_the_whole(cluster):
    buf = generic.Buf(cluster.env)
    for service in ["", *{name.partition("/")[0] for name in generic.methods()}]:
        assert buf.call("grpc.health.v1.Health/Check", {"service": service}) == [{"status": "SERVING"}], service
    with pytest.raises(generic.Refused) as refusal:
        buf.call("grpc.health.v1.Health/Check", {"service": "croft.v1.NoService"})
    assert refusal.value.code == "NOT_FOUND"
