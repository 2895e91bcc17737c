"""Tenants that `croftctl tenant import` makes of bundles: whole, on the same Croft or another, or not at all."""
import os
import pty
import select
import signal
import subprocess
import time

import pytest
from cluster import BIN, Cluster, wait_until
from compare import differences
from lives import Life

PASSPHRASE = "correct horse battery staple"
SCHEMA = """
CREATE EXTENSION citext;
CREATE TABLE people (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name citext NOT NULL, twice int GENERATED ALWAYS AS (1 + 1) STORED);
CREATE TABLE events (at timestamptz NOT NULL, what text) PARTITION BY RANGE (at);
CREATE TABLE events_2026 PARTITION OF events FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE TABLE jobs (id int);
CREATE INDEX ON people (lower(name::text));
INSERT INTO people (name) SELECT 'n' || i FROM generate_series(1, 1000) AS i;
INSERT INTO events SELECT '2026-06-01', 'x' || i FROM generate_series(1, 500) AS i;
INSERT INTO jobs SELECT generate_series(1, 10);
"""
# More than all that lies between croftctl and a store.
LARGE = """
CREATE TABLE large AS SELECT i, (SELECT string_agg(md5(random()::text || i || g), '') FROM generate_series(1, 32) AS g) AS text
  FROM generate_series(1, 50000) AS i;
"""
COMPARED = ("rows", "generated values", "sequence value", "column", "constraint", "check", "default", "index", "view")


@pytest.fixture(scope="module", name="cluster")
def cluster_with_tenants():
    with Cluster(agents=1) as cluster:
        for tenant in ("shop", "large"):
            cluster.create_tenant(tenant)
        cluster.psql("shop", SCHEMA)
        cluster.psql("large", LARGE)
        cluster.croftctl("tenant", "update", "shop", "--labels", "tier=gold", "--display-name", "The shop")
        yield cluster


@pytest.fixture(scope="module", name="bundles")
def bundles_of_tenants(cluster, tmp_path_factory):
    folder = tmp_path_factory.mktemp("bundles")
    for tenant in ("shop", "large"):
        cluster.croftctl("tenant", "export", tenant, str(folder / f"{tenant}.tar.zst"), "--fresh")
    return folder


def croftctl(cluster, *words):
    done = cluster.croftctl(*words, check=False)
    assert done.returncode == 0, (words, done.stderr)
    return done


def facts(database):
    return {(kind, name): value for (kind, name), value in database.facts().items() if kind in COMPARED}


def same(cluster, one, other_cluster, other):
    return differences(facts(Life(cluster, one).database()), facts(Life(other_cluster, other).database())) == []


def objects(cluster):
    """What lies in the stores."""
    return {os.path.join(folder, name) for folder, _, names in os.walk(cluster.state) if "/store" in folder or "/backups" in folder
            for name in names}


def tenants(cluster):
    return set(cluster.croftctl("tenant", "list", "-o", "name", "--show-retired").stdout.split())


def test_a_bundle_becomes_another_tenant(cluster, bundles):
    croftctl(cluster, "tenant", "import", str(bundles / "shop.tar.zst"), "copy")
    copy = cluster.tenant("copy")
    assert dict(copy.labels) == {"tier": "gold"} and copy.display_name == "The shop"
    assert same(cluster, "shop", cluster, "copy")
    # Its logins are its own, and it can be written to.
    with cluster.login("copy", "APP") as login:
        subprocess.run(["psql", "-c", "INSERT INTO people (name) VALUES ('new')"], env={**os.environ, **login.variables()}, check=True,
                       capture_output=True)
    # What was uploaded is its first backup; its next one is proven as any.
    uploaded = cluster.croftctl("backup", "get", "copy", "latest").stdout
    assert "imported" in uploaded
    croftctl(cluster, "backup", "verify", "copy", "latest")
    assert "VERIFIED_WITH_NOTES" not in cluster.croftctl("backup", "get", "copy", "latest").stdout, "it is as it was"
    croftctl(cluster, "backup", "create", "copy")
    croftctl(cluster, "backup", "verify", "copy", "latest")
    assert cluster.croftctl("admin", "check-fleet", check=False).returncode == 0


def test_it_is_audited_and_its_id_is_taken(cluster, bundles):
    croftctl(cluster, "tenant", "import", str(bundles / "shop.tar.zst"), "told")
    assert "ImportService/FinishImport" in cluster.croftctl("audit", "list", "-o", "json").stdout
    before = objects(cluster)
    refused = cluster.croftctl("tenant", "import", str(bundles / "shop.tar.zst"), "told", check=False)
    assert refused.returncode != 0 and "told" in refused.stderr
    assert objects(cluster) == before


def test_a_dry_run_checks_the_bundle_and_makes_nothing(cluster, bundles):
    before = tenants(cluster), objects(cluster)
    done = cluster.croftctl("tenant", "import", str(bundles / "shop.tar.zst"), "dry", "--dry-run")
    assert "whole" in done.stderr
    assert (tenants(cluster), objects(cluster)) == before


def sealed_by_age(path):
    """What the age program encrypts to the passphrase, for which it asks the terminal twice."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvp("age", ["age", "-p", "-o", str(path) + ".age", str(path)])
    for _ in range(120):
        # It drops what was typed before it listens, so the same answer is given again when it is silent.
        ready, _, _ = select.select([terminal], [], [], 1)
        try:
            if ready and not os.read(terminal, 4096):
                break
            if not ready:
                os.write(terminal, PASSPHRASE.encode() + b"\n")
        except OSError:  # it has ended
            break
    _, status = os.waitpid(pid, 0)
    os.close(terminal)
    assert os.waitstatus_to_exitcode(status) == 0
    return str(path) + ".age"


def test_what_age_encrypted_is_opened(cluster, bundles, tmp_path):
    secret = tmp_path / "passphrase"
    secret.write_text(PASSPHRASE + "\n", encoding="utf-8")
    secret.chmod(0o600)
    bundle = tmp_path / "shop.tar.zst"
    bundle.write_bytes((bundles / "shop.tar.zst").read_bytes())
    croftctl(cluster, "tenant", "import", sealed_by_age(bundle), "by-age", "--passphrase-file", str(secret))
    assert same(cluster, "shop", cluster, "by-age")
    secret.write_text(PASSPHRASE + "s\n", encoding="utf-8")
    refused = cluster.croftctl("tenant", "import", str(bundle) + ".age", "wrong", "--passphrase-file", str(secret), check=False)
    assert refused.returncode != 0 and "the passphrase is another one" in refused.stderr


def test_one_that_was_packed_again_is_read(cluster, bundles, tmp_path):
    subprocess.run(["tar", "xf", str(bundles / "shop.tar.zst"), "-C", str(tmp_path)], check=True)
    subprocess.run(["tar", "cf", "again.tar.zst", "--zstd", "./croft-export.json", "./SHA256SUMS", "./archive.dump"],
                   cwd=tmp_path, check=True)
    croftctl(cluster, "tenant", "import", str(tmp_path / "again.tar.zst"), "packed-again")
    assert same(cluster, "shop", cluster, "packed-again")


def test_another_croft_takes_it_with_and_without_a_passphrase(cluster, bundles, tmp_path):
    secret = tmp_path / "passphrase"
    secret.write_text(PASSPHRASE + "\n", encoding="utf-8")
    secret.chmod(0o600)
    sealed = tmp_path / "shop.tar.zst.age"
    cluster.croftctl("tenant", "export", "shop", str(sealed), "--passphrase-file", str(secret))
    with Cluster(agents=1) as other:
        croftctl(other, "tenant", "import", str(bundles / "shop.tar.zst"))
        assert same(cluster, "shop", other, "shop")
        refused = other.croftctl("tenant", "import", str(sealed), "sealed", check=False)
        assert refused.returncode != 0 and "--passphrase-file" in refused.stderr
        croftctl(other, "tenant", "import", str(sealed), "sealed", "--passphrase-file", str(secret))
        assert same(cluster, "shop", other, "sealed")
        with open(bundles / "shop.tar.zst", "rb") as file:
            subprocess.run([os.path.join(BIN, "croftctl"), "tenant", "import", "-", "piped"], env={**os.environ, **other.env}, stdin=file,
                           check=True, capture_output=True)
        assert same(cluster, "shop", other, "piped")
        croftctl(other, "backup", "create", "shop")
        croftctl(other, "backup", "verify", "shop", "latest")


# --- whole or not at all


def changed(bundle, folder, how):
    content = bundle.read_bytes()
    middle = len(content) // 2
    wrong = {"cut": content[:-200], "flipped": content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1:], "empty": b"", "text": b"not a bundle\n" * 1000}[how]
    path = folder / how
    path.write_bytes(wrong)
    return str(path)


@pytest.mark.parametrize("how", ("cut", "flipped", "empty", "text"))
def test_one_that_was_changed_is_refused_and_leaves_nothing(cluster, bundles, tmp_path, how):
    before = tenants(cluster), objects(cluster)
    refused = cluster.croftctl("tenant", "import", changed(bundles / "large.tar.zst", tmp_path, how), "wrong", check=False)
    assert refused.returncode != 0 and "altered or cut" in refused.stderr, refused.stderr
    assert tenants(cluster) == before[0]
    wait_until(lambda: objects(cluster) == before[1], "nothing of it is in the store")


class Stalled:
    """An import whose bundle stops coming in the middle."""

    def __init__(self, cluster, bundle, tenant):
        self.process = subprocess.Popen(  # pylint: disable=consider-using-with
            [os.path.join(BIN, "croftctl"), "tenant", "import", "-", tenant], env={**os.environ, **cluster.env}, stdin=subprocess.PIPE,
            stderr=subprocess.PIPE)
        content = bundle.read_bytes()
        self.rest = content[len(content) // 2:]
        self.process.stdin.write(content[:len(content) // 2])
        self.process.stdin.flush()
        time.sleep(0.5)

    def go_on(self):
        try:
            _, said = self.process.communicate(self.rest, timeout=60)
        except BrokenPipeError:
            said = self.process.stderr.read()
        self.process.wait(60)
        return self.process.returncode, said.decode()


@pytest.mark.parametrize("daemon", ("h1", "croftd"))
def test_a_daemon_that_is_killed_on_the_way_leaves_nothing(cluster, bundles, daemon):
    before = tenants(cluster), objects(cluster)
    stalled = Stalled(cluster, bundles / "large.tar.zst", "killed")
    cluster.kill(daemon)
    cluster.start(daemon)
    wait_until(lambda: cluster.host_state("h1") == "STATE_UP", "the host is back")
    code, said = stalled.go_on()
    assert code != 0 and said, said
    assert tenants(cluster) == before[0]
    wait_until(lambda: objects(cluster) == before[1], "nothing of it is in the store")
    croftctl(cluster, "tenant", "import", str(bundles / "large.tar.zst"), f"after-{daemon}")
    assert same(cluster, "large", cluster, f"after-{daemon}")


def test_an_interrupt_ends_it_and_frees_the_host(cluster, bundles):
    before = tenants(cluster), objects(cluster)
    stalled = Stalled(cluster, bundles / "large.tar.zst", "interrupted")
    stalled.process.send_signal(signal.SIGKILL)
    stalled.process.wait(60)
    assert tenants(cluster) == before[0]
    # Nobody has said so: the agent waits two minutes for more.
    wait_until(lambda: objects(cluster) == before[1], "nothing of it is in the store", 180)
    croftctl(cluster, "tenant", "import", str(bundles / "shop.tar.zst"), "next")
