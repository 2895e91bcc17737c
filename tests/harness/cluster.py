"""A real control plane with real agents and PostgreSQL servers in a temporary folder, for tests and benchmarks.

It is started and stopped by deploy/quickstart, so what is tested is what people start.

CROFT_TEST_POSTGRES says what its hosts are: `managed` (the default), servers that their agents run; or 15, 16, 17 or 18,
servers of that version that somebody else keeps, whose agents are no superusers.
"""
import os
import shutil
import signal
import subprocess
import tempfile
import time

import external
import wire
from login import PSQL, Login

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BIN = os.environ.get("CROFT_BIN", os.path.join(TOP, "build", "bin"))


class Cluster:
    """Use as a context manager; everything is gone when it ends."""

    def __init__(self, agents=2, before_start=None, postgres=None, setup=()):
        """`before_start(cluster)` is called when the folder is there and nothing runs yet. `postgres` overrules
        CROFT_TEST_POSTGRES; a list of versions gives each host a server of its own version. `setup` are options of
        `croft-agent external-setup`, where somebody else keeps the servers."""
        # PostgreSQL's user must be able to enter it.
        self.state = tempfile.mkdtemp(prefix="croft-test.", dir="/var/tmp")
        os.chmod(self.state, 0o711)
        kind = postgres or os.environ.get("CROFT_TEST_POSTGRES", "managed")
        versions = kind if isinstance(kind, list) else [kind] * agents
        self.servers = {} if versions[0] == "managed" else {
            f"h{n + 1}": external.ExternalServer(version) for n, version in enumerate(versions)}
        self._agents = len(versions)
        self._before_start = before_start
        self._setup = setup
        self._channel = None
        self.commands = {}
        self._relaunched = {}
        self._mounted = []
        self.env = {}

    def __enter__(self):
        try:
            if self._before_start:
                self._before_start(self)
            self._quickstart("--no-tour", *self._hosts_options())
            self.env = self._read_env()
            self._note_commands()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, kind, error, trace):
        if kind:
            print(self.logs())
        self._hang_up_if(self._channel)
        for name in self.names():
            if self._alive(name):
                os.kill(self.pid(name), signal.SIGCONT)
        try:
            if os.path.exists(os.path.join(self.state, "settings")):
                self._quickstart("--stop")
            for process in self._relaunched.values():
                process.wait()
        finally:
            for server in self.servers.values():
                server.remove()
            for folder in reversed(self._mounted):
                run(["umount", "--lazy", folder])
            shutil.rmtree(self.state)

    def external(self):
        """Whether somebody else keeps its hosts' servers."""
        return bool(self.servers)

    # --- disks -----------------------------------------------------------------------------------------------

    def mount(self, folder, *how, mode=0o700):
        """`mount HOW... FOLDER`, a folder in the cluster's, until the cluster ends. Needs root."""
        os.makedirs(folder, mode, exist_ok=True)
        run(["mount", *how, folder])
        self._mounted.append(folder)

    def mount_disk(self, folder, mebibytes, mode=0o700):
        """A disk of its own, whose size `resize` changes."""
        self.mount(folder, "-t", "tmpfs", "-o", f"size={mebibytes}m,mode={mode:o}", "tmpfs", mode=mode)

    @staticmethod
    def resize(folder, kibibytes):
        run(["mount", "-o", f"remount,size={kibibytes}k", folder])

    # --- daemons ---------------------------------------------------------------------------------------------

    def hosts(self):
        return [f"h{n}" for n in range(1, self._agents + 1)]

    def names(self):
        return ["croftd", *self.hosts()]

    def pid(self, name):
        with open(os.path.join(self.state, "run", name + ".pid"), encoding="ascii") as file:
            return int(file.read().split()[0])

    def postgres_pid(self, host):
        return int(self._postmaster(host)[0])

    def superuser_name(self, host):
        """Of the host's PostgreSQL, over its local socket."""
        return external.SUPERUSER if host in self.servers else "croft"

    def postgres_address(self, host):
        """(folder of the local socket, port) of the host's PostgreSQL."""
        lines = self._postmaster(host)
        return lines[4], int(lines[3])

    def keep_servers(self):
        """As somebody who keeps servers does: starts those again that have ended. Managed ones are their agents' to keep."""
        for server in self.servers.values():
            server.keep()

    def start(self, *names):
        self._local("local_start", *names)

    def stop(self, *names):
        self._local("local_stop", *names)
        self._hang_up_if("croftd" in names)

    def kill(self, name, how=signal.SIGKILL):
        """Ends a daemon as a crash would."""
        pid = self.pid(name)
        os.kill(pid, how)
        wait_until(lambda: not running(pid), f"{name} is gone")
        self._hang_up_if(name == "croftd")

    def relaunch(self, name, *options, env=None):
        """Starts a daemon by the command that start() once started it with, `options` and `env` added. Does not wait
        until it serves."""
        self._hang_up_if(name == "croftd")
        with open(os.path.join(self.state, "log", name + ".log"), "ab") as log:
            # Reaped when the next one takes its place.
            self._relaunched[name] = subprocess.Popen(  # pylint: disable=consider-using-with
                [*self.commands[name], *options], env={**os.environ, **(env or {})}, start_new_session=True, cwd="/",
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        pid = self._relaunched[name].pid
        with open(os.path.join(self.state, "run", name + ".pid"), "w", encoding="ascii") as file:
            file.write(f"{pid} {start_time(pid)}\n")

    def give_stores(self, host, *stores):
        """Starts the host's agent again with these stores, each NAME=URL, and waits until the control plane knows them."""
        self.kill(host, signal.SIGTERM)
        words = self.commands[host]
        words[words.index("--store") + 1] = ",".join(stores)
        self.relaunch(host)
        wait_until(lambda: self.host_state(host) == "STATE_UP" and len(self.host(host).stores) == len(stores),
                   f"{host} is up with its stores", 90)

    def superuser(self, host, sql):
        """The answer of `host`'s PostgreSQL, asked past all of Croft."""
        if host in self.servers:
            return self.servers[host].superuser(sql)
        return self._local("local_superuser", host, sql).strip()

    def logs(self):
        text = ""
        folder = os.path.join(self.state, "log")
        for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else []:
            with open(os.path.join(folder, name), encoding="utf-8", errors="replace") as file:
                text += f"--- the end of {name}\n" + "".join(file.readlines()[-40:])
        return text

    # --- clients ---------------------------------------------------------------------------------------------

    def croftctl(self, *args, check=True):
        return subprocess.run([os.path.join(BIN, "croftctl"), *args], env={**os.environ, **self.env},
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, check=check)

    @property
    def channel(self):
        """As the administrator."""
        if self._channel is None:
            self._channel = wire.channel(self.env)
        return self._channel

    def service(self, name):
        return wire.stub(name, self.channel)

    def call(self, method, **fields):
        """The answer of `Service.Method`, its request made of `fields`."""
        stub_method, request = self._prepare(method, fields)
        return stub_method(request, timeout=30)

    def refused(self, method, **fields):
        """The wire.Error of `Service.Method`, which must fail."""
        return wire.failure(*self._prepare(method, fields))

    def operation(self, name):
        return self.call("OperationService.GetOperation", name=name)

    def finish(self, operation, seconds=120):
        """The operation when it is done, however it ended."""
        def done():
            now = self.operation(operation.name)
            return now if now.done else None
        return wait_until(done, f"{operation.name} is done: {self.operation(operation.name)}", seconds)

    def succeed(self, operation, seconds=120):
        """The operation when it is done, which must have gone well."""
        ended = self.finish(operation, seconds)
        assert ended.state == ended.STATE_SUCCEEDED, ended
        return ended

    def create_tenant(self, tenant):
        self.succeed(self.call("TenantService.CreateTenant", tenant_id=tenant))
        return self.tenant(tenant)

    def tenant(self, tenant):
        return self.call("TenantService.GetTenant", name=f"tenants/{tenant}")

    def host(self, host):
        return self.call("HostService.GetHost", name=f"hosts/{host}")

    def host_state(self, host):
        now = self.call("HostService.GetHost", name=f"hosts/{host}")
        return now.State.Name(now.state)

    def psql(self, tenant, sql):
        """The answer of a tenant's own database, reached as an application does: lookup, then connect."""
        with self.login(tenant) as login:
            return run([*PSQL, "-v", "ON_ERROR_STOP=1", "-c", sql], login.variables()).strip()

    def login(self, tenant, role="APP"):
        """The Login of a tenant's role as it is published now."""
        role = wire.MODULES["tenant"].Role.Value("ROLE_" + role)
        return Login(self.call("LookupService.Lookup", tenant=tenant, role=role))

    # --- inside ----------------------------------------------------------------------------------------------

    def _hosts_options(self):
        if not self.servers:
            return ["--agents", str(self._agents)]
        programs = external.client_programs([server.version for server in self.servers.values()])
        options = ["--client-programs", programs] if programs else []
        for server in self.servers.values():
            if not server.is_made():
                server.make()
                server.start()
            options += ["--external", server.write_conninfo(server.set_up("croft", *self._setup))]
        return options

    def _note_commands(self):
        for name in self.names():
            with open(f"/proc/{self.pid(name)}/cmdline", encoding="utf-8") as file:
                words = file.read().split("\0")[:-1]
            if "--join-token-file" in words:
                at = words.index("--join-token-file")
                del words[at:at + 2]
            self.commands[name] = words

    def _postmaster(self, host):
        """The lines of postmaster.pid: process, data folder, start time, port, socket folder, ..."""
        folder = self.servers[host].folder if host in self.servers else os.path.join(self.state, "agents", host)
        for here, _, files in os.walk(folder):
            if "postmaster.pid" in files:
                with open(os.path.join(here, "postmaster.pid"), encoding="utf-8") as file:
                    return file.read().splitlines()
        raise LookupError(f"no PostgreSQL server of {host}")

    def _hang_up_if(self, gone):
        """The next call then opens a connection of its own instead of finding out about the old one."""
        if gone and self._channel:
            self._channel.close()
            self._channel = None

    def _prepare(self, method, fields):
        service, _, name = method.partition(".")
        return getattr(self.service(service), name), wire.message(name + "Request")(**fields)

    def _alive(self, name):
        try:
            return running(self.pid(name))
        except FileNotFoundError:
            return False

    def _quickstart(self, *args):
        run([os.path.join(TOP, "deploy", "quickstart"), "--state", self.state, "--bin", BIN, *args])

    def _local(self, *command):
        script = ('PROGRAM=test; . "$1/deploy/lib/say.sh"; . "$1/deploy/lib/local.sh"; local_load "$2"; '
                  'shift 2; "$@"')
        return run(["bash", "-euc", script, "bash", TOP, self.state, *command])

    def _read_env(self):
        listing = run(["bash", "-euc", '. "$1/env"; env -0', "bash", self.state])
        pairs = (entry.split("=", 1) for entry in listing.split("\0") if entry)
        return {key: value for key, value in pairs if key.startswith("CROFT_") or key == "PATH"}


def run(command, env=None):
    result = subprocess.run(command, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise RuntimeError(f"{command} ended with {result.returncode}:\n{result.stdout}{result.stderr}")
    return result.stdout


def running(pid):
    """Whether a process is there and not merely waiting to be reaped. Its first thread may have ended before the others,
    which hold its files and locks until they have, too."""
    try:
        return any(_state(pid, thread) not in "ZX" for thread in os.listdir(f"/proc/{pid}/task"))
    except FileNotFoundError:
        return False


def _state(pid, thread):
    try:
        with open(f"/proc/{pid}/task/{thread}/stat", encoding="ascii") as file:
            return file.read().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return "X"


def start_time(pid):
    """By which a process is told from a later one of the same number."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        return file.read().rpartition(")")[2].split()[19]


def wait_until(condition, what, seconds=60):
    """Returns the first true value of `condition()`."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {seconds} s: {what}")
        time.sleep(0.05)
