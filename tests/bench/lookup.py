"""Lookups against the least a gRPC server can do, etcd, Redis and PostgreSQL, all on loopback, over TLS."""
import contextlib
import json
import os
import subprocess
import tempfile

import peers
import wire
from cluster import BIN, Cluster
from report import Row

ROUNDS = 5
SECONDS = 2
CHANNELS, DEPTH = 4, 64
TENANTS = 100


class Server:
    """One side of a comparison: where it listens, what it is asked, and the process whose time counts."""

    def __init__(self, pid, port, method, request, env, per_request=1):
        self.pid, self.port, self.method, self.env = pid, port, method, env
        self.request, self.per_request = request, per_request
        self.wall, self.cpu = [], []

    def measure(self, folder):
        path = os.path.join(folder, "request")
        with open(path, "wb") as file:
            file.write(self.request)
        before = peers.cpu_seconds(self.pid)
        result = load(self.env, self.port, self.method, path)
        asked = result["requests"] * self.per_request
        self.wall.append(result["seconds"] / asked)
        self.cpu.append((peers.cpu_seconds(self.pid) - before) / asked)


def load(env, port, method, request_file, seconds=SECONDS, channels=CHANNELS, depth=DEPTH):
    command = [os.path.join(BIN, "bench_load"), "--target", f"127.0.0.1:{port}", "--ca", env["CROFT_CA"], "--cert",
               env["CROFT_CERT"], "--key", env["CROFT_KEY"], "--method", method, "--request", request_file,
               "--channels", str(channels), "--depth", str(depth), "--milliseconds", str(int(seconds * 1000))]
    result = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
    if result["errors"]:
        raise RuntimeError(f"{method}: {result}")
    return result


def alternate(sides, rounds, folder):
    for number in range(rounds + 1):
        for side in sides:
            side.measure(folder)
        if number == 0:  # a warm-up
            for side in sides:
                side.wall.clear()
                side.cpu.clear()


def redis_benchmark(options, command, requests):
    """Seconds a request."""
    output = subprocess.run(["redis-benchmark", *options, "-c", "50", "-n", str(requests), "--csv", *command],
                            stdout=subprocess.PIPE, text=True, check=True).stdout
    rate = float(output.splitlines()[-1].split('","')[1].strip('"'))
    return 1 / rate


def cached(env, port):
    command = [os.path.join(BIN, "bench_cached_lookup"), "--target", f"127.0.0.1:{port}", "--ca", env["CROFT_CA"],
               "--cert", env["CROFT_CERT"], "--key", env["CROFT_KEY"], "--tenants", str(TENANTS)]
    result = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
    if result["errors"]:
        raise RuntimeError(f"cached lookups failed: {result}")
    return result


def run(rounds):
    rounds = max(2, rounds or ROUNDS)
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="croft-bench."))
        cluster = stack.enter_context(Cluster(agents=1))
        names = [f"bench-{number}" for number in range(TENANTS)]
        for operation in [cluster.call("TenantService.CreateTenant", tenant_id=name) for name in names]:
            cluster.succeed(operation)
        port = int(cluster.env["CROFT_SERVER"].rpartition(":")[2])
        pid = cluster.pid("croftd")
        env = cluster.env
        pair = peers.Pair(folder, os.path.join(cluster.state, "croftd", "tls", "server.pem"))

        request = wire.message("LookupRequest")(tenant=names[0])
        answer = cluster.call("LookupService.Lookup", tenant=names[0]).SerializeToString()
        path = os.path.join(folder, "answer")
        with open(path, "wb") as file:
            file.write(answer)
        lookup = Server(pid, port, "/croft.v1.LookupService/Lookup", request.SerializeToString(), env)

        bare_process, bare_port = stack.enter_context(peers.bare_server(pair, env["CROFT_CA"], path))
        bare = Server(bare_process.pid, bare_port, "/bare/Answer", request.SerializeToString(), env)
        alternate([lookup, bare], rounds, folder)
        rows = [Row("lookup: one RPC, wall", "bare gRPC server", lookup.wall, bare.wall, reach=1 / 0.95),
                Row("lookup: one RPC, server CPU", "bare gRPC server", lookup.cpu, bare.cpu, reach=1 / 0.95)]

        etcd_process, etcd_port = stack.enter_context(peers.etcd(pair, env["CROFT_CA"], b"bench-0", answer))
        etcd = Server(etcd_process.pid, etcd_port, "/etcdserverpb.KV/Range", peers.range_request(b"bench-0"), env)
        again = Server(pid, port, lookup.method, lookup.request, env)
        alternate([again, etcd], rounds, folder)
        rows.append(Row("lookup: one RPC, wall", "etcd Range", again.wall, etcd.wall, reach=1 / 3,
                        versions={"etcd": peers.etcd_version()}))
        rows += batch_rows(stack, cluster, names, pair, answer, rounds, folder)
        return rows


def batch_rows(stack, cluster, names, pair, answer, rounds, folder):
    """A hundred names at once, per name; and the cache of the C++ client."""
    port, pid = int(cluster.env["CROFT_SERVER"].rpartition(":")[2]), cluster.pid("croftd")
    batch = Server(pid, port, "/croft.v1.LookupService/BatchLookup",
                   wire.message("BatchLookupRequest")(tenants=names).SerializeToString(), cluster.env,
                   per_request=len(names))
    value = answer[:300].hex()
    _, _, options = stack.enter_context(peers.redis(pair, {name: value for name in names}))
    mget, get, local, pgbench = [], [], [], []
    table = postgres_table(cluster, names, value)
    for number in range(rounds + 1):
        batch.measure(folder)
        mget.append(redis_benchmark(options, ["MGET", *names], 20_000) / len(names))
        pgbench.append(postgres_select(cluster, table, folder) / len(names))
        result = cached(cluster.env, port)
        local.append(result["seconds"] / result["requests"])
        get.append(redis_benchmark(options, ["GET", names[0]], 50_000))
    for samples in (batch.wall, mget, pgbench, local, get):
        del samples[0]  # the warm-up
    version = subprocess.run(["redis-server", "--version"], stdout=subprocess.PIPE, text=True, check=True).stdout
    return [Row("batch lookup of 100, per name", "Redis MGET of 100", batch.wall, mget, reach=1,
                versions={"Redis": version.split("v=")[1].split()[0]}),
            Row("batch lookup of 100, per name", "PostgreSQL = ANY, prepared", batch.wall, pgbench, reach=1),
            Row("cached lookup, C++ client", "Redis GET", local, get, reach=1 / 100)]


def postgres_table(cluster, names, value):
    values = ", ".join(f"('{name}', '{value}')" for name in names)
    cluster.superuser("h1", "CREATE TABLE bench (name text PRIMARY KEY, value text NOT NULL)")
    cluster.superuser("h1", f"INSERT INTO bench VALUES {values}")
    return "SELECT name, value FROM bench WHERE name = ANY (ARRAY[" + ", ".join(f"'{name}'" for name in names) + "]);"


def postgres_select(cluster, statement, folder):
    """Seconds a statement, over the local socket, which is faster than TLS."""
    script = os.path.join(folder, "select.sql")
    with open(script, "w", encoding="utf-8") as file:
        file.write(statement + "\n")
    socket, port = cluster.postgres_address("h1")
    output = subprocess.run([pgbench_program(), "-n", "-M", "prepared", "-c", "16", "-j", "2", "-T", str(SECONDS), "-f", script,
                             "-h", socket, "-p", str(port), "-U", "croft", "postgres"], stdout=subprocess.PIPE,
                            stderr=subprocess.DEVNULL, text=True, check=True).stdout
    rate = next(float(line.split()[2]) for line in output.splitlines() if line.startswith("tps"))
    return 1 / rate


def pgbench_program():
    found = subprocess.run(["bash", "-c", "ls -d /usr/lib/postgresql/*/bin/pgbench | sort -V | tail -1"],
                           stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
    return found or "pgbench"
