"""The Python client against a real control plane with a real host."""
import asyncio
import dataclasses
import os
import re
import subprocess
import sys
import threading
import time

import croft
import croft.aio
import pytest
from cluster import Cluster, wait_until
from google.protobuf import struct_pb2
from libpq import ask


@pytest.fixture(scope="module", name="cluster")
def running_cluster():
    with Cluster(agents=1) as cluster:
        settings = struct_pb2.Struct()
        settings["theme"] = "dark"
        operation = cluster.call("TenantService.CreateTenant", tenant_id="acme",
                              tenant={"aliases": ["shop.acme.com"], "settings": settings})
        cluster.succeed(operation)
        yield cluster


@pytest.fixture(name="options")
def how_to_reach_it(cluster):
    return {"endpoints": [cluster.env["CROFT_SERVER"]], "authority_file": cluster.env["CROFT_CA"],
            "certificate_file": cluster.env["CROFT_CERT"], "key_file": cluster.env["CROFT_KEY"]}


@pytest.fixture(name="locator")
def a_ready_locator(options):
    with croft.Locator(**options) as locator:
        assert locator.wait_until_ready(30)
        yield locator


def select_one(placement):
    """The answer of the database itself, through libpq."""
    variables = {"PATH": os.environ["PATH"], "PGCONNECT_TIMEOUT": "10"}
    return subprocess.run(["psql", "-X", "-A", "-t", "-c", "SELECT 1", placement.dsn()], env=variables, text=True,
                          capture_output=True, check=False).stdout.strip()


def answers(locator, tenant):
    try:
        return locator.locate(tenant).tenant == tenant
    except croft.LookupRefused:
        return False


def test_what_it_answers_opens_the_database(locator):
    placement = locator.locate("acme")
    assert (placement.tenant, placement.sslmode, placement.stale) == ("acme", "verify-full", False)
    assert placement.settings == {"theme": "dark"}
    assert select_one(placement) == "1"
    assert locator.locate("shop.acme.com") == placement


def test_without_a_watch_it_asks_and_answers_the_same(options, locator):
    with croft.Locator(**options, watch=False) as asking:
        assert asking.locate("acme").dsn() == locator.locate("acme").dsn()


ODD = ["it's", 'a"b', "back\\slash\\", "100%41", "user:p@ss/w?rd#&x=1;", " two  spaces ", "x host=evil user=croft",
       "postgresql://evil/", "lines\n\tof text", "${HOME} `id` $$;--", "zoë データ 😀", "ü" * 31]


@pytest.mark.parametrize("odd", ODD)
def test_a_dsn_logs_in_as_the_one_meant_whatever_its_parts_are(cluster, locator, odd, tmp_path, monkeypatch):
    folder = tmp_path / odd.replace("/", "_")
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))  # where the authority is written, as TMPDIR says
    word = re.sub(r"([\s\\])", r"\\\1", odd)
    known = locator.locate("acme")
    placement = dataclasses.replace(known, user=odd, database=odd, password=odd, options=f"-c croft.word={word}")
    name, text = '"' + odd.replace('"', '""') + '"', "'" + odd.replace("'", "''") + "'"
    cluster.superuser("h1", f"CREATE ROLE {name} LOGIN PASSWORD {text}")
    cluster.superuser("h1", f"CREATE DATABASE {name}")
    try:
        told = "SELECT current_user || '/' || current_database() || '/' || current_setting('croft.word')"
        assert ask(placement.connect_kwargs(), told) == (f"{odd}/{odd}/{odd}", None)
        by_uri = subprocess.run(["psql", "-X", "-A", "-t", "-c", told, placement.dsn()], text=True, check=False,
                                capture_output=True, env={"PATH": os.environ["PATH"], "PGCLIENTENCODING": "UTF8"})
        assert by_uri.stdout == f"{odd}/{odd}/{odd}\n", by_uri.stderr
    finally:
        cluster.superuser("h1", f"DROP DATABASE {name} WITH (FORCE)")
        cluster.superuser("h1", f"DROP ROLE {name}")


def test_roles_have_logins_of_their_own(options, locator):
    with croft.Locator(**options, role="read_only") as readers, croft.Locator(**options, role="migrate") as migrations:
        assert readers.locate("acme").user != locator.locate("acme").user
        assert migrations.locate("acme").options == "-c statement_timeout=0"
        assert select_one(migrations.locate("acme")) == "1"


def test_refusals_are_exceptions_with_their_reason(cluster, locator):
    with pytest.raises(croft.TenantNotFound) as error:
        locator.locate("nobody")
    assert (error.value.tenant, error.value.reason) == ("nobody", "TENANT_NOT_FOUND")
    cluster.create_tenant("leaver")
    wait_until(lambda: answers(locator, "leaver"), "the watch told of the new tenant")
    cluster.succeed(cluster.call("TenantService.RetireTenant", name="tenants/leaver"))

    def refused():
        try:
            locator.locate("leaver")
        except croft.TenantRetired:
            return True
        return False
    wait_until(refused, "the watch told of the retirement")


def test_a_rotation_reaches_whoever_keeps_pools(cluster, locator):
    told = threading.Event()
    before = locator.locate("acme")
    locator.on_change(lambda tenant, placement: tenant == "acme" and placement.user != before.user and told.set())
    cluster.succeed(cluster.call("TenantService.RotateCredentials", name="tenants/acme", overlap={"seconds": 2}))
    assert told.wait(30)
    after = locator.locate("acme")
    assert after.user != before.user
    assert select_one(after) == "1"
    wait_until(lambda: select_one(before) != "1", "the replaced login ends")


def test_it_goes_on_through_a_restart_of_the_control_plane(cluster, locator):
    before = locator.locate("acme")
    cluster.stop("croftd")
    try:
        assert select_one(locator.locate("acme")) == "1"
        with pytest.raises(croft.Unavailable):
            locator.locate("nobody-knows")
    finally:
        cluster.start("croftd")
    cluster.create_tenant("after-the-restart")
    wait_until(lambda: not locator.locate("acme").stale, "answers are fresh again")
    assert locator.locate("acme").dsn() == before.dsn()
    wait_until(lambda: answers(locator, "after-the-restart"), "the watch told of the new tenant")


WAITING = """
import sys, time, croft
locator = croft.Locator()
locator.locate("acme")
print("ready", flush=True)
sys.stdin.readline()
deadline = time.monotonic() + 15
while time.monotonic() < deadline:
    try:
        sys.exit(0 if locator.locate("made-later").tenant == "made-later" else 1)
    except croft.CroftError:
        time.sleep(0.1)
sys.exit("it did not connect again")
"""


def test_it_connects_again_after_a_crash_of_the_control_plane(cluster):
    # In a process of its own: calls of another channel, such as the test's, would read its sockets, too.
    import_path = os.pathsep.join(path for path in sys.path if path)
    with subprocess.Popen([sys.executable, "-c", WAITING], env={**os.environ, **cluster.env, "PYTHONPATH": import_path},
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "ready\n"
        cluster.kill("croftd")
        time.sleep(2)  # while it is away the pauses between attempts grow
        cluster.start("croftd")
        cluster.create_tenant("made-later")
        process.communicate("go on\n", timeout=60)
        assert process.returncode == 0


def test_names_out_of_scope_are_refused_and_never_told(cluster, options, tmp_path):
    cluster.succeed(cluster.call("TenantService.CreateTenant", tenant_id="mine", tenant={"labels": {"app": "mine"}}))
    cluster.call("AccessService.CreatePrincipal", principal_id="mine")
    cluster.call("AccessService.BindRole", name="principals/mine",
              binding={"role": "ROLE_CONNECTOR", "labels": {"app": "mine"}})
    token = tmp_path / "token"
    token.write_text(cluster.call("AccessService.CreateToken", parent="principals/mine").secret)
    own = {"endpoints": options["endpoints"], "authority_file": options["authority_file"], "token_file": str(token)}
    for watch in (True, False):
        told = []
        with croft.Locator(**own, watch=watch) as narrowed:
            narrowed.on_change(lambda tenant, placement: told.append(tenant))
            assert select_one(narrowed.locate("mine")) == "1"
            for name in ("acme", "shop.acme.com", "nobody"):
                with pytest.raises(croft.PermissionDenied):
                    narrowed.locate(name)
            cluster.call("TenantService.UpdateTenant",
                      tenant={"name": "tenants/acme", "display_name": f"seen by none, {watch}"},
                      update_mask={"paths": ["display_name"]})
            assert "acme" not in told


def test_asyncio_answers_the_same(options, locator):
    async def ask():
        async with croft.aio.AsyncLocator(**options) as asynchronous:
            assert await asynchronous.wait_until_ready(30)
            with pytest.raises(croft.TenantNotFound):
                await asynchronous.locate("nobody")
            return await asyncio.gather(*(asynchronous.locate("acme") for _ in range(10)))

    assert {placement.dsn() for placement in asyncio.run(ask())} == {locator.locate("acme").dsn()}


FORKING = """
import os, sys, croft
locator = croft.Locator()
if sys.argv[1] != "did not ask":
    assert locator.locate("acme").tenant == "acme"
children = []
for _ in range(3):
    child = os.fork()
    if child == 0:
        placement = locator.locate("acme")
        assert locator.wait_until_ready(30)
        os._exit(0 if locator.locate("acme").generation == placement.generation else 1)
    children.append(child)
sys.exit(any(os.waitpid(child, 0)[1] for child in children))
"""


@pytest.mark.parametrize("parent", ["did not ask", "asked", "asked one that is away and then another"])
def test_children_of_a_forking_server_ask_for_themselves(cluster, parent):
    import_path = os.pathsep.join(path for path in sys.path if path)
    variables = {**os.environ, **cluster.env, "PYTHONPATH": import_path}
    if "away" in parent:
        variables["CROFT_SERVER"] = "127.0.0.1:1," + variables["CROFT_SERVER"]
    subprocess.run([sys.executable, "-c", FORKING, parent], env=variables, timeout=120, check=True)


def test_twenty_processes_start_from_the_snapshot_while_the_control_plane_is_away(cluster, options, tmp_path):
    snapshot = str(tmp_path / "snapshot")
    with croft.Locator(**options, snapshot_file=snapshot) as locator:
        assert locator.wait_until_ready(30)
        known = locator.locate("acme")
        cluster.stop("croftd")
        try:
            assert locator.locate("acme").dsn() == known.dsn()
            script = ("import croft, sys; placement = croft.Locator(snapshot_file=sys.argv[1]).locate('acme'); "
                      "assert placement.stale; print(placement.dsn())")
            import_path = os.pathsep.join(path for path in sys.path if path)
            started = [subprocess.Popen([sys.executable, "-c", script, snapshot], stdout=subprocess.PIPE, text=True,
                                        env={**os.environ, **cluster.env, "PYTHONPATH": import_path})
                       for _ in range(20)]
            dsns = {process.communicate(timeout=120)[0].strip() for process in started}
            assert len(dsns) == 1
            psql = subprocess.run(["psql", "-X", "-A", "-t", "-c", "SELECT 1", dsns.pop()], capture_output=True,
                                  text=True, check=True)
            assert psql.stdout.strip() == "1"
        finally:
            cluster.start("croftd")
