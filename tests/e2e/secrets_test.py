"""Known secrets go through the whole system, and then everything it leaves behind is searched for them: logs, what
its commands print, error texts, process arguments and environments, the catalog with its audit, journals, backups,
core dumps.
"""
import base64
import glob
import json
import os
import re
import signal
import threading

import grpc
import pytest
import wire
from cluster import Cluster

FORGED = "croft_" + "Zm9yZ2VkLXRva2VuLXRoYXQtbm9ib2R5LWV2ZXItbWFkZQ"[:43]


class Secrets:
    """What must not be found anywhere: {what it is: its text}."""

    def __init__(self):
        self._texts = {}

    def add(self, what, text):
        assert len(text) >= 16, f"{what} is too short to look for"
        self._texts[what] = text.encode()

    def add_login(self, cluster, tenant, role):
        found = cluster.login(tenant, role)
        with found:
            self.add(f"{found.user}'s password", found.password)

    def add_pem(self, what, path):
        """The middle of a private key: its first lines are alike for all keys of a kind."""
        with open(path, encoding="ascii") as file:
            key = re.search(r"PRIVATE KEY-----\n(.*?)-----END", file.read(), re.S).group(1)
        self.add(what, max(key.split(), key=len)[20:60])

    def found_in(self, where, data):
        """Sentences for each secret in `data`, also in base64 or as hexadecimal."""
        for what, text in self._texts.items():
            forms = {text, base64.b64encode(text).rstrip(b"=")[:-2], text.hex().encode()}
            if any(form in data for form in forms):
                yield f"{what} is in {where}"

    def __len__(self):
        return len(self._texts)


class Watcher:
    """Looks at arguments and environment of the cluster's processes and of all that they start, until it is stopped."""

    def __init__(self, cluster):
        self.seen = {}
        self._roots = {os.getpid(), cluster.postgres_pid("h1"), *(cluster.pid(name) for name in cluster.names())}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def stop(self):
        self._over.set()
        self._thread.join()

    def _run(self):
        while not self._over.wait(0.02):
            parents = {int(name): parent_of(name) for name in os.listdir("/proc") if name.isdigit()}
            for pid in parents:
                if pid != os.getpid() and self._is_ours(pid, parents):
                    for name in ("cmdline", "environ"):
                        self.seen[read_if_there(f"/proc/{pid}/{name}")] = name

    def _is_ours(self, pid, parents):
        while pid in parents and pid not in self._roots:
            pid = parents[pid]
        return pid in self._roots


def parent_of(pid):
    fields = read_if_there(f"/proc/{pid}/stat").rpartition(b")")[2].split()
    return int(fields[1]) if fields else 0


def read_if_there(path):
    try:
        return read(path)
    except OSError:
        return b""


@pytest.fixture(scope="module", name="story")
def a_whole_life():
    """(cluster, secrets, [(where, bytes)]): a tenant's life with every kind of secret, and all that it left."""
    with Cluster(agents=1) as cluster:
        secrets, left = Secrets(), []
        watcher = Watcher(cluster)
        try:
            live(cluster, secrets, left)
        finally:
            watcher.stop()
        left += [(f"a process's {name}", data) for data, name in watcher.seen.items()]
        yield cluster, secrets, left


def live(cluster, secrets, left):
    for name in ("ca.key", "admin.key", "server.pem", "databases.pem"):
        secrets.add_pem(name, os.path.join(cluster.state, "croftd", "tls", name))
    for path in glob.glob(os.path.join(cluster.state, "agents", "h1", "identity", "*.key")):
        secrets.add_pem(path, path)
    with open(os.path.join(cluster.state, "croftd", "keyring"), encoding="utf-8") as file:
        for number, text in enumerate(re.findall(r"[A-Za-z0-9+/_=-]{40,}", file.read())):
            secrets.add(f"key {number} of the keyring", text.rstrip("="))
    for server in cluster.servers.values():
        secrets.add("the agent's password", server.password())
    token = cluster.call("HostService.CreateJoinToken", host="hosts/h9").token
    packed = token[len("croft_join_"):]
    secrets.add("a join token's secret", json.loads(base64.urlsafe_b64decode(packed + "=" * (-len(packed) % 4)))["secret"])
    secrets.add("a token that nobody made", FORGED)
    cluster.call("AccessService.CreatePrincipal", principal_id="shop")
    cluster.call("AccessService.BindRole", name="principals/shop", binding={"role": "ROLE_CONNECTOR", "all_tenants": True})
    made = cluster.call("AccessService.CreateToken", parent="principals/shop")
    secrets.add("a principal's token", made.secret)

    cluster.create_tenant("acme")
    cluster.create_tenant("globex")
    logins(cluster, secrets)
    cluster.psql("acme", "CREATE TABLE t AS SELECT i FROM generate_series(1, 1000) AS i")
    cluster.succeed(cluster.call("TenantService.RotateCredentials", name="tenants/acme", overlap={"seconds": 1}))
    logins(cluster, secrets)
    cluster.succeed(cluster.call("BackupService.CreateBackup", parent="tenants/acme"))
    backup = cluster.call("BackupService.ListBackups", parent="tenants/acme").backups[0].name
    cluster.succeed(cluster.call("BackupService.VerifyBackup", name=backup))
    cluster.succeed(cluster.call("TenantService.RestoreTenant", name="tenants/acme", backup=backup))
    logins(cluster, secrets)
    cluster.succeed(cluster.call("TenantService.RetireTenant", name="tenants/globex"))
    cluster.succeed(cluster.call("TenantService.PurgeTenant", name="tenants/globex", confirm="tenants/globex"))
    left += errors(cluster, (FORGED, FORGED + "x", "croft_" + token, token), token)
    left += answers(cluster, made.secret)
    cluster.call("AccessService.RevokeToken", name=made.token.name)
    left += errors(cluster, (made.secret, made.secret[:-1]), token)
    left += commands(cluster)


def logins(cluster, secrets):
    for tenant in ("acme", "globex"):
        for role in ("APP", "READ_ONLY", "MIGRATE"):
            secrets.add_login(cluster, tenant, role)


def unknown(cluster):
    """A channel without an identity."""
    return grpc.secure_channel(cluster.env["CROFT_SERVER"], grpc.ssl_channel_credentials(read(cluster.env["CROFT_CA"])))


def answers(cluster, secret):
    """What the holder of a token is told of it, and of a tenant."""
    with unknown(cluster) as channel:
        holder = {"metadata": [("authorization", "Bearer " + secret)], "timeout": 30}
        myself = wire.stub("AccessService", channel).WhoAmI(wire.message("WhoAmIRequest")(), **holder)
        found = wire.stub("LookupService", channel).Lookup(wire.message("LookupRequest")(tenant="acme"), **holder)
        assert found.password
        return [("who somebody is", str(myself).encode())]


def errors(cluster, wrong, token):
    """What is said to those who come with a wrong, spent or malformed secret."""
    said = []
    channel = unknown(cluster)
    lookups, agents = wire.stub("LookupService", channel), wire.stub("AgentService", channel)
    for sent in wrong:
        bearer = [("authorization", "Bearer " + sent)]
        with pytest.raises(grpc.RpcError) as error:
            lookups.Lookup(wire.message("LookupRequest")(tenant="acme"), metadata=bearer, timeout=30)
        said.append(("the error of a lookup", f"{error.value.details()} {error.value.trailing_metadata()}".encode()))
    for sent in (token, token[:-1], token + "x"):
        said.append(("the error of a join", repr(wire.failure(agents.Join, wire.message("JoinRequest")(
            token=sent, certificate_request="garbage"))).encode()))
    channel.close()
    with cluster.login("acme") as login, login.session() as session:
        wrong = ["ALTER SYSTEM SET port = 1"]
        # Whether a tenant's own statement is logged, its keeper says.
        if not cluster.external():
            wrong.append(f"ALTER ROLE nobody PASSWORD '{login.password}'")
        for statement in wrong:
            said.append(("PostgreSQL's own error", session.run(statement).text.replace(login.password, "").encode()))
    return said


def commands(cluster):
    printed = []
    for line in ("status", "doctor", "host list", "host get h1", "tenant list", "tenant get acme", "tenant dsn acme",
                 "tenant lookup acme", "op list", "backup list acme", "audit list", "audit verify", "access whoami",
                 "access principal list", "access principal get shop"):
        for form in (["-o", "json"], []):
            done = cluster.croftctl(*line.split(), *form, check=False)
            printed.append((f"croftctl {line}", (done.stdout + done.stderr).encode()))
    return printed


def read(path):
    with open(path, "rb") as file:
        return file.read()


def files(cluster):
    """Everything that is kept and may be read by others than its owner: (path, bytes)."""
    keys = ("croftd/tls/", "croftd/keyring", "identity/", "pg/tls/")
    keepers = ("/server.key", "/authority.key", "/croft.password", "/conninfo")  # of a server that somebody else keeps
    for top in [cluster.state, *(server.folder for server in cluster.servers.values())]:
        for folder, _, names in os.walk(top):
            for name in names:
                path = os.path.join(folder, name)
                kept = any(kind in path for kind in keys) or path.removeprefix(top) in keepers
                if not kept and os.path.isfile(path) and not os.path.islink(path):
                    yield path, read(path)


def test_the_search_finds_secrets_where_they_are(story):
    cluster, secrets, _ = story
    for path in ("croftd/keyring", "croftd/tls/ca.key", "agents/h1/identity/agent.key"):
        assert list(secrets.found_in(path, read(os.path.join(cluster.state, path)))), path


def test_no_secret_is_in_anything_that_was_said_or_shown(story):
    _, secrets, left = story
    assert len(secrets) >= 15
    assert len(left) > 40
    assert [found for where, data in left for found in secrets.found_in(where, data)] == []


def test_no_secret_is_in_any_file_but_those_made_to_keep_it(story):
    cluster, secrets, _ = story
    seen = dict(files(cluster))
    server_log = cluster.servers["h1"].log if cluster.external() else "pg/log/"
    for kept in ("croftd/catalog.db", "croftd/keys.db", "h1/journal.db", "log/croftd.log", "log/h1.log", server_log):
        assert any(kept in path for path in seen), f"{kept} was not looked at"
    assert [found for path, data in seen.items() for found in secrets.found_in(path, data)] == []


def test_files_that_keep_secrets_are_closed_to_others(story):
    cluster, _, _ = story
    open_to_others = []
    for folder, _, names in os.walk(cluster.state):
        for name in names:
            path = os.path.join(folder, name)
            private = b"PRIVATE KEY" in read(path) if os.path.isfile(path) and os.path.getsize(path) < 65536 else False
            if (private or name in ("keyring", "keys.db", "catalog.db")) and os.stat(path).st_mode & 0o077:
                open_to_others.append(path)
    assert open_to_others == []


def test_a_daemon_that_aborts_leaves_no_core(story):
    cluster, _, _ = story
    for name in ("croftd", "h1"):
        pid = cluster.pid(name)
        limits = read(f"/proc/{pid}/limits").decode()
        assert re.search(r"^Max core file size\s+0\s+0\s", limits, re.M), limits
        cluster.kill(name, signal.SIGABRT)
    cores = [path for path, _ in files(cluster) if re.search(r"/core(\.\d+)?$", path)]
    assert cores == [] and glob.glob("core*") == []
    cluster.start("croftd", "h1")
    assert cluster.psql("acme", "SELECT count(*) FROM t") == "1000"
