"""PostgreSQL servers that somebody else keeps, for hosts in external mode: real ones of each major version, in a temporary
folder, with a role for the agent that is no superuser. Debian's 15; 16 to 18 come by tests/servers/install.
"""
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from login import PSQL_PROGRAM

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BIN = os.environ.get("CROFT_BIN", os.path.join(TOP, "build", "bin"))
SUPERUSER = "postgres"
VERSIONS = ("15", "16", "17", "18")
# Of tests that are about such servers whatever CROFT_TEST_POSTGRES says.
VERSION = os.environ.get("CROFT_TEST_POSTGRES", "managed").replace("managed", "15")
SETTINGS = """
listen_addresses = '127.0.0.1'
ssl = on
ssl_cert_file = '{folder}/server.crt'
ssl_key_file = '{folder}/server.key'
unix_socket_directories = '{folder}'
password_encryption = scram-sha-256
fsync = off
full_page_writes = off
max_connections = 200
max_prepared_transactions = 10
wal_level = replica
hot_standby = on
max_wal_senders = 10
autovacuum_naptime = 60
"""
# Applications come over TLS and with a password; the superuser comes over the socket alone.
ACCESS = """
local all {superuser} trust
hostssl all all 127.0.0.1/32 scram-sha-256
local replication {superuser} trust
"""


class ExternalServer:
    """Use as a context manager, or start() and stop(). `port` is where it listens; `authority` the file of the authority
    that signed its certificate."""

    def __init__(self, version, folder=None):
        self.version = str(version)
        self._own = folder is None
        self.folder = folder or tempfile.mkdtemp(prefix="croft-server.", dir="/var/tmp")
        self.data = os.path.join(self.folder, "data")
        self.authority = os.path.join(self.folder, "authority.crt")
        self.log = os.path.join(self.folder, "log")
        self.port = free_port()
        self.public_port = None  # where agent and applications reach it, if not where it listens
        self.role = "croft"
        self._bin = None

    def __enter__(self):
        self.make()
        self.start()
        return self

    def __exit__(self, kind, error, trace):
        self.remove()

    def make(self, source=None):
        """An empty cluster, or a standby of the ExternalServer `source`."""
        os.makedirs(self.folder, exist_ok=True)
        os.chmod(self.folder, 0o711)
        self._bin = reachable(binaries(self.version), self.folder)
        if source is None:
            make_certificate(self.folder, self.authority)
        else:
            for name in ("authority.crt", "server.crt", "server.key"):
                shutil.copy(os.path.join(source.folder, name), self.folder)
        chown(self.folder)
        for name in os.listdir(self.folder):
            chown(os.path.join(self.folder, name))
        if source is None:
            self._as_postgres(f"{self._bin}/initdb", "-D", self.data, "-U", SUPERUSER, "-E", "UTF8", "--locale=C.UTF-8",
                              "--auth=trust", "--no-sync")
        else:
            source.copy_into(self.data)
        with open(os.path.join(self.data, "postgresql.conf"), "a", encoding="utf-8") as file:
            file.write(SETTINGS.format(folder=self.folder))
        with open(os.path.join(self.data, "pg_hba.conf"), "w", encoding="utf-8") as file:
            file.write(ACCESS.format(superuser=SUPERUSER))

    def is_made(self):
        return os.path.exists(self.data)

    def start(self):
        for _ in range(5):
            with open(os.path.join(self.data, "postgresql.auto.conf"), "a", encoding="utf-8") as file:
                file.write(f"port = {self.port}\n")
            started = self._as_postgres(f"{self._bin}/pg_ctl", "-D", self.data, "-l", self.log, "-w", "-t", "60", "start",
                                        check=False)
            if started.returncode == 0:
                return
            self.port = free_port()
        with open(self.log, encoding="utf-8") as file:
            raise RuntimeError(f"PostgreSQL {self.version} did not start:\n{file.read()[-2000:]}")

    def keep(self):
        """Starts it where it has ended."""
        path = os.path.join(self.data, "postmaster.pid")
        try:
            with open(path, encoding="utf-8") as file:
                pid = int(file.readline())
        except (FileNotFoundError, ValueError):
            pid = None
        if pid is None or not os.path.exists(f"/proc/{pid}"):
            self.start()

    def stop(self, how="immediate"):
        self._as_postgres(f"{self._bin}/pg_ctl", "-D", self.data, "-m", how, "-w", "stop", check=False)

    def close(self):
        self.remove()

    def remove(self):
        if os.path.exists(os.path.join(self.data, "postmaster.pid")):
            self.stop()
        if self._own:
            shutil.rmtree(self.folder, ignore_errors=True)

    def kill(self):
        """As a machine that is gone."""
        with open(os.path.join(self.data, "postmaster.pid"), encoding="utf-8") as file:
            pid = int(file.readline())
        for process in [*children(pid), pid]:
            try:
                os.kill(process, signal.SIGKILL)
            except ProcessLookupError:
                pass
        os.remove(os.path.join(self.data, "postmaster.pid"))

    def promote(self):
        self._as_postgres(f"{self._bin}/pg_ctl", "-D", self.data, "-w", "promote")

    def copy_into(self, data):
        """A base backup taken while the server runs, as a standby that follows it. There is no pg_basebackup among npm's
        binaries, so it is the low-level way: start, copy the files, stop."""
        with Superuser(self) as session:
            session.ask("SELECT pg_backup_start('standby', true)")
            shutil.copytree(self.data, data, ignore=shutil.ignore_patterns("postmaster.pid", "postmaster.opts",
                                                                          "pg_replslot", "pg_internal.init"))
            label = session.ask("SELECT labelfile FROM pg_backup_stop(false)")
        os.makedirs(os.path.join(data, "pg_replslot"), exist_ok=True)
        with open(os.path.join(data, "backup_label"), "w", encoding="utf-8") as file:
            file.write(label)
        with open(os.path.join(data, "postgresql.auto.conf"), "a", encoding="utf-8") as file:
            file.write(f"primary_conninfo = 'host={self.folder} port={self.port} user={SUPERUSER}'\n")
        open(os.path.join(data, "standby.signal"), "w", encoding="utf-8").close()
        os.chmod(data, 0o700)
        for here, _, files in os.walk(data):
            chown(here)
            for name in files:
                chown(os.path.join(here, name))

    def superuser(self, sql, database="postgres"):
        """The answer to SQL, unaligned, without headers."""
        return self._psql("-c", sql, database=database).strip()

    def run_file(self, path, database="postgres"):
        return self._psql("-v", "ON_ERROR_STOP=1", "-f", path, database=database)

    def use_authority_of(self, other):
        """Shows another server's certificate, which is for the same address."""
        for name in ("authority.crt", "server.crt", "server.key"):
            shutil.copy(os.path.join(other.folder, name), self.folder)
            chown(os.path.join(self.folder, name))
        self.superuser("SELECT pg_reload_conf()")

    def set_up(self, role="croft", *options, given=None):
        """Gives the agent's role its rights, as a person would, with the password `given` or a new one. Answers it."""
        self.role = role
        password = os.path.join(self.folder, f"{role}.password")
        if given:
            with open(os.open(password, os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="utf-8") as file:
                file.write(given)
        command = [os.path.join(BIN, "croft-agent"), "external-setup", "--postgres-version", self.version, "--role", role,
                   "--password-file", password, *options]
        sql = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True).stdout
        path = os.path.join(self.folder, "setup.sql")
        with open(path, "w", encoding="utf-8") as file:
            file.write(sql)
        self.run_file(path)
        return self.password()

    def password(self):
        """Of the agent's role."""
        with open(os.path.join(self.folder, f"{self.role}.password"), encoding="utf-8") as file:
            return file.read().strip()

    def conninfo(self, password):
        return (f"host=127.0.0.1 port={self.public_port or self.port} user={self.role} password={password} sslmode=verify-full "
                f"sslrootcert={self.authority}")

    def write_conninfo(self, password):
        """The path of a file as --conninfo-file wants it."""
        path = os.path.join(self.folder, "conninfo")
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(self.conninfo(password) + "\n")
        return path

    def _psql(self, *arguments, database):
        return checked([PSQL_PROGRAM, "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", self.folder, "-p", str(self.port),
                        "-U", SUPERUSER, "-d", database, *arguments])

    def _as_postgres(self, *command, check=True):
        prefix = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
        # Its output goes to a file: the server would keep a pipe open.
        with tempfile.TemporaryFile() as output:
            result = subprocess.run([*prefix, *command], stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd="/",
                                    check=False)
            if check and result.returncode != 0:
                output.seek(0)
                raise RuntimeError(f"{command} ended with {result.returncode}:\n{output.read().decode()}")
        return result


class Superuser:
    """One psql session that is kept open."""

    def __init__(self, server):
        self._process = subprocess.Popen(  # pylint: disable=consider-using-with
            [PSQL_PROGRAM, "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", server.folder, "-p", str(server.port), "-U",
             SUPERUSER, "-d", "postgres"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        self._process.stdin.close()
        self._process.wait()

    def ask(self, sql):
        self._process.stdin.write(f"{sql};\n\\echo <end>\n")
        self._process.stdin.flush()
        lines = []
        for line in self._process.stdout:
            if line == "<end>\n":
                return "".join(lines)
            lines.append(line)
        raise RuntimeError(f"psql ended at {sql}")


def binaries(version):
    """The folder with initdb and pg_ctl of a major version."""
    return checked([os.path.join(TOP, "tests", "servers", "install"), version]).strip()


def client_programs(versions):
    """The folder of client programs for servers of `versions`; None where Debian's own will do."""
    newest = max(int(version) for version in versions)
    if newest == 15:
        return None
    needed = ["15", "17"] if newest < 18 else ["15", "17", "18"]
    return checked([os.path.join(TOP, "tests", "servers", "install-clients"), *needed]).strip()


def reachable(folder, copies):
    """`folder`, or a copy of the whole installation under `copies` where the user postgres cannot enter it."""
    if os.getuid() != 0:
        return folder
    allowed = subprocess.run(["runuser", "-u", "postgres", "--", "test", "-x", os.path.join(folder, "initdb")], check=False)
    if allowed.returncode == 0:
        return folder
    shutil.copytree(os.path.dirname(folder), os.path.join(copies, "postgresql"), symlinks=True)
    return os.path.join(copies, "postgresql", "bin")


def make_certificate(folder, authority):
    """An authority and a server's certificate of its own for 127.0.0.1 and localhost."""
    at = os.path.join(folder, "{}").format
    request = ["openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    checked([*request, "-x509", "-subj", "/CN=test authority", "-keyout", at("authority.key"), "-out", authority])
    checked([*request, "-x509", "-subj", "/CN=server", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-addext",
             "basicConstraints=critical,CA:FALSE", "-CA", authority, "-CAkey", at("authority.key"), "-keyout",
             at("server.key"), "-out", at("server.crt")])
    os.chmod(at("server.key"), 0o600)
    os.chmod(authority, 0o644)


def chown(path):
    if os.getuid() == 0:
        user = pwd.getpwnam("postgres")
        os.lchown(path, user.pw_uid, user.pw_gid)


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        return [int(child) for child in file.read().split()]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def checked(command):
    result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise RuntimeError(f"{command} ended with {result.returncode}:\n{result.stdout}{result.stderr}")
    return result.stdout


def wait_for_lsn(standby, primary, seconds=30):
    """Until the standby has replayed what the primary has written."""
    wanted = primary.superuser("SELECT pg_current_wal_lsn()")
    deadline = time.monotonic() + seconds
    while standby.superuser(f"SELECT pg_last_wal_replay_lsn() >= '{wanted}'") != "t":
        if time.monotonic() > deadline:
            raise TimeoutError("the standby does not follow")
        time.sleep(0.05)
