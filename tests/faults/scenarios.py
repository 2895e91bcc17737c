"""Faults that are no single call's."""
import os
import shutil
import subprocess
import socket

from cell import BIN, run, running, wait_until
from field import HOST, expect
from rest import check_bystander, check_fleet, check_rest
from strikes import settle


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
    settle(field, check_rest)
    settle(field, check_fleet)


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


SCENARIOS = {"twins": twins}
