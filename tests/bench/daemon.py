"""A control plane alone, whose catalog was filled past it: for figures that need no database host."""
import os
import shutil
import signal
import subprocess
import tempfile
import time

import grpc
import peers
import wire
from cluster import BIN


class Daemon:
    """Use as a context manager; everything is gone when it ends."""

    def __init__(self, tenants, metrics="off"):
        """`metrics`: where its HTTP server of metrics listens."""
        self._tenants = tenants
        self._metrics = metrics
        self.state = tempfile.mkdtemp(prefix="croft-bench.", dir="/var/tmp")
        self.port = peers.free_port()
        self._process = None
        self._channel = None
        tls = os.path.join(self.state, "tls")
        self.env = {"CROFT_SERVER": f"127.0.0.1:{self.port}", "CROFT_CA": os.path.join(tls, "ca.crt"),
                    "CROFT_CERT": os.path.join(tls, "admin.crt"), "CROFT_KEY": os.path.join(tls, "admin.key")}

    def __enter__(self):
        try:
            self._run("croftd", "init", "--state", self.state)
            self._run("bench_fill", "--state", self.state, "--tenants", str(self._tenants))
        except BaseException:
            shutil.rmtree(self.state)
            raise
        return self

    def __exit__(self, kind, error, trace):
        self.stop()
        shutil.rmtree(self.state)

    @property
    def pid(self):
        return self._process.pid

    @property
    def channel(self):
        if self._channel is None:
            self._channel = wire.channel(self.env)
        return self._channel

    def call(self, method, **fields):
        service, _, name = method.partition(".")
        return getattr(wire.stub(service, self.channel), name)(wire.message(name + "Request")(**fields), timeout=60)

    def timed_call(self, method, **fields):
        """The answer, and the seconds until its bytes were here: reading them is the caller's."""
        service, _, name = method.partition(".")
        call = self.channel.unary_unary(f"/croft.v1.{service}/{name}",
                                        request_serializer=lambda request: request.SerializeToString())
        request = wire.message(name + "Request")(**fields)
        begin = time.perf_counter()
        answer = call(request, timeout=60)
        taken = time.perf_counter() - begin
        return wire.message(name + "Response").FromString(answer), taken

    def forget_cached_files(self):
        """The next start reads the catalog from the disk."""
        for name in os.listdir(self.state):
            if name.startswith("catalog.db"):
                descriptor = os.open(os.path.join(self.state, name), os.O_RDONLY)
                os.fsync(descriptor)
                os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
                os.close(descriptor)

    def start(self):
        """Seconds until the first lookup is answered."""
        begin = time.perf_counter()
        with open(os.path.join(self.state, "log"), "ab") as log:
            self._process = subprocess.Popen(
                [os.path.join(BIN, "croftd"), "serve", "--state", self.state, "--listen", f"127.0.0.1:{self.port}",
                 "--metrics-listen", self._metrics],
                stdout=log, stderr=log)
        while True:
            try:
                self.call("LookupService.Lookup", tenant="bench-0")
                return time.perf_counter() - begin
            except grpc.RpcError as error:
                if self._process.poll() is not None or time.perf_counter() - begin > 300:
                    with open(os.path.join(self.state, "log"), encoding="utf-8") as log:
                        raise RuntimeError(f"croftd did not come up:\n{log.read()}") from error
                self._hang_up()  # a new channel has no back-off
                time.sleep(0.02)

    def stop(self):
        self._hang_up()
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait()
            self._process = None

    def _hang_up(self):
        if self._channel is not None:
            self._channel.close()
            self._channel = None

    @staticmethod
    def _run(program, *arguments):
        subprocess.run([os.path.join(BIN, program), *arguments], check=True, stdout=subprocess.DEVNULL)
