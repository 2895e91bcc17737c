"""Two hosts that share nothing but an S3 server, each in a network of its own: they take the tour, what one backs up the other
restores, and one is lost with all its disks. What an operator does about it is what docs/backups.md says, word for word. Run
by tests/stores/serve."""
import os
import shlex
import shutil
import signal
import subprocess

import pytest
from cluster import BIN, TOP, Cluster, run, wait_until
from networks import Network
from pages import blocks, with_values

PAGE = "backups.md"
TENANTS = ("acme", "globex", "initech")


PREFIX = str(os.getpid())
NO_KEYS = {name: "" for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")}
# For deploy/tour, which starts agents and looks at their store: they are those of this test.
TOUR = """
start_agent() {{ "start_$1"; }}
stored() {{ {mirror} {prefix} "$LOCAL_STATE/mirror" && find "$LOCAL_STATE/mirror" -type f; }}
files_of() {{ stored | grep -c "/$1/" || true; }}
files_with_digest() {{ stored | xargs sha256sum | grep -c "^$1 " || true; }}
files_that_show() {{ {{ stored | xargs grep -lF "$1" || true; }} | wc -l; }}
"""


def store_url(more=""):
    return f"s3://croft/{PREFIX}?endpoint={os.environ['CROFT_S3_ENDPOINT']}{more}"


def move(cluster, host, network, url, env=None):
    """Starts the host's agent and its PostgreSQL again in the network, with this store alone."""
    _, postgres = cluster.postgres_address(host)
    cluster.kill(host, signal.SIGTERM)
    folder = os.path.join(cluster.state, "agents", host)
    run([os.path.join(BIN, "croft-agent"), "stop-postgres", "--config", "/dev/null", "--state", folder])
    words = cluster.commands[host]
    words[words.index("--store") + 1] = url
    cluster.commands[host] = network.command(words)
    for port in (cluster.env["CROFT_SERVER"].rpartition(":")[2], os.environ["CROFT_S3_ENDPOINT"].rpartition(":")[2]):
        network.lead_out(int(port))
    network.lead_in(postgres)
    cluster.relaunch(host, env=env)


@pytest.fixture(scope="module", name="cluster")
def running_cluster():
    with Network() as first, Network() as second, Cluster(agents=2) as cluster:
        # One has its credentials from the environment, the other from a file.
        path = os.path.join(cluster.state, "s3-credentials")
        with open(path, "w", encoding="ascii", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
            file.write(f"[default]\naws_access_key_id = {os.environ['AWS_ACCESS_KEY_ID']}\n"
                       f"aws_secret_access_key = {os.environ['AWS_SECRET_ACCESS_KEY']}\n")
        before = {host: list(cluster.call("HostService.GetHost", name=f"hosts/{host}").stores) for host in cluster.hosts()}
        move(cluster, "h1", first, store_url())
        move(cluster, "h2", second, store_url(f"&credentials-file={path}"),
             NO_KEYS)
        stores = [wait_until(lambda host=host: moved(cluster, host, before), f"{host} is up with the S3 store", 90)
                  for host in cluster.hosts()]
        assert stores[0] == stores[1], "one store has one id"
        yield cluster


@pytest.fixture(scope="module", name="tenants")
def filled_tenants(cluster):
    for tenant in TENANTS:
        cluster.create_tenant(tenant)
        cluster.psql(tenant, "CREATE TABLE t AS SELECT i, repeat(md5(i::text), 20) AS x FROM generate_series(1, 20000) AS i")
    return TENANTS


def moved(cluster, host, before):
    """Its stores, once it is up with others than before."""
    now = cluster.call("HostService.GetHost", name=f"hosts/{host}")
    return list(now.stores) if now.state == now.STATE_UP and now.postgres_up and now.stores != before[host] else None


def assignments(variables):
    return " ".join(f"{name}={value}" for name, value in variables.items())


def digest(cluster, tenant):
    return cluster.psql(tenant, "SELECT md5(string_agg(x, '' ORDER BY i)) FROM t")


def host_of(cluster, tenant):
    return cluster.tenant(tenant).placement.host.partition("/")[2]


def follow(cluster, section, folder, **values):
    """Runs the commands of the page's section."""
    settings = next(text for kind, text in blocks(PAGE) if kind)
    script = with_values(settings, values) + "".join(text for kind, text in blocks(PAGE, section) if not kind)
    done = subprocess.run(["bash", "-euo", "pipefail", "-c", script], cwd=folder, check=False, timeout=300,
                          env={**os.environ, **cluster.env, "PATH": f"{BIN}:{os.environ['PATH']}"},
                          stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_tour_is_taken(cluster):
    agents = "".join(f"start_{host}() {{ daemonise {host} env {assignments(NO_KEYS) if host == 'h2' else ''} "
                     f"{shlex.join(cluster.commands[host])}; }}\n" for host in cluster.hosts())
    with open(os.path.join(cluster.state, "settings"), "a", encoding="utf-8") as file:
        file.write(TOUR.format(mirror=shlex.quote(os.path.join(TOP, "tests", "stores", "mirror")), prefix=PREFIX) + agents)
    run([os.path.join(TOP, "deploy", "tour"), "--state", cluster.state])
    for tenant in ("globex", "acme-copy"):
        cluster.croftctl("tenant", "retire", tenant, "--yes")
        cluster.croftctl("tenant", "purge", tenant, "--yes")


def test_what_one_host_backs_up_the_other_proves_and_restores(cluster, tenants):
    for tenant in tenants:
        cluster.croftctl("backup", "create", tenant)
    cluster.croftctl("backup", "verify", "acme", "latest")
    other = ({"h1", "h2"} - {host_of(cluster, "acme")}).pop()
    cluster.croftctl("tenant", "restore", "acme", "--backup", "latest", "--as", "acme-there", "--host", other)
    assert host_of(cluster, "acme-there") == other
    assert digest(cluster, "acme-there") == digest(cluster, "acme")
    shared = os.path.join(cluster.state, "backups")
    assert os.listdir(shared) == ["croft-store"], "nothing lies in a folder that both could reach"


@pytest.mark.usefixtures("tenants")
def test_the_pages_commands_bring_one_tenant_back(cluster, tmp_path):
    before = digest(cluster, "acme")
    cluster.psql("acme", "DELETE FROM t WHERE i % 2 = 0")
    follow(cluster, "One tenant", tmp_path, TENANT="acme")
    assert digest(cluster, "acme") == before


def test_the_pages_commands_bring_all_tenants_of_a_lost_host_back(cluster, tenants, tmp_path):
    before = {tenant: digest(cluster, tenant) for tenant in tenants}
    lost = host_of(cluster, "acme")
    other = ({"h1", "h2"} - {lost}).pop()
    postgres = cluster.postgres_pid(lost)
    cluster.kill(lost)
    os.kill(postgres, signal.SIGKILL)
    shutil.rmtree(os.path.join(cluster.state, "agents", lost))
    follow(cluster, "A host that is lost", tmp_path, LOST=lost)
    assert {tenant: digest(cluster, tenant) for tenant in tenants} == before
    assert {host_of(cluster, tenant) for tenant in tenants} == {other}
    for tenant in tenants:
        cluster.croftctl("backup", "verify", tenant, "latest")
