"""Daemons take what may change of their configuration at SIGHUP, and say what needs a restart."""
import json
import os
import signal

import grpc
import pytest
import wire
from cluster import Cluster, running, wait_until


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
