"""Bundles that `croftctl tenant export` writes: opened by programs that are not Croft's, and left whole or not at all."""
import glob
import json
import os
import pty
import select
import signal
import subprocess
import time

import external
import pytest
from cluster import BIN, Cluster, wait_until
from compare import differences
from lives import Life

PASSPHRASE = "correct horse battery staple"
SCHEMA = """
CREATE EXTENSION citext;
CREATE TYPE mood AS ENUM ('sad', 'ok');
CREATE TABLE people (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name citext NOT NULL, mood mood,
                     twice int GENERATED ALWAYS AS (1 + 1) STORED, CHECK (name <> ''));
CREATE TABLE events (at timestamptz NOT NULL, what text) PARTITION BY RANGE (at);
CREATE TABLE events_2026 PARTITION OF events FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE INDEX ON people (lower(name::text));
CREATE VIEW happy AS SELECT name FROM people WHERE mood = 'ok';
INSERT INTO people (name, mood) SELECT 'n' || i, 'ok' FROM generate_series(1, 1000) AS i;
INSERT INTO events SELECT '2026-06-01', 'x' || i FROM generate_series(1, 500) AS i;
"""
# Some 50 MB that hardly compress: more than all that lies between an agent and who reads slowly.
LARGE = """
CREATE TABLE large AS SELECT i, (SELECT string_agg(md5(random()::text || i || g), '') FROM generate_series(1, 32) AS g) AS text
  FROM generate_series(1, 50000) AS i;
"""
# Facts of these kinds name no role.
COMPARED = ("rows", "generated values", "sequence value", "column", "constraint", "check", "default", "index", "view")


@pytest.fixture(scope="module", name="cluster")
def cluster_with_tenants():
    with Cluster(agents=1) as cluster:
        for tenant in ("shop", "large"):
            cluster.create_tenant(tenant)
        cluster.psql("shop", SCHEMA)
        cluster.psql("large", LARGE)
        for tenant in ("shop", "large"):
            cluster.succeed(cluster.call("BackupService.CreateBackup", parent=f"tenants/{tenant}"))
        yield cluster


def facts(database):
    return {(kind, name): value for (kind, name), value in database.facts().items() if kind in COMPARED}


def run(*words, **more):
    done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, check=False, **more)
    assert done.returncode == 0, (words, done.stderr)
    return done.stdout


def files_of(folder):
    return sorted(os.listdir(folder))


# --- what is in it


def test_tar_sha256sum_and_pg_restore_open_it(cluster, tmp_path):
    cluster.croftctl("tenant", "update", "shop", "--labels", "tier=gold")
    cluster.croftctl("tenant", "export", "shop", str(tmp_path / "shop.tar.zst"), "--fresh")
    assert files_of(tmp_path) == ["shop.tar.zst", "shop.tar.zst.sha256"]
    run("sha256sum", "-c", "shop.tar.zst.sha256", cwd=tmp_path)
    run("tar", "xf", "shop.tar.zst", cwd=tmp_path)
    run("sha256sum", "-c", "SHA256SUMS", cwd=tmp_path)
    described = json.loads((tmp_path / "croft-export.json").read_text(encoding="utf-8"))
    assert described["format"] == 1
    assert described["tenant"]["labels"] == {"tier": "gold"}
    assert described["backup"]["note"] == "made for an export"
    assert "citext" in [one["name"] for one in described["archive"]["extensions"]]
    assert described["archive"]["encoding"] == "UTF8"
    tenant = Life(cluster, "shop")
    socket, port = cluster.postgres_address("h1")
    user = cluster.superuser_name("h1")
    cluster.superuser("h1", "CREATE DATABASE plain TEMPLATE template0")
    try:
        restore_plain(cluster, tmp_path / "archive.dump", socket, port, user)
        plain = type(tenant.database())(socket, port, "plain", user)
        assert differences(facts(tenant.database()), facts(plain)) == []
    finally:
        cluster.superuser("h1", "DROP DATABASE plain WITH (FORCE)")


def pg_restore(cluster):
    """One that is as new as the hosts' servers."""
    programs = external.client_programs([server.version for server in cluster.servers.values()]) if cluster.external() else None
    newest = sorted(glob.glob(f"{programs}/*/bin/pg_restore"))[-1:] if programs else []
    return (newest or ["pg_restore"])[0]


def without_the_hosts_own(cluster, archive):
    """A list of what is in the archive, without the event trigger that the host has put into the database."""
    entries = run(pg_restore(cluster), "-l", str(archive)).decode().splitlines()
    kept = archive.with_suffix(".list")
    kept.write_text("\n".join(entry for entry in entries if " croft_guard_extensions" not in entry), encoding="utf-8")
    return str(kept)


def restore_plain(cluster, archive, socket, port, user):
    run(pg_restore(cluster), "--exit-on-error", "--no-owner", "--no-privileges", "-L", without_the_hosts_own(cluster, archive),
        "-h", socket, "-p", str(port), "-U", user, "-d", "plain", str(archive))


def test_another_tenant_is_filled_from_it_by_hand(cluster, tmp_path):
    """As docs/backups.md says."""
    cluster.croftctl("tenant", "export", "shop", str(tmp_path / "shop.tar.zst"))
    run("tar", "xf", "shop.tar.zst", cwd=tmp_path)
    cluster.create_tenant("moved")
    with cluster.login("moved", "MIGRATE") as login:
        run(pg_restore(cluster), "--exit-on-error", "--single-transaction", "--no-owner", "--no-privileges", "--no-comments",
            "-L", without_the_hosts_own(cluster, tmp_path / "archive.dump"), "-d", "", str(tmp_path / "archive.dump"), env={**os.environ, **login.variables()})
    assert differences(facts(Life(cluster, "shop").database()), facts(Life(cluster, "moved").database())) == []


def test_standard_output_takes_it(cluster, tmp_path):
    with open(tmp_path / "shop.tar.zst", "wb") as file:
        subprocess.run([os.path.join(BIN, "croftctl"), "tenant", "export", "shop", "-"], env={**os.environ, **cluster.env},
                       stdin=subprocess.DEVNULL, stdout=file, check=True)
    run("tar", "xf", "shop.tar.zst", cwd=tmp_path)
    run("sha256sum", "-c", "SHA256SUMS", cwd=tmp_path)


def test_it_is_audited_and_told(cluster, tmp_path):
    cluster.croftctl("tenant", "export", "shop", str(tmp_path / "shop.tar.zst"))
    told = cluster.croftctl("events", "--type", "croft.tenant.exported", "-o", "json").stdout
    assert "tenants/shop/backups/" in told
    rows = cluster.croftctl("audit", "list", "-o", "json").stdout
    assert "BackupService/ExportBackup" in rows


# --- encrypted


def age(path, passphrase):
    """Whether age opens it, into a file beside it. It asks the terminal for the passphrase."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvp("age", ["age", "-d", "-o", str(path) + ".open", str(path)])
    said = b""
    while True:
        try:
            select.select([terminal], [], [], 60)
            piece = os.read(terminal, 4096)
        except OSError:  # it has ended
            break
        if not piece:
            break
        if b"assphrase" in said + piece and b"assphrase" not in said:
            os.write(terminal, passphrase.encode() + b"\n")
        said += piece
    _, status = os.waitpid(pid, 0)
    os.close(terminal)
    return os.waitstatus_to_exitcode(status) == 0


def test_age_opens_it_with_the_passphrase_alone(cluster, tmp_path):
    secret = tmp_path / "passphrase"
    secret.write_text(PASSPHRASE + "\n", encoding="utf-8")
    secret.chmod(0o600)
    bundle = tmp_path / "shop.tar.zst.age"
    cluster.croftctl("tenant", "export", "shop", str(bundle), "--passphrase-file", str(secret))
    assert not age(bundle, PASSPHRASE + "s")
    assert age(bundle, PASSPHRASE)
    run("tar", "xf", "shop.tar.zst.age.open", cwd=tmp_path)
    run("sha256sum", "-c", "SHA256SUMS", cwd=tmp_path)
    content = bundle.read_bytes()
    for name, wrong in {"flipped": content[:-100] + bytes([content[-100] ^ 1]) + content[-99:], "cut": content[:-1]}.items():
        changed = tmp_path / name
        changed.write_bytes(wrong)
        assert not age(changed, PASSPHRASE), name


# --- whole or not at all


class Stalled:
    """An export of the large tenant whose croftctl was stopped while the data was on its way."""

    def __init__(self, cluster, folder):
        self.folder = folder
        self.process = subprocess.Popen(  # pylint: disable=consider-using-with
            [os.path.join(BIN, "croftctl"), "tenant", "export", "large", str(folder / "large.tar.zst")],
            env={**os.environ, **cluster.env}, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        deadline = time.monotonic() + 60
        while not self._begun() and time.monotonic() < deadline:
            time.sleep(0.001)  # it takes less than a second
        self.process.send_signal(signal.SIGSTOP)
        assert files_of(folder) == [f"large.tar.zst.part-{self.process.pid}"], "it ended before it was stopped"

    def _begun(self):
        part = self.folder / f"large.tar.zst.part-{self.process.pid}"
        return part.exists() and part.stat().st_size > 0

    def end(self):
        """What it says, when it has ended."""
        self.process.send_signal(signal.SIGCONT)
        _, said = self.process.communicate(timeout=60)
        return self.process.returncode, said


@pytest.mark.parametrize("daemon", ("h1", "croftd"))
def test_a_daemon_that_is_killed_on_the_way_leaves_nothing(cluster, tmp_path, daemon):
    export = Stalled(cluster, tmp_path)
    cluster.kill(daemon)
    code, said = export.end()
    assert code != 0 and said, said
    assert files_of(tmp_path) == []
    cluster.start(daemon)
    wait_until(lambda: cluster.host_state("h1") == "STATE_UP", "the host is back")
    cluster.croftctl("tenant", "export", "large", str(tmp_path / "again.tar.zst"))
    run("tar", "xf", "again.tar.zst", cwd=tmp_path)
    run("sha256sum", "-c", "SHA256SUMS", cwd=tmp_path)


def test_an_interrupt_ends_it_within_a_second_and_frees_the_host(cluster, tmp_path):
    export = Stalled(cluster, tmp_path)
    export.process.send_signal(signal.SIGINT)
    since = time.monotonic()
    code, _ = export.end()
    assert code == 130 and time.monotonic() - since < 1
    assert files_of(tmp_path) == []
    # Its agent takes the next one.
    wait_until(lambda: cluster.croftctl("tenant", "export", "shop", str(tmp_path / "shop.tar.zst"), check=False).returncode == 0,
               "the host exports again")


def test_one_that_is_not_read_holds_back_its_agent_and_a_second_one_is_refused(cluster, tmp_path):
    before = memory(cluster.pid("h1"))
    export = Stalled(cluster, tmp_path)
    refused = cluster.croftctl("tenant", "export", "shop", str(tmp_path / "shop.tar.zst"), check=False)
    assert refused.returncode != 0 and "exporting another backup" in refused.stderr
    assert memory(cluster.pid("h1")) - before < 64 << 20
    assert export.end()[0] == 0
    assert files_of(tmp_path) == ["large.tar.zst", "large.tar.zst.sha256"]


def memory(pid):
    with open(f"/proc/{pid}/status", encoding="utf-8") as file:
        return next(int(line.split()[1]) << 10 for line in file if line.startswith("VmRSS"))
