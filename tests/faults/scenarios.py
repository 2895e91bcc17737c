"""Faults that are no single call's: a copied catalog, a cloned agent, a cut network, a full disk."""
import os
import shutil
import subprocess
import signal
import socket

from cell import BIN, run, running, wait_until
from field import HOST, expect
from rest import check_bystander
from strikes import settle

MEBIBYTE = 1 << 20


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def replaced(words, option, value):
    """The command with another value of an option."""
    words = list(words)
    words[words.index(option) + 1] = value
    return words


def at_rest(field):
    check_bystander(field)
    settle(field)


def copy(field):
    """A copy of the control plane's folder leads; the one it was copied from wakes up and has no effect."""
    cell = field.cell
    agent, control_plane = cell.commands[HOST], cell.commands["croftd"]
    folder, port, first = os.path.join(cell.state, "copy"), free_port(), cell.pid("croftd")
    os.kill(first, signal.SIGSTOP)
    try:
        shutil.copytree(os.path.join(cell.state, "croftd"), folder, ignore=shutil.ignore_patterns("*.sock"))
        moved = replaced(replaced(control_plane, "--state", folder), "--listen", f"127.0.0.1:{port}")
        refused = subprocess.run(moved, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30, check=False)
        expect(refused.returncode != 0 and "is a copy of a catalog" in refused.stdout + refused.stderr,
               f"a copy serves without being told to take over: {refused}")
        cell.commands["croftd"] = moved
        field.kill(HOST)
        field.launch("croftd", "--take-over")
        old_server, cell.env["CROFT_SERVER"] = cell.env["CROFT_SERVER"], f"127.0.0.1:{port}"
        cell.commands[HOST] = replaced(agent, "--server", f"127.0.0.1:{port}")
        field.launch(HOST)
        field.new_tenant("of-the-copy")
        at_rest(field)

        # The zombie wakes up, and an agent that is sent to it does not obey.
        os.kill(first, signal.SIGCONT)
        field.kill(HOST)
        cell.commands[HOST] = agent
        seen = field.log_size(HOST)
        field.launch(HOST)
        wait_until(lambda: "epoch" in field.log_from(HOST, seen), "the agent says that the epoch is old")
        field.kill(HOST)
        cell.commands[HOST] = replaced(agent, "--server", f"127.0.0.1:{port}")
        field.launch(HOST)
        wait_until(field.host_is_up, "the host is back with the copy")
        field.succeed("TenantService.RotateCredentials", name="tenants/of-the-copy", overlap={"seconds": 0})
        at_rest(field)
        expect(old_server != cell.env["CROFT_SERVER"], "the copy has an address of its own")
    finally:
        os.kill(first, signal.SIGKILL)
        wait_until(lambda: not running(first), "the first is gone")


def twins(field):
    """A clone of the agent takes its place; the older one is told and ends."""
    cell = field.cell
    original, pid = cell.commands[HOST], cell.pid(HOST)
    folder = os.path.join(cell.state, "agents", "twin")
    os.mkdir(folder, 0o711)
    shutil.copytree(os.path.join(cell.state, "agents", HOST, "identity"), os.path.join(folder, "identity"))
    command = replaced(replaced(original, "--state", folder), "--port", str(free_port()))
    field.let_rest.add(HOST)
    with open(os.path.join(cell.state, "log", "twin.log"), "wb") as log, \
            subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log) as twin:
        try:
            wait_until(lambda: not running(pid), "the older one ends", 90)
            expect("another agent has connected" in cell.logs(), "the older one does not say why it ended")
            # Its PostgreSQL is another, so nothing is done there.
            wait_until(lambda: host_state(field) == "STATE_IDENTITY_CHANGED", "the other server is noticed", 90)
        finally:
            twin.terminate()
            field.let_rest.remove(HOST)
    run([os.path.join(BIN, "croft-agent"), "stop-postgres", "--state", folder])
    field.raise_the_dead()
    wait_until(field.host_is_up, "the host is up again")
    field.new_tenant("after-twins")
    at_rest(field)


def host_state(field):
    host = field.ask("HostService.GetHost", name=f"hosts/{HOST}")
    return host.State.Name(host.state)


class CutNetwork:
    """A namespace for the agent, by a cable that can be cut. Needs root."""

    def __init__(self):
        self.name = f"croft{os.getpid() % 10000}"
        net = os.getpid() % 250
        self.here, self.there = f"10.213.{net}.1", f"10.213.{net}.2"

    def __enter__(self):
        ends = (self.name + "a", self.name + "b")
        run(["ip", "netns", "add", self.name])
        run(["ip", "link", "add", ends[0], "type", "veth", "peer", "name", ends[1], "netns", self.name])
        run(["ip", "addr", "add", self.here + "/24", "dev", ends[0]])
        self.plug()
        inside = ["ip", "-n", self.name]
        run([*inside, "addr", "add", self.there + "/24", "dev", ends[1]])
        run([*inside, "link", "set", ends[1], "up"])
        run([*inside, "link", "set", "lo", "up"])
        return self

    def __exit__(self, kind, error, trace):
        run(["ip", "link", "del", self.name + "a"])
        run(["ip", "netns", "del", self.name])

    def plug(self):
        run(["ip", "link", "set", self.name + "a", "up"])

    def cut(self):
        run(["ip", "link", "set", self.name + "a", "down"])


def network(field):
    """The agent loses the control plane in the middle of operations, for longer than its silence is borne."""
    cell = field.cell
    port = cell.env["CROFT_SERVER"].rpartition(":")[2]
    commands = dict(cell.commands)
    with CutNetwork() as cable:
        try:
            for name in (HOST, "croftd"):
                field.kill(name)
            with open(os.path.join(cell.state, "croftd", "server-names"), "a", encoding="ascii") as names:
                names.write(cable.here + "\n")
            cell.commands["croftd"] = replaced(commands["croftd"], "--listen", f"0.0.0.0:{port}")
            cell.commands[HOST] = ["ip", "netns", "exec", cable.name,
                                   *replaced(commands[HOST], "--server", f"{cable.here}:{port}")]
            for name in ("croftd", HOST):
                field.launch(name)
            wait_until(field.host_is_up, "the host is up by the cable")
            for at in (1, 12, 30):
                cut_in_the_middle(field, cable, f"cut-{at}", at)
            at_rest(field)
        finally:
            cable.plug()
            cell.commands.update(commands)
            for name in (HOST, "croftd"):
                field.kill(name)
            for name in ("croftd", HOST):
                field.launch(name)


def cut_in_the_middle(field, cable, tenant, at):
    trigger = field.triggers[HOST]
    trigger.arm(0)
    operation = field.begin("TenantService.CreateTenant", tenant_id=tenant)
    wait_until(lambda: trigger.count >= at, "the agent is at work")
    cable.cut()
    wait_until(lambda: host_state(field) == "STATE_AWAY", "the host is away", 90)
    cable.plug()
    operation = field.finish(operation)
    expect(operation.state == operation.STATE_SUCCEEDED, f"it failed: {operation}")
    field.psql(field.lookup(tenant), "SELECT 1")


def disk(field):
    """No room for the catalog: the control plane ends with a sentence, and goes on when there is room."""
    cell = field.cell
    folder = os.path.join(cell.state, "croftd")
    field.kill("croftd")
    shutil.move(folder, folder + ".old")
    os.mkdir(folder, 0o700)
    run(["mount", "-t", "tmpfs", "-o", "size=16m,mode=0700", "tmpfs", folder])
    try:
        for name in os.listdir(folder + ".old"):
            if not name.endswith(".sock"):
                shutil.move(os.path.join(folder + ".old", name), folder)
        field.launch("croftd", "--take-over")  # it lies under another file now
        wait_until(field.host_is_up, "the host is up")
        fill(folder, spare=96 << 10)
        seen, before = field.log_size("croftd"), []
        pid = cell.pid("croftd")
        for number in range(200):
            if not running(pid):
                break
            call = field.start_call("TenantService.CreateTenant", tenant_id=f"full-{number}")
            if call.exception(timeout=60) is None:
                before.append(call.result())
        wait_until(lambda: not running(pid), "the control plane ends")
        expect("no room is left" in field.log_from("croftd", seen), "it does not say that there is no room")
        os.unlink(os.path.join(folder, "filler"))
        for operation in before:
            ended = field.finish(operation)  # which starts it again
            expect(ended.state == ended.STATE_SUCCEEDED, f"what was acknowledged failed: {ended}")
        at_rest(field)
    finally:
        field.kill("croftd")
        for name in os.listdir(folder):
            shutil.copy2(os.path.join(folder, name), folder + ".old") if not os.path.isdir(
                os.path.join(folder, name)) else shutil.copytree(
                    os.path.join(folder, name), os.path.join(folder + ".old", name), dirs_exist_ok=True)
        run(["umount", "--lazy", folder])
        os.rmdir(folder)
        shutil.move(folder + ".old", folder)
        field.launch("croftd", "--take-over")


def fill(folder, spare):
    """Leaves `spare` bytes of a small file system."""
    room = os.statvfs(folder)
    with open(os.path.join(folder, "filler"), "wb") as file:
        file.write(bytes(room.f_bavail * room.f_frsize - spare))


SCENARIOS = {"copy": copy, "twins": twins, "network": network, "disk": disk}
NEED_ROOT = ("network", "disk")
