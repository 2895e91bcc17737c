"""The example, a libpq pool by tenant, against a real control plane with real hosts."""
import os
import subprocess
import sys

import pytest

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
sys.path.insert(0, os.path.join(TOP, "tests", "harness"))

import package  # noqa: E402
from cluster import Cluster, wait_until  # noqa: E402

TENANTS = [f"shop-{number}" for number in range(5)]


@pytest.fixture(scope="module", name="program")
def built(tmp_path_factory):
    prefix, folder = tmp_path_factory.mktemp("prefix"), tmp_path_factory.mktemp("example")
    package.install(prefix)
    return package.build_by_find_package(prefix, folder)


@pytest.fixture(scope="module", name="cluster")
def running_cluster():
    with Cluster(agents=1) as cluster:
        for tenant in TENANTS:
            cluster.create_tenant(tenant)
        yield cluster


def start(program, cluster, *arguments):
    return subprocess.Popen([program, *arguments], env={**os.environ, **cluster.env}, stdin=subprocess.PIPE,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def outcome(process, seconds=120):
    """(counts, results)"""
    output, errors = process.communicate(timeout=seconds)
    assert process.returncode == 0, output + errors
    first, *results = [line for line in output.splitlines() if line != "running"]
    return {name: int(value) for name, _, value in (pair.partition("=") for pair in first.split())}, results


def databases(cluster):
    return sorted(cluster.tenant(tenant).placement.database for tenant in TENANTS)


def test_few_connections_serve_many_tenants(program, cluster):
    counts, results = outcome(start(program, cluster, "--tenants", ",".join(TENANTS), "--most", "3", "--threads", "8",
                                    "--queries", "25"))
    assert counts == {"queries": 200, "errors": 0, "stale": 0, "peak": 3}
    assert results == databases(cluster)


def test_a_rotation_turns_the_pool_over_without_an_error(program, cluster):
    before = cluster.tenant(TENANTS[0]).placement.database
    process = start(program, cluster, "--tenants", TENANTS[0], "--most", "2", "--threads", "2", "--until-closed")
    assert process.stdout.readline() == "running\n"
    cluster.succeed(cluster.call("TenantService.RotateCredentials", name=f"tenants/{TENANTS[0]}", overlap={"seconds": 3}))
    counts, results = outcome(process)
    assert counts["errors"] == 0, "a rotation has no moment of failure"
    assert results == [before]


def test_a_restart_of_the_control_plane_is_not_felt(program, cluster):
    process = start(program, cluster, "--tenants", ",".join(TENANTS), "--most", "2", "--threads", "2", "--until-closed")
    assert process.stdout.readline() == "running\n"
    cluster.stop("croftd")
    cluster.start("croftd")
    counts, results = outcome(process)
    assert counts["errors"] == 0 and counts["queries"] > 0
    assert results == databases(cluster)


def test_a_narrowed_identity_reaches_its_own_tenants_alone(program, cluster, tmp_path):
    cluster.call("AccessService.CreatePrincipal", principal_id="one")
    cluster.call("AccessService.BindRole", name="principals/one",
              binding={"role": "ROLE_CONNECTOR", "tenants": [TENANTS[0]]})
    token = tmp_path / "token"
    token.write_text(cluster.call("AccessService.CreateToken", parent="principals/one").secret)

    def ask(*tenants):
        return subprocess.run([program, "--tenants", ",".join(tenants), "--threads", "1", "--queries", "1"],
                              env={**os.environ, **cluster.env, "CROFT_TOKEN_FILE": str(token)}, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, check=False)
    own = ask(TENANTS[0])
    assert own.returncode == 0, own.stderr
    for tenant in (TENANTS[1], "nobody"):
        other = ask(tenant)
        assert other.returncode == 1 and "PERMISSION_DENIED" in other.stderr, other.stderr


def test_twenty_fresh_processes_connect_from_the_snapshot_while_the_control_plane_is_away(program, cluster, tmp_path):
    snapshot = str(tmp_path / "snapshot")
    first = start(program, cluster, "--tenants", TENANTS[1], "--snapshot", snapshot, "--until-closed")
    assert first.stdout.readline() == "running\n"
    wait_until(lambda: os.path.exists(snapshot) or first.poll() is not None, "the snapshot is there")
    outcome(first)
    assert os.stat(snapshot).st_mode & 0o777 == 0o600
    cluster.stop("croftd")
    try:
        processes = [start(program, cluster, "--tenants", TENANTS[1], "--snapshot", snapshot, "--most", "1", "--threads",
                           "1", "--queries", "3") for _ in range(20)]
        outcomes = [outcome(process) for process in processes]
    finally:
        cluster.start("croftd")
    assert all(counts == {"queries": 3, "errors": 0, "stale": 3, "peak": 1} for counts, _ in outcomes)
    assert len({tuple(results) for _, results in outcomes}) == 1
