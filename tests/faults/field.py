"""A cluster whose daemons can be made to fail at any call, and what must hold in it whatever failed."""
import json
import os
import subprocess
import time
import uuid

import grpc
import wire
from cluster import BIN, running, wait_until
from login import PSQL_PROGRAM
from trigger import Trigger

HOST = "h1"
PROGRAMS = {"croftd": "croftd", HOST: "croft-agent"}
TIMEOUT = 120
QUICK = [("grpc.initial_reconnect_backoff_ms", 50), ("grpc.min_reconnect_backoff_ms", 50),
         ("grpc.max_reconnect_backoff_ms", 200)]

SERVER_SQL = """
SELECT json_build_object(
  'databases', (SELECT coalesce(json_agg(json_build_object(
      'name', datname, 'limit', datconnlimit, 'open', datallowconn,
      'logins', ARRAY(SELECT rolname FROM pg_roles WHERE rolcanlogin AND NOT rolsuper AND rolname LIKE 't\\_%'
                      AND has_database_privilege(oid, pg_database.oid, 'CONNECT') ORDER BY rolname))), '[]')
    FROM pg_database WHERE NOT datistemplate AND datname <> 'postgres'),
  'roles', (SELECT coalesce(json_agg(rolname), '[]') FROM pg_roles WHERE rolname !~ '^pg_' AND rolname <> 'croft'
             AND NOT rolsuper))
"""


class Wrong(Exception):
    """An invariant that does not hold."""


def expect(condition, words):
    if not condition:
        raise Wrong(words)


class Field:
    """Takes over a running Cluster with one host. `with` is not needed: the cluster cleans up."""

    def __init__(self, cluster):
        self.cluster = cluster
        self.triggers = {}
        self.meanwhile = None  # called while an answer is awaited
        self.let_rest = set()  # daemons that are not started again when they have ended
        self.left_folders = set()  # by PostgreSQL servers that were killed
        self.reach = []  # what a program is started by that is to be where PostgreSQL listens
        self._channel = None
        for name in cluster.names():
            self.triggers[name] = Trigger(os.path.join(cluster.state, "run", name + ".faults"))
            self.kill(name)
            self.launch(name)
        wait_until(lambda: self.host_is_up(), "the host is up")
        self.passwords = set()
        self.bystander = self.new_tenant("bystander")

    # --- daemons ---------------------------------------------------------------------------------------------

    def launch(self, name, *options):
        # AddressSanitizer, where a build has it, is not the first library then.
        self.cluster.relaunch(name, *options, env={"LD_PRELOAD": os.path.join(BIN, "croft_faults.so"),
                                                "ASAN_OPTIONS": "verify_asan_link_order=0",
                                                **self.triggers[name].environment(PROGRAMS[name])})
        if name == "croftd":
            self.hang_up()

    def hang_up(self):
        """The next call opens a connection of its own."""
        if self._channel:
            self._channel.close()
            self._channel = None

    def kill(self, name):
        pid = self.cluster.pid(name)
        if running(pid):
            self.cluster.kill(name)

    def is_running(self, name):
        return running(self.cluster.pid(name))

    def raise_the_dead(self):
        """Starts again what has ended; the names."""
        self.cluster.keep_servers()
        ended = [name for name in self.cluster.names() if name not in self.let_rest and not self.is_running(name)]
        for name in ended:
            self.triggers[name].disarm()
            self.launch(name)
        return ended

    def log_size(self, name):
        return os.path.getsize(os.path.join(self.cluster.state, "log", name + ".log"))

    def log_from(self, name, size):
        """What the daemon has logged since its log had this size."""
        with open(os.path.join(self.cluster.state, "log", name + ".log"), "rb") as file:
            file.seek(size)
            return file.read().decode("utf-8", "replace")

    def host_is_up(self):
        host = self.ask("HostService.GetHost", name=f"hosts/{HOST}")
        return host.state == host.STATE_UP and host.postgres_version

    # --- calls -----------------------------------------------------------------------------------------------

    def start_call(self, method, seconds=30, **fields):
        if self._channel is None:
            self._channel = quick_channel(self.cluster.env)
        service, _, name = method.partition(".")
        request = wire.message(name + "Request")(**fields)
        return getattr(wire.stub(service, self._channel), name).future(request, timeout=seconds, wait_for_ready=True)

    def ask(self, method, **fields):
        """The answer, asked again while the control plane is away, and started again where it has ended."""
        deadline = time.monotonic() + TIMEOUT
        while True:
            call = self.start_call(method, **fields)
            while not call.done() and not self.raise_the_dead():
                if self.meanwhile:
                    self.meanwhile()
                time.sleep(0.002)
            try:
                return call.result(timeout=30)
            except (grpc.RpcError, grpc.FutureTimeoutError, grpc.FutureCancelledError) as error:
                away = isinstance(error, grpc.RpcError) and error.code() in (
                    grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED)
                if not away:
                    raise
                if time.monotonic() > deadline:
                    end = self.log_from("croftd", max(0, self.log_size("croftd") - 500))
                    raise Wrong(f"no answer within {TIMEOUT} s; the control plane's log ends with {end!r}") from error

    def refusal(self, method, **fields):
        """Why the call is refused; None when it is not."""
        try:
            self.ask(method, **fields)
        except grpc.RpcError as error:
            return wire.Error.of_call(error).reason
        return None

    def begin(self, method, **fields):
        """The operation that the call begins, told once and no more, however often it has to be asked."""
        return self.ask(method, request_id=str(uuid.uuid4()), **fields)

    def finish(self, operation):
        """The operation when it is done. What ends meanwhile is started again."""
        deadline = time.monotonic() + TIMEOUT
        while not operation.done:
            if time.monotonic() > deadline:
                raise Wrong(f"it does not end: {operation}")
            operation = self.ask("OperationService.WaitOperation", name=operation.name, timeout={"seconds": 20})
        return operation

    def succeed(self, method, **fields):
        operation = self.finish(self.begin(method, **fields))
        expect(operation.state == operation.STATE_SUCCEEDED, f"it failed: {operation}")
        return operation

    def new_tenant(self, tenant):
        self.succeed("TenantService.CreateTenant", tenant_id=tenant)
        self.psql(self.lookup(tenant), "CREATE TABLE t AS SELECT i, md5(i::text) AS x FROM generate_series(1, 500) AS i")
        return tenant

    def tenant(self, tenant):
        return self.ask("TenantService.GetTenant", name=f"tenants/{tenant}")

    def lookup(self, tenant):
        found = self.ask("LookupService.Lookup", tenant=tenant)
        self.passwords.add(found.password)
        return found

    # --- PostgreSQL ------------------------------------------------------------------------------------------

    def try_psql(self, found, sql, database=None):
        """psql's result with what a lookup found, as an application would have it."""
        folder = os.path.join(self.cluster.state, "run")
        address = found.endpoints[0]
        passfile, root = os.path.join(folder, "pass"), os.path.join(folder, "root.crt")
        for path, text in ((passfile, "*:*:*:*:" + found.password.replace("\\", "\\\\").replace(":", "\\:") + "\n"),
                           (root, found.root_certificate)):
            with open(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
                file.write(text)
        variables = {"PGHOST": address.host, "PGPORT": str(address.port), "PGUSER": address.user,
                     "PGDATABASE": database or address.database, "PGPASSFILE": passfile, "PGSSLMODE": "verify-full",
                     "PGSSLROOTCERT": root, "PATH": os.environ["PATH"], "PGCONNECT_TIMEOUT": "10"}
        return subprocess.run([*self.reach, PSQL_PROGRAM, "-X", "-q", "-w", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", sql],
                              env=variables, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)

    def psql(self, found, sql):
        result = self.try_psql(found, sql)
        expect(result.returncode == 0, f"{found.endpoints[0].user} does not get in: {result.stderr}")
        return result.stdout.strip()

    def server(self):
        """What the host's PostgreSQL holds, asked past all of Croft."""
        folder, port = self.cluster.postgres_address(HOST)
        return json.loads(subprocess.run(
            [PSQL_PROGRAM, "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-U", self.cluster.superuser_name(HOST), "-h", folder, "-p",
             str(port), "-d", "postgres", "-c", SERVER_SQL], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True).stdout)


def quick_channel(env):
    def read(variable):
        with open(env[variable], "rb") as file:
            return file.read()

    credentials = grpc.ssl_channel_credentials(read("CROFT_CA"), read("CROFT_KEY"), read("CROFT_CERT"))
    return grpc.secure_channel(env["CROFT_SERVER"], credentials, options=QUICK)
