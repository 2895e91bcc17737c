"""Bad input over the wire: every text, number and enum field of every method that reflection tells of.

For each field, every value of the corpus is sent in a request that is otherwise right. The answer must name the
field (or, where the value is a well-formed name of nothing, say NOT_FOUND), carry exactly one ErrorInfo, and
change nothing.
"""
import functools
import os
import re
import subprocess
import uuid

import grpc
import pytest
import reflection
import wire
from cluster import Cluster
from google.protobuf.descriptor import FieldDescriptor
from grpc import StatusCode

SERVICES = sorted(name for module in wire.MODULES.values() for name in module.DESCRIPTOR.services_by_name)
# A stream of an agent's own: tests/fuzz, agent_messages, takes what comes over it.
ELSEWHERE = {"AgentService.Connect"}
# Methods that agents alone may call.
AGENTS = {"AgentService.RenewCertificate"}

INVALID_UTF8 = "\u241b\u241b"  # a placeholder of six bytes: replaced in the serialised request
TEXT = {
    "empty": "",
    "63 bytes": "a" * 63,
    "64 bytes": "a" * 64,
    "NUL": "ac\0me",
    "invalid UTF-8": INVALID_UTF8,
    "single quote": "ac'me",
    "double quote": 'ac"me',
    "backslash": "ac\\me",
    "dollar quotes": "$$",
    "percent": "%s%n",
    "dots": "../etc/passwd",
    "psql command": "acme\n\\!id",
    "conninfo": "x host=evil",
    "NFC": "caf\u00e9",
    "NFD": "cafe\u0301",
    "template1": "template1",
    "postgres": "postgres",
    "pg_": "pg_x",
    "forged database": "t_acme_aaaaaaaaaaaaaaaa_g2",
    "4 MiB": "a" * (4 << 20),
}
NUMBERS = {
    FieldDescriptor.TYPE_INT32: [-1, -(2**31), 2**31 - 1],
    FieldDescriptor.TYPE_INT64: [-1, -(2**63), 2**63 - 1],
    FieldDescriptor.TYPE_ENUM: [-1, 99, 2**31 - 1],
}

ID = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
ALIAS = re.compile(r"[a-z0-9._:-]{1,253}")
EVENT_TYPE = re.compile(r"[a-z_.]{1,100}")
GIVEN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
STORE = re.compile(r"[A-Za-z0-9._-]{1,100}")
LABEL = re.compile(r"[A-Za-z0-9._-]{0,63}")

# Fields that only Croft writes: what a caller sends there is passed over.
OUTPUT_ONLY = {
    "tenant": "uid create_time update_time delete_time purge_time state suspend_mode placement credentials "
              "last_backup current_operation conditions storage_level closed_for_growth kept_databases last_proof "
              "backup_policy_in_force",
    "host": "uid create_time update_time advertise_endpoints cordoned state last_seen_time agent_version "
            "postgres_version system_identifier timeline task_kinds stores database_count free_bytes tls "
            "postgres_up problem free_bytes_unknown managed max_connections missing_rights tls_verifiable "
            "store_names",
    "policy": "create_time update_time state tenants_seen tenants_total",
    "principal": "uid create_time update_time bindings tokens certificates",
}
# Fields of a resource that one method makes itself or, since it cannot change them, passes over.
PASSED_OVER = {
    "CreateTenant": {"tenant.name", "tenant.etag"},
    "BeginImport": {"tenant.name", "tenant.etag"},
    "FinishImport": {"tenant.name", "tenant.etag"},
    "UpdateTenant": {"tenant.extensions", "tenant.locale"},
    "CreatePrincipal": {"principal.name", "principal.etag"},
}
# Fields without which a request asks nothing.
REQUIRED = {"name", "parent", "tenant_id", "tenant", "tenants", "tenant.name", "host.name", "policy.name", "system_identifier",
            "principal_id", "fingerprint", "certificate_request", "token", "binding.tenants", "expect.hash", "to_store"}
REQUIRED_BY_METHOD = {"RestoreTenant": {"backup"}, "CreateJoinToken": {"host"}}
NOT_REQUIRED_BY_METHOD = {"ListEvents": {"parent"}, "WatchEvents": {"parent"}}
# Numbers of which even the largest are refused.
BOUNDED = {"tenant.quota.connections"}
ENUMS = {"role", "purpose", "mode", "binding.role", "kind"}
# Text for people or of the caller's own making, which may hold nearly anything.
FREE_TEXT = {"tenant.display_name", "tenant.settings", "tenant.features", "waive_backup_reason",
             "principal.display_name", "note", "reason", "database"}
# Opaque values that Croft handed out: another etag is a lost race, another revision one to start again from.
OPAQUE = re.compile(r"(.*\.)?etag|since\..*")


def legal(path, value, method):
    """Whether `value` is well formed for the field, so that the call may succeed or miss."""
    if path in FREE_TEXT or OPAQUE.fullmatch(path) or path in PASSED_OVER.get(method, ()):
        return True
    if path.startswith(("archive.", "missing.")):  # what describes an archive, in another PostgreSQL's words
        return path != "archive.server_version" and (path != "archive.sha256" or re.fullmatch(r"[0-9a-f]{64}", str(value)) is not None)
    if path == "upload":
        return re.fullmatch(r"[a-z2-7]{16}", value) is not None
    if path in ("tenant.expire_time", "tenant.storage_grace_time", "since") and value == -1:
        return True  # 1969: long ago, but a time
    if path == "policy.priority" and value == -1:
        return True
    if not isinstance(value, str):
        return value > 0 and path not in BOUNDED and path not in ENUMS
    if value == "":
        needed = REQUIRED - NOT_REQUIRED_BY_METHOD.get(method, set()) | REQUIRED_BY_METHOD.get(method, set())
        return path not in needed
    field = path.rpartition(".")[2]
    if field in ("tenant_id", "new_tenant_id", "principal_id") or path == "binding.tenants":
        return ID.fullmatch(value) is not None
    if path in ("name", "parent", "backup", "host", "tenant.name", "host.name", "policy.name"):
        return False  # resource names carry their collection; well_formed_names() covers them
    if path in ("tenant", "tenants", "tenant.aliases"):
        return ALIAS.fullmatch(value) is not None
    if field in ("labels", "host_selector", "prove_on", "selector"):
        return LABEL.fullmatch(value) is not None
    if path in ("copy", "to_store", "tenant.backup_policy.copy_to", "policy.rules.copy_to"):
        return STORE.fullmatch(value) is not None
    if path == "given_name":
        return GIVEN_NAME.fullmatch(value) is not None
    if path == "type_prefix":
        return EVENT_TYPE.fullmatch(value) is not None
    if path in ("fingerprint", "expect.hash"):
        return re.fullmatch(r"[0-9a-f]{64}", value) is not None
    if path in ("tenant.locale", "server_names"):
        return re.fullmatch(r"[A-Za-z0-9._@-]{1,253}", value) is not None
    return False


@pytest.fixture(scope="module", name="cluster")
def running_cluster():
    with Cluster(agents=1) as cluster:
        cluster.croftctl("tenant", "create", "acme")
        cluster.croftctl("backup", "create", "acme")
        cluster.call("AccessService.CreatePrincipal", principal_id="shop")
        cluster.croftctl("backup", "policy", "set", "nightly", "--keep", "3")
        yield cluster
        as_agent(cluster).close()


@pytest.fixture(scope="module", name="right")
def right_values(cluster):
    """A good value for each field that a request must have, by method and field."""
    backups = cluster.service("BackupService").ListBackups(wire.message("ListBackupsRequest")(parent="tenants/acme"))
    operations = cluster.service("OperationService").ListOperations(wire.message("ListOperationsRequest")())
    names = {
        "TenantService": "tenants/acme", "HostService": "hosts/h1", "BackupService": backups.backups[0].name,
        "OperationService": operations.operations[0].name, "AccessService": "principals/shop", "UsageService": "tenants/acme",
        "BackupPolicyService": "backupPolicies/nightly",
    }
    join_token = cluster.call("HostService.CreateJoinToken", host="hosts/h9").token
    head = cluster.call("AuditService.VerifyAudit").head
    signable = subprocess.run(["openssl", "req", "-new", "-subj", "/CN=shop", "-newkey", "ec", "-pkeyopt",
                               "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", os.devnull],
                              check=True, capture_output=True, text=True).stdout

    def fill(service, request):
        fields = request.DESCRIPTOR.fields_by_name
        for field, value in {
            "name": names.get(service), "backup": names["BackupService"],
            "parent": "principals/shop" if service == "AccessService" else "tenants/acme",
            "tenant_id": "fresh", "principal_id": "fresh", "system_identifier": "1", "validate_only": True,
            "fingerprint": "a" * 64, "certificate_request": signable, "token": join_token, "reason": "case 17", "to_store": "nowhere",
            "upload": "a" * 16, "data": b"x",
        }.items():
            if field in fields and value:
                setattr(request, field, value)
        if "request_id" in fields:
            request.request_id = str(uuid.uuid4())
        kind = type(request).__name__
        if kind == "UpdateTenantRequest":
            request.tenant.name = "tenants/acme"
        elif kind == "SetBackupPolicyRequest":
            request.policy.name = "backupPolicies/nightly"
            request.policy.rules.keep = 3
        elif kind == "BeginImportRequest":
            request.archive.size_bytes = 1
            request.archive.sha256 = "a" * 64
            request.archive.server_version = "15.20"
            request.archive.encoding = "UTF8"
            request.archive.owner_role, request.archive.reader_role = "t_acme", "t_acme_r"
        elif kind == "UpdateHostRequest":
            request.host.name = "hosts/h1"
        elif kind == "CreateJoinTokenRequest":
            request.host = "hosts/h1"
        elif kind == "LookupRequest":
            request.tenant = "acme"
        elif kind == "BatchLookupRequest":
            request.tenants.append("acme")
        elif kind in ("BindRoleRequest", "UnbindRoleRequest"):
            request.binding.role = request.binding.ROLE_VIEWER
            request.binding.tenants.append("acme")
        elif kind == "VerifyAuditRequest":
            request.expect.CopyFrom(head)
        elif kind == "StartCampaignRequest":
            request.kind = wire.message("Operation").KIND_ROTATE
        elif kind == "RevokeTokenRequest":
            request.name = "principals/shop/tokens/" + "a" * 16
        return request

    return fill


def methods():
    for service in SERVICES:
        for method in wire.service_descriptor(service).methods:
            if f"{service}.{method.name}" not in ELSEWHERE:
                yield pytest.param(service, method, id=f"{service}.{method.name}")


def leaves(descriptor, path=(), seen=()):
    """Paths (of field descriptors) to every text, number and enum field below a message."""
    for field in descriptor.fields:
        here = (*path, field)
        top = path[0].name if path else ""
        if len(path) == 1 and field.name in OUTPUT_ONLY.get(top, "").split():
            continue
        if field.type != FieldDescriptor.TYPE_MESSAGE:
            if field.type == FieldDescriptor.TYPE_STRING or field.type in NUMBERS:
                yield here
        elif field.message_type.full_name not in seen:
            yield from leaves(field.message_type, here, (*seen, field.message_type.full_name))


def dotted(path):
    """As errors name the field: `tenant.labels` for keys and values of a map, `x` for x.seconds."""
    names = []
    for field in path:
        names.append(field.name)
        kind = field.message_type
        if kind and (kind.GetOptions().map_entry or kind.full_name.startswith("google.protobuf.")):
            break
    return ".".join(names)


def put(request, path, value):
    """Sets one leaf, making the messages on the way; a map or list on the way gets one entry."""
    message = request
    if dotted(path) == "binding.labels":
        request.binding.ClearField("tenants")  # a binding has one scope
    for field in path[:-1]:
        kind = field.message_type
        if kind.GetOptions().map_entry:
            entries = getattr(message, field.name)
            key, held = kind.fields_by_name["key"], kind.fields_by_name["value"]
            inner = path[path.index(field) + 1:]
            put_entry(entries, inner, held, value, key_is_bad=inner[0] == key)
            return
        message = getattr(message, field.name).add() if repeated(field) else getattr(message, field.name)
    if repeated(path[-1]):
        getattr(message, path[-1].name)[:] = [value]
    else:
        setattr(message, path[-1].name, value)
    message.SetInParent()


def put_entry(entries, inner, held, value, key_is_bad):
    if held.message_type is None:
        if key_is_bad:
            entries[value] = "value"
        else:
            entries["key"] = value
    elif key_is_bad:
        entries[value].string_value = "value"
    else:
        put(entries["key"], inner[1:], value)


def repeated(field):
    return field.label == FieldDescriptor.LABEL_REPEATED


def call(cluster, service, method, request):
    """(answer, Error): one of the two is None. The request goes out as bytes, so that it may be no UTF-8."""
    data = request.SerializeToString().replace(INVALID_UTF8.encode(), b"ab\xff\xfecd")
    path = f"/croft.v1.{service}/{method.name}"
    channel = as_agent(cluster) if f"{service}.{method.name}" in AGENTS else cluster.channel
    try:
        if method.server_streaming:
            answers = channel.unary_stream(path)(data, timeout=10)
            first = next(iter(answers), b"")
            answers.cancel()
            return first, None
        answer = channel.unary_unary(path)(data, timeout=30)
    except grpc.RpcError as error:
        return None, wire.Error.of_call(error)
    if method.name == "BatchLookup":  # an error for one name fails only that name
        results = wire.message("BatchLookupResponse").FromString(answer).results
        if results and results[0].HasField("error"):
            return None, wire.Error.of_status(results[0].error)
    return answer, None


@functools.lru_cache(maxsize=1)
def as_agent(cluster):
    """A channel with the identity of the cluster's host."""
    identity = os.path.join(cluster.state, "agents", "h1", "identity")
    return wire.channel({**cluster.env, "CROFT_KEY": os.path.join(identity, "agent.key"),
                         "CROFT_CERT": os.path.join(identity, "agent.crt")})


def everything(cluster):
    """All that calls could change, as text."""
    hosts = cluster.call("HostService.ListHosts")
    for host in hosts.hosts:
        host.ClearField("last_seen_time")
        host.ClearField("free_bytes")
        host.ClearField("update_time")
        host.ClearField("etag")
    tenants = cluster.service("TenantService").ListTenants(wire.message("ListTenantsRequest")(show_retired=True))
    backups = cluster.service("BackupService").ListBackups(wire.message("ListBackupsRequest")(parent="tenants/-"))
    databases = cluster.superuser("h1", "SELECT datname FROM pg_database UNION ALL SELECT rolname FROM pg_roles ORDER BY 1")
    principals = cluster.call("AccessService.ListPrincipals")
    operations = cluster.call("OperationService.ListOperations")
    return f"{hosts}{tenants}{backups}{operations}{principals}{databases}"


def complaint(error, path, value, may_pass):
    """What is wrong with the answer, or None."""
    if value == TEXT["4 MiB"]:
        return None if error and error.code == StatusCode.RESOURCE_EXHAUSTED else "not refused as too large"
    if error is None:
        return None if may_pass else "accepted"
    if len(error.infos) != 1 or error.infos[0].domain != "croft" or not error.reason:
        # gRPC itself answers bytes that are no UTF-8.
        bare = value == INVALID_UTF8 and error.code in (StatusCode.INVALID_ARGUMENT, StatusCode.UNIMPLEMENTED,
                                                        StatusCode.INTERNAL)
        return None if bare else "not exactly one ErrorInfo of croft"
    if error.code == StatusCode.INVALID_ARGUMENT:
        named = any(re.sub(r"\[\d+\]", "", field).startswith(path) or path.startswith(field) for field in error.fields)
        return None if named else f"does not name the field {path}"
    if error.reason == "FEATURE_NOT_AVAILABLE":
        return None if may_pass and error.metadata["field"] == path else f"does not name the field {path}"
    if may_pass and path.startswith("expect.") and error.reason == "AUDIT_BROKEN":
        return None  # a head that never was
    if may_pass and error.code in (StatusCode.NOT_FOUND, StatusCode.FAILED_PRECONDITION, StatusCode.ABORTED,
                                   StatusCode.ALREADY_EXISTS, StatusCode.OUT_OF_RANGE):
        return None
    return "another code than INVALID_ARGUMENT"


def short(value):
    return repr(value) if len(repr(value)) < 80 else repr(value)[:60] + "…"


def test_these_are_all_the_methods_that_reflection_tells_of(cluster):
    assert reflection.services(cluster.channel, "croft.v1") == ["croft.v1." + name for name in SERVICES]
    for name in SERVICES:
        told = reflection.file_of(cluster.channel, "croft.v1." + name)
        assert told == wire.service_descriptor(name).file.serialized_pb, f"{name} is described differently"


@pytest.mark.parametrize("service, method", methods())
def test_bad_values_are_refused_by_field_and_change_nothing(cluster, right, service, method):
    before = everything(cluster)
    wrong, sent = [], 0
    for path in leaves(method.input_type):
        values = NUMBERS.get(path[-1].type) or TEXT.values()
        for value in values:
            name = dotted(path)
            may_pass = legal(name, value, method.name)
            request = right(service, wire.message(method.input_type.name)())
            if may_pass and "validate_only" not in request.DESCRIPTOR.fields_by_name and changes(method):
                continue  # nothing is wrong with it, and it would be carried out
            put(request, path, value)
            _, error = call(cluster, service, method, request)
            sent += 1
            what = complaint(error, name, value, may_pass)
            if what:
                wrong.append(f"{name} = {short(value)}: {what}: {error}")
    if everything(cluster) != before:
        wrong.append("something was changed")
    assert not wrong, f"{len(wrong)} of {sent} answers are wrong:\n" + "\n".join(wrong)


def changes(method):
    return not re.match(r"(Get|List|Wait|Watch|Lookup|BatchLookup|VerifyAudit)", method.name)


NAMED = {"tenants": "TENANT_NOT_FOUND", "hosts": "HOST_NOT_FOUND", "operations": "OPERATION_NOT_FOUND"}


@pytest.mark.parametrize("collection", NAMED)
def test_well_formed_names_of_nothing_are_not_found(cluster, collection):
    service, method = {"tenants": ("TenantService", "GetTenant"), "hosts": ("HostService", "GetHost"),
                       "operations": ("OperationService", "GetOperation")}[collection]
    for one in ("a" * 63, "template1", "postgres", "op-aaaaaaaaaaaaaaaa"):
        if collection == "operations" and not one.startswith("op-"):
            continue
        request = wire.message(method + "Request")(name=f"{collection}/{one}")
        error = wire.failure(getattr(cluster.service(service), method), request)
        assert (error.code, error.reason) == (StatusCode.NOT_FOUND, NAMED[collection]), (one, error)
        assert one in str(error.metadata), error


@pytest.mark.parametrize("name", [name for name, value in TEXT.items() if value and len(value) < 100])
def test_names_hold_an_id_after_their_collection(cluster, name):
    value = TEXT[name]
    if ID.fullmatch(value):
        return
    for method, request in (("GetTenant", "GetTenantRequest"), ("RetireTenant", "RetireTenantRequest")):
        message = wire.message(request)(name="tenants/" + value)
        _, error = call(cluster, "TenantService", next(m for m in wire.service_descriptor("TenantService").methods
                                                    if m.name == method), message)
        assert error is not None and complaint(error, "name", value, False) is None, error


def test_display_names_come_back_byte_for_byte(cluster):
    tenants = cluster.service("TenantService")
    for value in ("ac'me", 'ac"me', "ac\\me", "$$", "%s%n", "../etc/passwd", "x host=evil", "caf\u00e9", "cafe\u0301"):
        request = wire.message("UpdateTenantRequest")()
        request.tenant.name = "tenants/acme"
        request.tenant.display_name = value
        request.update_mask.paths.append("display_name")
        tenants.UpdateTenant(request)
        assert tenants.GetTenant(wire.message("GetTenantRequest")(name="tenants/acme")).display_name == value
