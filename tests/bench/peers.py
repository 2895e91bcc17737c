"""Peers of the lookup benchmarks, started on loopback in a temporary folder and gone at the end."""
import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import time

import grpc

from cluster import BIN


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def cpu_seconds(pid):
    """User and system time the process has used."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_bytes(pid):
    return _status_bytes(pid, "VmRSS")


def _status_bytes(pid, name):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith(name + ":"))


class PeakMemory:
    """How far the process's resident memory rises above what it is now."""

    def __init__(self, pid):
        self._pid = pid
        self._idle = resident_bytes(pid)
        self._forget_peak()

    def above_idle(self):
        """Bytes, since the last call or the start."""
        peak = _status_bytes(self._pid, "VmHWM")
        self._forget_peak()
        return max(0, peak - self._idle)

    def _forget_peak(self):
        with open(f"/proc/{self._pid}/clear_refs", "w", encoding="ascii") as file:
            file.write("5")


@contextlib.contextmanager
def _running(command, ready, **options):
    with tempfile.TemporaryDirectory(prefix="croft-bench.") as folder:
        with open(os.path.join(folder, "log"), "wb") as log:
            process = subprocess.Popen(command(folder), stdout=options.pop("stdout", log), stderr=log, **options)
        try:
            deadline = time.monotonic() + 30
            while not ready(process):
                if process.poll() is not None or time.monotonic() > deadline:
                    with open(os.path.join(folder, "log"), encoding="utf-8") as log:
                        raise RuntimeError(f"{process.args} did not come up:\n{log.read()}")
                time.sleep(0.05)
            yield process
        finally:
            process.terminate()
            process.wait()


def _listens(port):
    def check(_):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0
    return check


class Pair:
    """PEM files of a server's certificate and key, for peers that want them apart."""

    def __init__(self, folder, both):
        with open(both, encoding="ascii") as file:
            text = file.read()
        at = text.index("-----BEGIN CERTIFICATE")
        key_first = text.index("-----BEGIN") < at
        end = text.index("-----END CERTIFICATE-----") + len("-----END CERTIFICATE-----\n")
        self.certificate = os.path.join(folder, "server.crt")
        self.key = os.path.join(folder, "server.key")
        with open(self.certificate, "w", encoding="ascii") as file:
            file.write(text[at:] if key_first else text[:end])
        with open(os.open(self.key, os.O_CREAT | os.O_WRONLY, 0o600), "w", encoding="ascii") as file:
            file.write(text[:at] if key_first else text[end:])


@contextlib.contextmanager
def bare_server(pair, authority, answer):
    """(process, port) of a gRPC server that answers everything with the bytes in the file `answer`."""
    command = [os.path.join(BIN, "bench_bare_server"), "--cert", pair.certificate, "--key", pair.key, "--ca", authority,
               "--answer", answer]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process, int(process.stdout.readline())
        finally:
            process.stdin.close()


@contextlib.contextmanager
def etcd(pair, authority, key, value):
    """(process, port) of etcd over TLS, holding `value` under `key`."""
    port, peer = free_port(), free_port()

    def command(folder):
        return [shutil.which("etcd"), "--data-dir", os.path.join(folder, "data"), "--log-level", "error",
                "--listen-client-urls", f"https://127.0.0.1:{port}", "--advertise-client-urls",
                f"https://127.0.0.1:{port}", "--listen-peer-urls", f"http://127.0.0.1:{peer}",
                "--initial-advertise-peer-urls", f"http://127.0.0.1:{peer}", "--initial-cluster",
                f"default=http://127.0.0.1:{peer}", "--cert-file", pair.certificate, "--key-file", pair.key]

    with _running(command, _listens(port)) as process, open(authority, "rb") as root:
        credentials = grpc.ssl_channel_credentials(root.read())
        with grpc.secure_channel(f"127.0.0.1:{port}", credentials) as channel:
            put = channel.unary_unary("/etcdserverpb.KV/Put")
            put(field(1, key) + field(2, value), timeout=20, wait_for_ready=True)
        yield process, port


def etcd_version():
    output = subprocess.run(["etcd", "--version"], stdout=subprocess.PIPE, text=True, check=True).stdout
    return output.split()[2]


@contextlib.contextmanager
def redis(pair, values):
    """(process, port, options of redis-benchmark) of Redis over TLS with `values`."""
    port = free_port()

    def command(folder):
        return [shutil.which("redis-server"), "--port", "0", "--tls-port", str(port), "--bind", "127.0.0.1",
                "--tls-cert-file", pair.certificate, "--tls-key-file", pair.key, "--tls-auth-clients", "no",
                "--tls-ca-cert-file", pair.certificate, "--save", "", "--dir", folder]

    options = ["-h", "127.0.0.1", "-p", str(port), "--tls", "--insecure"]
    with _running(command, _listens(port)) as process:
        for key, value in values.items():
            subprocess.run(["redis-cli", *options, "-x", "SET", key], input=value, text=True,
                           stdout=subprocess.DEVNULL, check=True)
        yield process, port, options


def varint(number):
    encoded = b""
    while number > 0x7F:
        encoded += bytes([number & 0x7F | 0x80])
        number >>= 7
    return encoded + bytes([number])


def field(number, value):
    """A protobuf field: bytes, or a number."""
    if isinstance(value, bytes):
        return varint(number << 3 | 2) + varint(len(value)) + value
    return varint(number << 3) + varint(value)


def range_request(key):
    """etcd's RangeRequest for one key, serializable: answered by the member itself."""
    return field(1, key) + field(7, 1)
