"""docs/external-postgresql.md, word for word: its commands run as they stand there, with a server of this machine in the
settings at their head."""
import os
import subprocess

from cluster import BIN, TOP, Cluster
from external import VERSION, ExternalServer, client_programs
from pages import blocks, with_values

PAGE = "external-postgresql.md"


def test_the_pages_commands_lead_to_a_tenant_and_to_nothing_left(tmp_path):
    with Cluster(agents=1, postgres="managed") as cluster, ExternalServer(VERSION) as server:
        cluster.call("HostService.CordonHost", name="hosts/h1")
        before = server.superuser("SELECT string_agg(rolname, ',' ORDER BY rolname) FROM pg_roles")
        values = {"PGHOST": "127.0.0.1", "PGPORT": server.port, "PGUSER": "postgres", "VERSION": VERSION,
                  "AUTHORITY": server.authority, "BACKUPS": os.path.join(cluster.state, "backups")}
        script = "set -euo pipefail\n"
        for settings, text in blocks(PAGE):
            script += with_values(text, values) if settings else text
        # The superuser of this server comes by its socket; the page's has a password that psql would ask for.
        server.superuser("ALTER ROLE postgres PASSWORD 'of the page'")
        environment = {**os.environ, **cluster.env, "PATH": BIN + ":" + os.environ["PATH"], "PGPASSWORD": "of the page"}
        programs = client_programs([VERSION])
        if programs:
            script = script.replace("--mode external", f"--mode external --client-programs {programs}")
        result = subprocess.run(["bash", "-c", script], cwd=tmp_path, env=environment, stdin=subprocess.DEVNULL,
                                capture_output=True, text=True, check=False, timeout=600)
        log = tmp_path / "agent.log"
        if result.returncode != 0 and log.exists():
            print(log.read_text()[-3000:])
        assert result.returncode == 0, result.stdout + result.stderr
        assert server.superuser("SELECT string_agg(rolname, ',' ORDER BY rolname) FROM pg_roles") == before
        assert server.superuser("SELECT count(*) FROM pg_database") == "3"
        hosts = [host.name for host in cluster.call("HostService.ListHosts").hosts]
        assert hosts == ["hosts/h1"]


def test_every_right_of_the_setup_is_on_the_page():
    with open(os.path.join(TOP, "docs", PAGE), encoding="utf-8") as file:
        page = file.read()
    for right in ("CREATEDB", "CREATEROLE", "BYPASSRLS", "pg_signal_backend", "temp_file_limit",
                  "CONNECT", "pg_control_system"):
        assert right in page
