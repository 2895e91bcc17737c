"""croft.Admin and its asyncio twin against a real control plane with a real host."""
import asyncio
import datetime
import threading

import croft
import croft.aio
import pytest
from cluster import Cluster, wait_until


class Asynchronous:
    """An AsyncAdmin in a loop of its own thread, called as the other one is."""

    def __init__(self, **options):
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self._admin = self._run(self._make(options))

    @staticmethod
    async def _make(options):
        return croft.aio.AsyncAdmin(**options)

    def _run(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(120)

    @staticmethod
    async def _all(rows):
        return [row async for row in rows]

    def __getattr__(self, name):
        def call(*arguments, **named):
            answer = getattr(self._admin, name)(*arguments, **named)
            return self._run(self._all(answer) if hasattr(answer, "__anext__") else answer)
        return call

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        self._run(self._admin.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


KINDS = {"sync": croft.Admin, "asyncio": Asynchronous}


@pytest.fixture(scope="module", name="cluster")
def running_cluster():
    with Cluster(agents=1) as cluster:
        yield cluster


@pytest.fixture(name="options")
def how_to_reach_it(cluster):
    return {"endpoints": [cluster.env["CROFT_SERVER"]], "authority_file": cluster.env["CROFT_CA"],
            "certificate_file": cluster.env["CROFT_CERT"], "key_file": cluster.env["CROFT_KEY"]}


@pytest.fixture(name="kind", params=KINDS)
def which_admin(request):
    return request.param


@pytest.fixture(name="admin")
def an_admin(kind, options):
    with KINDS[kind](**options) as admin:
        yield admin


def test_a_tenants_whole_life(admin, kind):
    name = f"life-{kind}"
    created = admin.wait(admin.create(name, display_name="Life", aliases=[f"{name}.example.com"],
                                      labels={"app": kind}, settings={"theme": {"dark": True}}, features={"beta": True},
                                      quota=croft.Quota(connections=7, statement_timeout=2.5)))
    assert (created.kind, created.state, created.done, created.target) == (
        "CREATE", "SUCCEEDED", True, f"tenants/{name}")
    tenant = admin.get(name)
    assert (tenant.id, tenant.state, tenant.labels, tenant.settings, tenant.features) == (
        name, "READY", {"app": kind}, {"theme": {"dark": True}}, {"beta": True})
    assert (tenant.aliases, tenant.quota.connections, tenant.quota.statement_timeout) == (
        (f"{name}.example.com",), 7, 2.5)
    now = datetime.datetime.now(datetime.UTC)
    assert abs(now - tenant.create_time) < datetime.timedelta(minutes=5)
    assert [one.id for one in admin.list(selector=f"app={kind}")] == [name]

    changed = admin.update(name, display_name="New", features={}, etag=tenant.etag)
    assert (changed.display_name, changed.features, changed.labels) == ("New", {}, {"app": kind})
    with pytest.raises(croft.RequestRefused):
        admin.update(name, display_name="Lost race", etag=tenant.etag)

    backup = admin.wait(admin.back_up(name, name="before-2.4", note="schema 118")).result.rpartition("/")[2]
    assert [(one.id, one.name, one.note, one.held) for one in admin.backups(name)] == [
        (backup, "before-2.4", "schema 118", False)]
    assert admin.get_backup(name, "before-2.4").id == backup
    assert admin.get_backup(name, backup).state in ("AVAILABLE", "VERIFIED")
    admin.wait(admin.verify_backup(name, backup))
    assert admin.get_backup(name, backup).verify_time is not None
    admin.wait(admin.restore(name, backup))
    assert admin.get(name).generation > tenant.generation
    admin.wait(admin.restore(name, backup, as_tenant=f"{name}-copy"))
    assert admin.get(f"{name}-copy").state == "READY"

    admin.wait(admin.rotate(name, overlap=1))
    admin.wait(admin.suspend(name, read_only=True))
    assert (admin.get(name).state, admin.get(name).suspend_mode) == ("SUSPENDED", "READ_ONLY")
    admin.wait(admin.resume(name))
    admin.wait(admin.retire(name))
    assert admin.get(name).purge_time is not None
    admin.wait(admin.undelete(name))
    admin.wait(admin.retire(name))
    admin.wait(admin.purge(name, confirm=name))
    with pytest.raises(croft.TenantNotFound):
        admin.get(name)
    kinds = {one.kind for one in admin.operations(f'target = "tenants/{name}"')}
    assert {"CREATE", "RESTORE", "ROTATE", "RETIRE", "PURGE"} <= kinds


def test_what_is_refused_is_raised_by_kind_and_names_its_target(admin, kind):
    name = f"refused-{kind}"
    admin.wait(admin.create(name))
    with pytest.raises(croft.AlreadyExists) as error:
        admin.create(name)
    assert error.value.tenant == name and error.value.reason
    with pytest.raises(croft.InvalidRequest):
        admin.create("Not An Id")
    with pytest.raises(croft.TenantNotFound):
        admin.get("nobody")
    with pytest.raises(croft.NotFound):
        admin.operation("nothing")
    assert admin.wait(admin.create(name, if_missing=True)).state == "SUCCEEDED"


def test_an_operation_that_fails_is_raised_with_how_it_ended(admin, kind):
    with pytest.raises((croft.OperationFailed, croft.RequestRefused)) as error:
        admin.wait(admin.create(f"unplaceable-{kind}", host_selector={"no-such": "label"}))
    assert error.value.reason


def test_a_program_with_a_token_may_do_what_its_role_allows_and_no_more(cluster, options, kind, tmp_path):
    principal = f"narrow-{kind}"
    cluster.call("AccessService.CreatePrincipal", principal_id=principal)
    cluster.call("AccessService.BindRole", name=f"principals/{principal}",
              binding={"role": "ROLE_CONNECTOR", "labels": {"app": "none"}})
    token = tmp_path / "token"
    token.write_text(cluster.call("AccessService.CreateToken", parent=f"principals/{principal}").secret)
    own = {"endpoints": options["endpoints"], "authority_file": options["authority_file"], "token_file": str(token)}
    with KINDS[kind](**own) as admin:
        with pytest.raises(croft.PermissionDenied) as error:
            admin.create("mine")
        assert not isinstance(error.value, croft.LookupRefused)
        token.write_text("croft_wrong")
        with pytest.raises(croft.Unauthenticated):
            admin.get("mine")
    with croft.Locator(**own, watch=False) as locator, pytest.raises(croft.Unauthenticated):
        locator.locate("mine")


def test_a_wait_goes_on_through_a_restart_of_the_control_plane(cluster, admin, kind):
    operation = admin.create(f"patient-{kind}")
    waited = []
    waiter = threading.Thread(target=lambda: waited.append(admin.wait(operation)))
    cluster.stop("croftd")
    waiter.start()
    try:
        with pytest.raises(croft.Unavailable):
            admin.get("nobody")
    finally:
        cluster.start("croftd")
    waiter.join(120)
    assert [one.state for one in waited] == ["SUCCEEDED"]
    wait_until(lambda: admin.get(f"patient-{kind}").state == "READY", "it is ready")
