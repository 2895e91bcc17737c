"""What scenarios share."""
import os
import socket

from cluster import BIN, run
from field import HOST
from rest import check_bystander, check_fleet, check_rest
from faults import settle


def at_rest(field):
    check_bystander(field)
    settle(field, check_rest)
    settle(field, check_fleet)


def host_state(field):
    host = field.ask("HostService.GetHost", name=f"hosts/{HOST}")
    return host.State.Name(host.state)


def stop_postgres(state):
    run([os.path.join(BIN, "croft-agent"), "stop-postgres", "--state", state])


def replaced(words, option, value):
    """The command with another value of an option."""
    words = list(words)
    words[words.index(option) + 1] = value
    return words


def free_port():
    """Below those that outgoing connections have, and above those that clusters choose."""
    for port in range(8600, 9600):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    raise LookupError("no port is free")
