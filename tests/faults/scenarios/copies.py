"""Two control planes that hold the same catalog, each on a file of its own."""
import os
import shutil
import signal
import subprocess

import wire
from cluster import running, wait_until
from field import HOST, expect, quick_channel
from scenarios.common import at_rest, free_port, replaced


def copy(place):
    """A copy of the control plane's folder leads; the one it was copied from wakes up, and no agent obeys it."""
    field, cluster = place.field, place.cluster
    original, first = dict(cluster.env), cluster.pid("croftd")
    folder, address = os.path.join(cluster.state, "copy"), f"127.0.0.1:{free_port()}"
    os.kill(first, signal.SIGSTOP)
    try:
        shutil.copytree(os.path.join(cluster.state, "croftd"), folder, ignore=shutil.ignore_patterns("*.sock"))
        # The first keeps its ports while it sleeps.
        for option, value in (("--state", folder), ("--listen", address), ("--metrics-listen", "off")):
            cluster.commands["croftd"] = replaced(cluster.commands["croftd"], option, value)
        check_refused(cluster.commands["croftd"])
        cluster.env["CROFT_SERVER"] = address
        field.launch("croftd", "--take-over")
        send_agent_to(field, address)
        field.new_tenant("of-the-copy")
        at_rest(field)

        os.kill(first, signal.SIGCONT)
        check_not_obeyed(field, original)
        send_agent_to(field, address)
        wait_until(field.host_is_up, "the host is back with the copy")
        field.succeed("TenantService.RotateCredentials", name="tenants/of-the-copy", overlap={"seconds": 0})
        at_rest(field)
    finally:
        os.kill(first, signal.SIGKILL)
        wait_until(lambda: not running(first), "the first is gone")


def check_refused(command):
    result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30, check=False)
    expect(result.returncode != 0 and "is a copy of a catalog" in result.stdout + result.stderr,
           f"a copy serves without being told to take over: {result}")


def send_agent_to(field, address):
    """The agent's log from here on begins where this says."""
    field.kill(HOST)
    field.cluster.commands[HOST] = replaced(field.cluster.commands[HOST], "--server", address)
    seen = field.log_size(HOST)
    field.launch(HOST)
    return seen


def check_not_obeyed(field, original):
    """The first control plane, which knows nothing of the copy, takes work on and has the agent call it."""
    channel = quick_channel(original)
    try:
        request = wire.message("CreateTenantRequest")(tenant_id="obeyed")
        wire.stub("TenantService", channel).CreateTenant(request, timeout=30, wait_for_ready=True)
        seen = send_agent_to(field, original["CROFT_SERVER"])
        wait_until(lambda: "is not the one that leads" in field.log_from(HOST, seen), "the agent says why it refuses")
        expect("task" not in field.log_from(HOST, seen), "the agent works for the one that was copied")
        expect("t_obeyed_" not in str(field.server()), "the one that was copied had an effect")
    finally:
        channel.close()
