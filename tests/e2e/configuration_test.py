"""Daemons take what may change of their configuration at SIGHUP, and say what needs a restart; croftd keeps old records as
long as its configuration says."""
import contextlib
import datetime
import json
import os
import signal
import sqlite3

import grpc
import pytest
import wire
from cluster import Cluster, running, wait_until
from old_records import age, make_schedules_due


@pytest.fixture(scope="module", name="cluster")
def running_cluster():
    with Cluster(agents=1) as cluster:
        yield cluster


def configure(cluster, name, text):
    path = os.path.join(cluster.state, "run", name + ".toml")
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    os.chmod(path, 0o644)
    return path


def lines(cluster, name):
    """Of the daemon's log, those that are JSON."""
    with open(os.path.join(cluster.state, "log", name + ".log"), encoding="utf-8") as log:
        return [json.loads(line) for line in log if line.startswith("{")]


def hang_up(cluster, name, message, **fields):
    """Sends SIGHUP and waits for a line with that message and these fields."""
    before = len(lines(cluster, name))
    os.kill(cluster.pid(name), signal.SIGHUP)

    def said():
        return [line for line in lines(cluster, name)[before:]
                if line["message"] == message and fields.items() <= line.items()]
    return wait_until(said, f"{name} says {message} {fields}")[0]


def relaunch(cluster, name, path):
    """By its configuration file, with its log as a service has it."""
    command = [word for word in cluster.commands[name] if word not in ("--log-format", "text")]
    command[command.index("--config") + 1] = path
    cluster.commands[name] = command
    cluster.stop(name)
    cluster.relaunch(name)
    wait_until(lambda: is_up(cluster), "the host is up")


def is_up(cluster):
    try:
        return cluster.host_state("h1") == "STATE_UP"
    except grpc.RpcError:  # croftd does not listen yet
        return False


@pytest.mark.parametrize("name", ["croftd", "h1"])
def test_sighup_takes_what_may_change_and_names_what_needs_a_restart(cluster, name):
    path = configure(cluster, name, "log_level = 'info'\n")
    relaunch(cluster, name, path)
    pid = cluster.pid(name)

    configure(cluster, name, "log_level = 'debug'\nadvertise = 'elsewhere:7443'\n"
              if name == "croftd" else "log_level = 'debug'\nadvertise = ['elsewhere:7443']\n")
    changed = hang_up(cluster, name, "an option changed", option="log_level")
    assert changed["value"] == '"debug"' and changed["place"] == f"{path}:1:13"
    hang_up(cluster, name, "an option changed that needs a restart", option="advertise")

    configure(cluster, name, "log_levl = 'info'\n")
    refused = hang_up(cluster, name, "the configuration is not taken", place=f"{path}:1:1")
    assert "did you mean 'log_level'?" in refused["problem"]
    assert running(pid) and cluster.pid(name) == pid


def test_logs_of_control_plane_and_agent_carry_the_trace_of_the_call(cluster):
    for name in ("croftd", "h1"):
        relaunch(cluster, name, configure(cluster, name, "log_level = 'debug'\n"))
    trace, request_id = "4bf92f3577b34da6a3ce929d0e0e4736", "4f7c1b0e-0d5a-4c3a-9a43-0a4f6b1f2c11"
    request = wire.message("CreateTenantRequest")(tenant_id="traced", request_id=request_id)
    cluster.succeed(cluster.service("TenantService").CreateTenant(
        request, metadata=[("traceparent", f"00-{trace}-00f067aa0ba902b7-01")], timeout=30))
    asked = [line for line in lines(cluster, "croftd") if line.get("trace_id") == trace]
    assert asked and all(line["request_id"] == request_id for line in asked), asked
    done = [line for line in lines(cluster, "h1") if line.get("trace_id") == trace]
    assert done and all(line["operation"].startswith("op-") for line in done), done


def test_limits_change_while_it_runs(cluster):
    path = configure(cluster, "croftd", "")
    relaunch(cluster, "croftd", path)
    configure(cluster, "croftd", "calls_per_second = 1\n")
    hang_up(cluster, "croftd", "an option changed", option="calls_per_second")
    token = os.path.join(cluster.state, "viewer.token")
    cluster.croftctl("access", "principal", "create", "viewer")
    cluster.croftctl("access", "bind", "viewer", "viewer", "--all-tenants")
    cluster.croftctl("access", "token", "create", "viewer", "--to-file", token)
    with open(token, encoding="ascii") as file:
        metadata = [("authorization", "Bearer " + file.read().strip())]
    with open(cluster.env["CROFT_CA"], "rb") as file:
        credentials = grpc.ssl_channel_credentials(file.read())
    with grpc.secure_channel(cluster.env["CROFT_SERVER"], credentials) as channel:
        listing = wire.stub("TenantService", channel).ListTenants
        calls = [listing.future(wire.message("ListTenantsRequest")(), metadata=metadata, timeout=30) for _ in range(20)]
        codes = {call.code() for call in calls}
    assert codes == {grpc.StatusCode.OK, grpc.StatusCode.RESOURCE_EXHAUSTED}


KEPT = "keep_operations = 2\nkeep_requests = 24\nkeep_audit = 2\nkeep_events = 2\n"


def keep(cluster, first, last, meanwhile):
    """Starts croftd again, to prune from `first` to `last` hours from now. `meanwhile` is called with its catalog."""
    now = datetime.datetime.now(datetime.timezone.utc)
    ends = [(now + datetime.timedelta(hours=hours)).strftime("%H:%M") for hours in (first, last)]
    path = configure(cluster, "croftd", KEPT + f"prune_window = '{ends[0]}-{ends[1]}'\n")
    cluster.stop("croftd")
    meanwhile(os.path.join(cluster.state, "croftd", "catalog.db"))
    relaunch(cluster, "croftd", path)


def hours_until_pruning(cluster):
    """Of each kind of record, when the oldest are pruned next."""
    path = os.path.join(cluster.state, "croftd", "catalog.db")
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as catalog:
        times = catalog.execute("SELECT next_time FROM schedules WHERE kind LIKE 'PRUNE%' AND resource = ''").fetchall()
    now = datetime.datetime.now(datetime.timezone.utc).timestamp()
    return [(time / 1_000_000 - now) / 3600 for (time,) in times]


def test_old_records_are_pruned_in_their_window_once_they_were_kept_for_long_enough(cluster):
    request = {"tenant_id": "kept", "request_id": "0d4c1f6e-3c53-4c67-8b1c-6a2f0f3f9d10"}
    created = cluster.succeed(cluster.call("TenantService.CreateTenant", **request))

    keep(cluster, 2, 4, meanwhile=lambda catalog: age(catalog, days=3))
    wait_until(lambda: len(hours_until_pruning(cluster)) == 4 and all(1.9 < h < 4 for h in hours_until_pruning(cluster)),
               "what was due waits for its window")
    assert cluster.call("TenantService.CreateTenant", **request).name == created.name
    told = {"parent": "tenants/kept", "type_prefix": "croft.tenant.created"}
    assert cluster.call("EventService.ListEvents", **told).events
    assert not cluster.call("AuditService.VerifyAudit").HasField("pruned")
    cluster.croftctl("tenant", "update", "kept", "--display-name", "a row that is not old")
    head = cluster.call("AuditService.VerifyAudit").head

    keep(cluster, -1, 1, meanwhile=make_schedules_due)
    pruned = wait_until(lambda: cluster.call("AuditService.VerifyAudit", expect=head).pruned.head.sequence, "the audit is cut")
    assert pruned == head.sequence - 1
    assert f"rows 1 to {pruned}, the last of them from" in cluster.croftctl("audit", "verify").stderr
    rows = cluster.call("AuditService.ListAuditEvents", page_size=1000).events
    assert min(row.sequence for row in rows) == pruned + 1
    wait_until(lambda: cluster.refused("TenantService.CreateTenant", **request).reason == "TENANT_EXISTS",
               "the request id is forgotten")
    wait_until(lambda: not cluster.call("EventService.ListEvents", **told).events, "the event is pruned")
    wait_until(lambda: all(hours > 0 for hours in hours_until_pruning(cluster)), "all was pruned")
    assert cluster.refused("OperationService.GetOperation", name=created.name).reason == "OPERATION_NOT_FOUND"
    assert cluster.psql("kept", "SELECT 1") == "1"
