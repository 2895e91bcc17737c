"""docs/losing-the-catalog.md, word for word: its commands run as they stand there, on a cluster of this machine."""
import os
import subprocess

import pytest
from cluster import BIN, TOP, Cluster
from pages import blocks, with_values

PAGE = "losing-the-catalog.md"
# In the place of the service manager.
SYSTEMCTL = """#!/bin/bash
set -eu
PROGRAM=systemctl
. {top}/deploy/lib/say.sh
. {top}/deploy/lib/local.sh
local_load {state}
"local_$1" "$2"
"""


@pytest.fixture(scope="module", name="cluster")
def running_cluster():
    with Cluster(agents=2) as cluster:
        for tenant in ("acme", "globex"):
            cluster.create_tenant(tenant)
            cluster.psql(tenant, "CREATE TABLE t AS SELECT i FROM generate_series(1, 100) AS i")
        yield cluster


@pytest.fixture(name="desk")
def a_desk(cluster, tmp_path):
    """Runs commands of the page after its settings, and answers what they print."""
    (tmp_path / "systemctl").write_text(SYSTEMCTL.format(top=TOP, state=cluster.state))
    (tmp_path / "systemctl").chmod(0o755)
    values = {"STATE": os.path.join(cluster.state, "croftd"), "LISTEN": cluster.env["CROFT_SERVER"]}
    environment = {**os.environ, **cluster.env, "PATH": f"{tmp_path}:{BIN}:{os.environ['PATH']}"}
    settings = next(text for kind, text in blocks(PAGE) if kind)

    def run(commands):
        done = subprocess.run(["bash", "-euo", "pipefail", "-c", with_values(settings, values) + commands], cwd=tmp_path,
                              env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
                              timeout=240)
        assert done.returncode == 0, f"{commands}\n{done.stdout}{done.stderr}"
        return done.stdout
    return run


def commands_of(section):
    """The page's commands, those of "From a copy" or those of "Without any copy", as one script."""
    parts = [text for kind, text in blocks(PAGE) if not kind]
    rebuild = next(i for i, text in enumerate(parts) if "croftd rebuild-catalog" in text) - 1
    return "\n".join(parts[:rebuild] if section == "From a copy" else parts[rebuild:])


def all_rows_are_there(cluster):
    return [cluster.psql(tenant, "SELECT count(*) FROM t") for tenant in ("acme", "globex")] == ["100", "100"]


def test_from_a_copy(cluster, desk):
    copies = os.path.join(cluster.state, "croftd", "catalog-copies")
    os.makedirs(copies, exist_ok=True)
    cluster.croftctl("admin", "backup-catalog", os.path.join(copies, "catalog-20990101t000000z.db"))
    before = cluster.call("AdminService.GetStatus").revision.epoch
    cluster.stop("croftd")
    with open(os.path.join(cluster.state, "croftd", "catalog.db"), "r+b") as file:
        file.write(b"damaged")
    told = desk(commands_of("From a copy"))
    assert "2 tenants" in told, told
    assert cluster.call("AdminService.GetStatus").revision.epoch > before
    assert all_rows_are_there(cluster)


def test_without_any_copy(cluster, desk):
    before = {tenant: cluster.tenant(tenant).placement for tenant in ("acme", "globex")}
    told = desk(commands_of("Without any copy"))
    assert "2 tenants on 2 hosts" in told, told
    assert {tenant: cluster.tenant(tenant).placement for tenant in before} == before
    assert all_rows_are_there(cluster)
