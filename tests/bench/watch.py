"""From a write to a thousand watchers, each on a connection of its own, against etcd's watch."""
import contextlib
import json
import os
import subprocess
import tempfile

import peers
import wire
from cluster import BIN
from daemon import Daemon
from google.protobuf import field_mask_pb2, struct_pb2
from report import Row

ROUNDS = 3
WATCHERS, WRITES = 1_000, 20


def request_file(folder, name, content):
    path = os.path.join(folder, name)
    with open(path, "wb") as file:
        file.write(content)
    return path


def update(number):
    """UpdateTenant that changes what lookups answer."""
    settings = struct_pb2.Struct()
    settings["number"] = number
    return wire.message("UpdateTenantRequest")(
        tenant={"name": "tenants/bench-0", "settings": settings},
        update_mask=field_mask_pb2.FieldMask(paths=["settings"])).SerializeToString()


class Side:
    def __init__(self, env, port, *arguments):
        self._command = [os.path.join(BIN, "bench_watchers"), "--target", f"127.0.0.1:{port}", "--ca", env["CROFT_CA"],
                         "--cert", env["CROFT_CERT"], "--key", env["CROFT_KEY"], "--watchers", str(WATCHERS),
                         "--writes", str(WRITES), *arguments]
        self.p50, self.p99 = [], []

    def measure(self):
        result = json.loads(subprocess.run(self._command, stdout=subprocess.PIPE, check=True).stdout)
        self.p50.append(result["p50_us"] / 1e6)
        self.p99.append(result["p99_us"] / 1e6)


def run(rounds):
    rounds = max(2, rounds or ROUNDS)
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="croft-bench.", dir="/var/tmp"))
        daemon = stack.enter_context(Daemon(1))
        daemon.start()
        answer = daemon.call("LookupService.Lookup", tenant="bench-0").SerializeToString()
        watch = wire.message("WatchPlacementsRequest")().SerializeToString()
        croft = Side(daemon.env, daemon.port, "--half-close",
                     "--watch-method", "/croft.v1.LookupService/WatchPlacements",
                     "--watch-request", request_file(folder, "watch", watch),
                     "--write-method", "/croft.v1.TenantService/UpdateTenant",
                     "--write-request", request_file(folder, "one", update(1)), request_file(folder, "two", update(2)))

        pair = peers.Pair(folder, os.path.join(daemon.state, "tls", "server.pem"))
        key = b"tenants/bench-0"
        _, port = stack.enter_context(peers.etcd(pair, daemon.env["CROFT_CA"], key, answer))
        put = peers.field(1, key) + peers.field(2, answer)
        etcd = Side(daemon.env, port, "--watch-method", "/etcdserverpb.Watch/Watch",
                    "--watch-request", request_file(folder, "etcd-watch", peers.field(1, peers.field(1, key))),
                    "--write-method", "/etcdserverpb.KV/Put", "--write-request", request_file(folder, "put", put))
        for _ in range(rounds):
            croft.measure()
            etcd.measure()
        version = peers.etcd_version()
        return [Row(f"watch: commit to {WATCHERS} watchers, p99", "etcd watch", croft.p99, etcd.p99, reach=1,
                    versions={"etcd": version}),
                Row(f"watch: commit to {WATCHERS} watchers, median", "etcd watch", croft.p50, etcd.p50, reach=1)]
