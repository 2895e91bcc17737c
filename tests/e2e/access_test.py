"""Who may do what, and who did it: principals, tokens, certificates, scopes and the audit, on real daemons."""
import os
import shutil
import sqlite3
import subprocess
import time
import uuid

import grpc
import pytest
import wire
from cluster import BIN, Cluster, wait_until
from grpc import StatusCode


class Caller:
    """Calls as the holder of a token."""

    def __init__(self, cluster, token):
        with open(cluster.env["CROFT_CA"], "rb") as file:
            credentials = grpc.ssl_channel_credentials(file.read())
        self._channel = grpc.secure_channel(cluster.env["CROFT_SERVER"], credentials)
        self._metadata = [("authorization", "Bearer " + token)]

    def close(self):
        self._channel.close()

    def _method(self, method):
        service, _, name = method.partition(".")
        return getattr(wire.stub(service, self._channel), name), wire.message(name + "Request")

    def call(self, method, **fields):
        stub, request = self._method(method)
        return stub(request(**fields), timeout=30, metadata=self._metadata)

    def refused(self, method, **fields):
        stub, request = self._method(method)
        return wire.failure(lambda message, timeout: stub(message, timeout=timeout, metadata=self._metadata),
                            request(**fields))

    def watch(self, **fields):
        stub, request = self._method("LookupService.WatchPlacements")
        return stub(request(**fields), timeout=120, metadata=self._metadata)


@pytest.fixture(scope="module", name="cluster")
def running_cluster():
    with Cluster(agents=1) as cluster:
        create(cluster, "acme", app="shop")
        create(cluster, "globex", app="bank")
        yield cluster


def create(cluster, tenant, **labels):
    cluster.succeed(cluster.call("TenantService.CreateTenant", tenant_id=tenant, tenant={"labels": labels}))


def principal(cluster, name, *bindings):
    cluster.call("AccessService.CreatePrincipal", principal_id=name)
    for binding in bindings:
        cluster.call("AccessService.BindRole", name=f"principals/{name}", binding=binding)


def token(cluster, name, **fields):
    return cluster.call("AccessService.CreateToken", parent=f"principals/{name}", **fields)


@pytest.fixture(name="caller")
def callers(cluster):
    """Makes principals with a token each; they are gone at the end."""
    made = []

    def make(*bindings):
        name = "p-" + uuid.uuid4().hex[:12]
        principal(cluster, name, *bindings)
        made.append((name, Caller(cluster, token(cluster, name).secret)))
        return made[-1]
    yield make
    for name, one in made:
        one.close()
        left = {one.name for one in cluster.call("AccessService.ListPrincipals").principals}
        if f"principals/{name}" in left:
            cluster.call("AccessService.DeletePrincipal", name=f"principals/{name}")


SHOPS = {"role": "ROLE_CONNECTOR", "labels": {"app": "shop"}}


def audited(cluster, **conditions):
    return cluster.call("AuditService.ListAuditEvents",
                     filter=" AND ".join(f'{key} = "{value}"' for key, value in conditions.items())).events


def placements(stream):
    """What a watch tells until it is in step: ids that are there, ids that were removed."""
    seen, removed = set(), set()
    for response in stream:
        for change in response.changes:
            (removed if change.removed else seen).add(change.tenant)
        if response.HasField("revision"):
            return seen, removed
    raise AssertionError("the stream ended")


def test_a_principal_without_a_role_may_nothing_but_ask_who_it_is(caller):
    name, nobody = caller()
    assert nobody.call("AccessService.WhoAmI").caller == name
    for method, fields in [("TenantService.ListTenants", {}), ("LookupService.Lookup", {"tenant": "acme"}),
                           ("AdminService.GetStatus", {}), ("AccessService.ListPrincipals", {}),
                           ("AuditService.ListAuditEvents", {})]:
        assert nobody.refused(method, **fields).code == StatusCode.PERMISSION_DENIED, method


def test_a_connector_narrowed_by_label_looks_up_its_own_tenants_alone(caller):
    _, shop = caller(SHOPS)
    assert shop.call("LookupService.Lookup", tenant="acme").password
    other = shop.refused("LookupService.Lookup", tenant="globex")
    unknown = shop.refused("LookupService.Lookup", tenant="nobody")
    assert (other.code, other.reason, other.message) == (unknown.code, unknown.reason, unknown.message)
    assert other.code == StatusCode.PERMISSION_DENIED
    results = shop.call("LookupService.BatchLookup", tenants=["acme", "globex", "nobody"]).results
    assert results[0].placement.password
    assert [wire.Error.of_status(result.error).reason for result in results[1:]] == ["PERMISSION_DENIED"] * 2
    seen, _ = placements(shop.watch())
    assert seen == {"tenants/acme"}


def test_a_viewer_sees_no_password_and_lists_only_its_own(caller):
    _, viewer = caller({"role": "ROLE_VIEWER", "tenants": ["acme"]})
    found = viewer.call("LookupService.Lookup", tenant="acme")
    assert found.endpoints and not found.password and "password" not in found.uri
    assert [one.name for one in viewer.call("TenantService.ListTenants").tenants] == ["tenants/acme"]
    targets = {one.target for one in viewer.call("OperationService.ListOperations").operations}
    assert targets == {"tenants/acme"}
    assert viewer.refused("TenantService.GetTenant", name="tenants/globex").code == StatusCode.PERMISSION_DENIED
    assert viewer.refused("TenantService.GetTenant", name="tenants/nobody").code == StatusCode.PERMISSION_DENIED
    assert viewer.refused("HostService.ListHosts").code == StatusCode.PERMISSION_DENIED
    assert viewer.refused("TenantService.SuspendTenant", name="tenants/acme").code == StatusCode.PERMISSION_DENIED


def test_operations_of_other_tenants_are_denied_like_those_that_are_not_there(cluster, caller):
    _, viewer = caller({"role": "ROLE_VIEWER", "labels": {"app": "shop"}})
    operations = cluster.call("OperationService.ListOperations").operations
    own = next(one.name for one in operations if one.target == "tenants/acme")
    other = next(one.name for one in operations if one.target == "tenants/globex")
    assert viewer.call("OperationService.GetOperation", name=own).name == own
    refusals = [viewer.refused("OperationService.GetOperation", name=name)
                for name in (other, "operations/op-aaaaaaaaaaaaaaaa")]
    assert {error.code for error in refusals} == {StatusCode.PERMISSION_DENIED}


def test_an_operator_narrowed_by_label_moves_no_tenant_across_the_border(caller, cluster):
    _, operator = caller({"role": "ROLE_OPERATOR", "labels": {"app": "shop"}})
    away = {"name": "tenants/acme", "labels": {"app": "bank"}}
    error = operator.refused("TenantService.UpdateTenant", tenant=away, update_mask={"paths": ["labels"]})
    assert error.code == StatusCode.PERMISSION_DENIED
    assert operator.refused("TenantService.CreateTenant", tenant_id="new").code == StatusCode.PERMISSION_DENIED
    operator.call("TenantService.CreateTenant", tenant_id="new", tenant={"labels": {"app": "shop"}},
                  validate_only=True)
    assert cluster.tenant("acme").labels["app"] == "shop"


def test_a_tenant_that_leaves_the_scope_is_sent_as_removed(cluster, caller):
    create(cluster, "leaver", app="shop")
    _, shop = caller(SHOPS)
    stream = shop.watch()
    seen, _ = placements(stream)
    assert "tenants/leaver" in seen
    cluster.call("TenantService.UpdateTenant", tenant={"name": "tenants/leaver", "labels": {"app": "bank"}},
              update_mask={"paths": ["labels"]})
    assert first_change(stream, "tenants/leaver").removed
    assert shop.refused("LookupService.Lookup", tenant="leaver").code == StatusCode.PERMISSION_DENIED


def first_change(stream, tenant):
    for response in stream:
        for change in response.changes:
            if change.tenant == tenant:
                return change
    raise AssertionError("the stream ended")


def end_of(stream):
    """The wire.Error that an open stream ends with, read to its end."""
    try:
        for _ in stream:
            pass
    except grpc.RpcError as error:
        return wire.Error.of_call(error)
    raise AssertionError("the stream ended well")


def test_a_revoked_token_is_refused_and_its_open_watch_ends(cluster, caller):
    name, shop = caller(SHOPS)
    stream = shop.watch()
    placements(stream)
    held = cluster.call("AccessService.GetPrincipal", name=f"principals/{name}").tokens[0].name
    before = time.monotonic()
    cluster.call("AccessService.RevokeToken", name=held)
    assert shop.refused("LookupService.Lookup", tenant="acme").reason == "TOKEN_INVALID"
    assert end_of(stream).code == StatusCode.UNAUTHENTICATED
    assert time.monotonic() - before < 30, "far below the watch's own deadline"


def test_a_lost_role_ends_the_open_watch(cluster, caller):
    name, shop = caller(SHOPS)
    stream = shop.watch()
    placements(stream)
    cluster.call("AccessService.UnbindRole", name=f"principals/{name}", binding=SHOPS)
    assert end_of(stream).code == StatusCode.PERMISSION_DENIED
    assert shop.refused("LookupService.Lookup", tenant="acme").code == StatusCode.PERMISSION_DENIED


def test_a_wider_role_makes_a_watcher_ask_anew(cluster, caller):
    name, shop = caller(SHOPS)
    stream = shop.watch()
    placements(stream)
    cluster.call("AccessService.BindRole", name=f"principals/{name}",
              binding={"role": "ROLE_LOCATOR", "tenants": ["globex"]})
    error = end_of(stream)
    assert (error.code, error.reason) == (StatusCode.UNAVAILABLE, "PERMISSIONS_CHANGED")
    seen, _ = placements(shop.watch())
    assert {"tenants/acme", "tenants/globex"} <= seen


def test_a_deleted_principal_is_nobody(cluster, caller):
    name, shop = caller(SHOPS)
    stream = shop.watch()
    placements(stream)
    cluster.call("AccessService.DeletePrincipal", name=f"principals/{name}")
    assert end_of(stream).code == StatusCode.UNAUTHENTICATED
    assert shop.refused("AccessService.WhoAmI").reason == "TOKEN_INVALID"


def test_an_expired_token_is_refused_and_its_open_watch_ends(cluster, caller):
    name, _ = caller(SHOPS)
    soon = int(time.time()) + 4
    short = Caller(cluster, token(cluster, name, expire_time={"seconds": soon}).secret)
    stream = short.watch()
    placements(stream)
    assert end_of(stream).code == StatusCode.UNAUTHENTICATED
    assert time.time() >= soon
    assert short.refused("LookupService.Lookup", tenant="acme").reason == "TOKEN_INVALID"
    short.close()


def test_a_repeat_never_shows_the_token_again(cluster, caller):
    name, _ = caller()
    request_id = str(uuid.uuid4())
    first = token(cluster, name, request_id=request_id)
    again = token(cluster, name, request_id=request_id)
    assert first.secret.startswith("croft_") and not again.secret
    assert first.token.name == again.token.name


def test_a_wrong_token_is_refused_even_beside_the_administrators_certificate(cluster):
    stub, request = wire.stub("TenantService", cluster.channel).ListTenants, wire.message("ListTenantsRequest")()
    error = wire.failure(lambda message, timeout: stub(
        message, timeout=timeout, metadata=[("authorization", "Bearer croft_" + "x" * 43)]), request)
    assert (error.code, error.reason) == (StatusCode.UNAUTHENTICATED, "TOKEN_INVALID")


def test_croftctl_gives_and_takes_access(cluster, tmp_path):
    as_admin = cluster.croftctl
    as_admin("access", "principal", "create", "desk", "--display-name", "A desk")
    as_admin("access", "bind", "desk", "connector", "-l", "app=shop")
    file = tmp_path / "desk.token"
    as_admin("access", "token", "create", "desk", "--expire-in", "1h", "--to-file", str(file))
    assert file.stat().st_mode & 0o777 == 0o600
    env = {"CROFT_SERVER": cluster.env["CROFT_SERVER"], "CROFT_CA": cluster.env["CROFT_CA"],
           "CROFT_TOKEN_FILE": str(file), "HOME": str(tmp_path), "PATH": os.environ["PATH"]}

    def as_desk(*args):
        return subprocess.run([os.path.join(BIN, "croftctl"), *args], env=env, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, check=False)
    assert "connector on app=shop" in as_desk("access", "whoami").stdout
    assert as_desk("tenant", "dsn", "acme").returncode == 0
    assert as_desk("tenant", "dsn", "globex").returncode == 4, "no permission"
    prefix = str(tmp_path / "desk")
    as_admin("access", "certificate", "create", "desk", "--to", prefix)
    by_certificate = {**env, "CROFT_TOKEN_FILE": "", "CROFT_CERT": prefix + ".crt", "CROFT_KEY": prefix + ".key"}
    who = subprocess.run([os.path.join(BIN, "croftctl"), "access", "whoami", "-o", "name"], env=by_certificate,
                         capture_output=True, text=True, check=False)
    assert who.stdout.strip() == "desk", who.stderr
    as_admin("access", "unbind", "desk", "connector", "-l", "app=shop")
    assert as_desk("tenant", "dsn", "acme").returncode == 4
    as_admin("access", "principal", "delete", "desk", "--yes")
    assert as_desk("access", "whoami").returncode == 4


def test_the_audit_says_who_did_what(cluster, caller):
    name, operator = caller({"role": "ROLE_OPERATOR", "all_tenants": True})
    operator.call("TenantService.UpdateTenant", tenant={"name": "tenants/acme", "display_name": name},
                  update_mask={"paths": ["display_name"]})
    row, = audited(cluster, caller=name, result="OK")
    assert (row.method, list(row.resources), row.count) == ("TenantService/UpdateTenant", ["tenants/acme"], 1)
    assert row.peer
    made = audited(cluster, caller="admin", resource=f"principals/{name}")
    assert {one.method for one in made} == {"AccessService/CreatePrincipal", "AccessService/BindRole",
                                            "AccessService/CreateToken"}


def test_reads_of_passwords_and_denied_calls_are_in_the_audit(cluster, caller):
    name, shop = caller(SHOPS)
    shop.call("LookupService.Lookup", tenant="acme")
    first, = audited(cluster, caller=name, method="LookupService/Lookup", result="OK")
    assert list(first.resources) == ["tenants/acme"], "durable before the answer"
    for _ in range(3):
        shop.call("LookupService.Lookup", tenant="acme")
        shop.refused("LookupService.Lookup", tenant="globex")
    denied = wait_until(lambda: audited(cluster, caller=name, result="PERMISSION_DENIED"), "the denial is in the audit")
    assert {tuple(row.resources) for row in denied} == {("tenants/globex",)}
    assert len(audited(cluster, caller=name, method="LookupService/Lookup", result="OK")) == 1, "once in an hour"


def test_no_secret_is_in_the_catalog_or_a_log(cluster, caller):
    name, _ = caller(SHOPS)
    secret = token(cluster, name).secret
    Caller(cluster, secret).call("LookupService.Lookup", tenant="acme")
    for folder, _, files in os.walk(cluster.state):
        for file in files:
            path = os.path.join(folder, file)
            if os.path.isfile(path) and "/pg/" not in path:
                with open(path, "rb") as opened:
                    assert secret[6:].encode() not in opened.read(), path


def head_of(cluster, *args, check=True):
    return cluster.croftctl("audit", "verify", *args, check=check)


def test_what_is_changed_behind_the_audits_back_is_found(cluster):
    head = head_of(cluster).stdout.strip()
    assert head_of(cluster, "--expect-head", head).stdout.startswith(head.split(":", maxsplit=1)[0])
    catalog = os.path.join(catalog_folder(cluster), "catalog.db")
    cluster.stop("croftd")
    kept = catalog + ".kept"
    shutil.copy(catalog, kept)

    def put_back():
        shutil.copyfile(kept, catalog)  # into the same inode, which the catalog minds
    try:
        for change in ["UPDATE audit SET caller = 'mallory' WHERE sequence = 3",
                       "DELETE FROM audit WHERE sequence = 3",
                       "DELETE FROM audit WHERE sequence = (SELECT max(sequence) FROM audit)",
                       "INSERT INTO audit_checkpoint SELECT 1, sequence, hash, time, time, x'00' FROM audit "
                       "WHERE sequence = 3; DELETE FROM audit WHERE sequence <= 3"]:
            put_back()
            with sqlite3.connect(catalog) as database:
                database.executescript(change)
            database.close()
            cluster.start("croftd")
            broken = head_of(cluster, "--expect-head", head, check=False)
            assert broken.returncode == 1, change
            assert "the audit was changed from outside" in broken.stderr, change
            cluster.stop("croftd")
    finally:
        put_back()
        os.unlink(kept)
        cluster.start("croftd")
    assert head_of(cluster, "--expect-head", head).returncode == 0


def catalog_folder(cluster):
    for folder, _, files in os.walk(cluster.state):
        if "catalog.db" in files:
            return folder
    raise LookupError("no catalog")
