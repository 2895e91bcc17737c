"""Networks that share nothing: each has loopback alone, and a port of it leads elsewhere only where a test says so."""
import ctypes
import os
import socket
import subprocess
import threading

from cluster import TOP

_CLONE_NEWNET = 0x40000000
_OURS = "/proc/self/ns/net"


class Network:
    """A network of its own, as long as the context lasts. Needs the rights to enter one, as root has."""

    def __init__(self):
        self._holder = None
        self._listeners = []

    def __enter__(self):
        self._holder = subprocess.Popen(
            [os.path.join(TOP, "tests", "e2e", "in_own_network"), "sh", "-c", "echo made; exec sleep infinity"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        assert self._holder.stdout.readline() == b"made\n"
        return self

    def __exit__(self, kind, error, trace):
        for listener in self._listeners:
            listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        self._holder.kill()
        self._holder.wait()
        self._holder.stdout.close()

    def command(self, words):
        """`words` as a command that runs in this network."""
        return ["nsenter", f"--net={self._path()}", "--", *words]

    def lead_out(self, port):
        """Connections to 127.0.0.1:`port` of this network go to that port of ours."""
        self._lead(port, self._path(), _OURS)

    def lead_in(self, port):
        """Connections to 127.0.0.1:`port` of ours go to that port of this network."""
        self._lead(port, _OURS, self._path())

    def _path(self):
        return f"/proc/{self._holder.pid}/ns/net"

    def _lead(self, port, here, there):
        listener = _in_network(here, lambda: socket.create_server(("127.0.0.1", port)))
        self._listeners.append(listener)
        with open(there, "rb") as file:
            # Kept open, so that it is the network meant even if its holder ends.
            target = os.dup(file.fileno())
        threading.Thread(target=_serve, args=(listener, target, port), daemon=True).start()


def _serve(listener, target, port):
    while True:
        try:
            client, _ = listener.accept()
        except OSError:
            os.close(target)
            return
        threading.Thread(target=_carry_both, args=(client, target, port), daemon=True).start()


def _carry_both(client, target, port):
    with client:
        try:
            server = _in_network(f"/proc/self/fd/{target}", lambda: socket.create_connection(("127.0.0.1", port), 10))
        except OSError:
            return
        with server:
            server.settimeout(None)
            back = threading.Thread(target=_carry, args=(server, client), daemon=True)
            back.start()
            _carry(client, server)
            back.join()


def _carry(source, target):
    try:
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        for end in (source, target):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


def _in_network(path, make):
    """What `make()` answers in the network of `path`. A thread enters it, for a network is a thread's own, and a socket's for
    good."""
    result = []

    def enter():
        libc = ctypes.CDLL(None, use_errno=True)
        with open(path, "rb") as file:
            if libc.setns(file.fileno(), _CLONE_NEWNET) != 0:
                result.append(OSError(ctypes.get_errno(), f"the network {path} cannot be entered"))
                return
        try:
            result.append(make())
        except OSError as error:
            result.append(error)
    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    if isinstance(result[0], OSError):
        raise result[0]
    return result[0]
