"""croft.tenancy without a control plane and without a framework."""
import asyncio
import logging
import os
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import croft
import croft.aio
import gevent
import pytest
from croft import StaticLocator, tenancy
from croft.tenancy import Request, current, current_or_none, tenant

TENANTS = {name: {"database": f"d_{name}", "uid": f"u-{name}", "aliases": [f"shop.{name}.com"],
                  "settings": {"theme": name}, "features": {"beta": name == "acme"}}
           for name in ("acme", "globex", "initech")}


@pytest.fixture(name="locator", autouse=True)
def one_that_is_static():
    locator = StaticLocator(TENANTS)
    with tenancy.override(locator, asynchronous=croft.aio.AsyncStaticLocator(TENANTS)):
        yield locator


# --- the current tenant


def test_without_a_tenant_everything_that_needs_one_raises():
    for needing in (current, tenancy.cache_prefix, tenancy.storage_prefix, tenancy.tenant_settings,
                    lambda: tenancy.feature("beta"), lambda: tenancy.bind(print)):
        with pytest.raises(tenancy.NoTenant):
            needing()
    assert current_or_none() is None


def test_blocks_nest_and_are_left_whatever_is_raised():
    with tenant("acme"):
        with pytest.raises(ZeroDivisionError), tenant("shop.globex.com"):
            assert current().tenant == "globex"
            raise ZeroDivisionError
        assert current().tenant == "acme"
        with tenancy.without_tenant():
            assert current_or_none() is None
        assert current().tenant == "acme"
    assert current_or_none() is None


def test_one_block_object_can_be_entered_in_two_tasks():
    async def work(name):
        async with tenant(name) as placement:
            await asyncio.sleep(0)
            return placement.tenant == current().tenant == name
    async def both():
        return await asyncio.gather(*(work(name) for name in [*TENANTS] * 5))
    assert all(asyncio.run(both()))


def test_an_unknown_tenant_is_not_entered():
    with pytest.raises(croft.TenantNotFound), tenant("nobody"):
        pytest.fail("it was entered")
    assert current_or_none() is None


def test_threads_begin_without_a_tenant_unless_the_work_is_bound():
    with ThreadPoolExecutor(1) as threads, tenant("acme"):
        assert threads.submit(current_or_none).result() is None
        assert threads.submit(tenancy.bind(lambda: current().tenant)).result() == "acme"
        assert threads.submit(current_or_none).result() is None, "it was left again"


def test_greenlets_have_a_tenant_each():
    seen = []

    def work(name):
        with tenant(name):
            gevent.sleep(0.001)
            seen.append((name, current().tenant))
    gevent.joinall([gevent.spawn(work, name) for name in [*TENANTS] * 10], raise_error=True)
    assert len(seen) == 30 and all(name == got for name, got in seen)
    assert current_or_none() is None


def test_a_guard_can_forbid_to_leave_a_tenant_for_another_one():
    def guard(placement):
        raise tenancy.TenantSwitch(f"a transaction of {placement.tenant} is open")
    with tenant("acme"):
        tenancy.add_guard(guard)
        try:
            with tenant("acme"):
                assert current().tenant == "acme"
            with pytest.raises(tenancy.TenantSwitch), tenant("globex"):
                pytest.fail("it was entered")
        finally:
            tenancy._context._guards.remove(guard)


def test_settings_and_features_are_those_of_now(locator):
    with tenant("acme"):
        assert (tenancy.tenant_settings(), tenancy.feature("beta"), tenancy.feature("gamma", 7)) == (
            {"theme": "acme"}, True, 7)
        locator.set("acme", TENANTS["acme"] | {"features": {"beta": False}})
        assert tenancy.feature("beta") is False


def test_prefixes_are_by_uid_since_a_name_can_come_back(locator):
    with tenant("acme"):
        before = tenancy.cache_prefix(), tenancy.storage_prefix()
    locator.set("acme", TENANTS["acme"] | {"uid": "u-another"})
    with tenant("acme"):
        assert before == ("t:u-acme:", "tenants/u-acme/")
        assert (tenancy.cache_prefix(), tenancy.storage_prefix()) == ("t:u-another:", "tenants/u-another/")


def test_log_records_carry_the_tenant():
    record = logging.LogRecord("n", logging.INFO, "f", 1, "m", (), None)
    with tenant("acme"):
        assert tenancy.LogFilter().filter(record) and (record.tenant, record.tenant_uid) == ("acme", "u-acme")
        assert tenancy.span_attributes() == {"croft.tenant": "acme", "croft.tenant.uid": "u-acme"}
    tenancy.LogFilter().filter(record)
    assert (record.tenant, tenancy.span_attributes()) == ("-", {})


# --- resolvers


def request(host="", path="/", headers=None, peer="10.1.2.3"):
    return Request(host, path, headers or {}, peer, None)


@pytest.mark.parametrize(("resolver", "asked", "found"), [
    (tenancy.by_host(), request("Shop.Acme.com:8443"), "shop.acme.com"),
    (tenancy.by_host(), request("shop.acme.com."), "shop.acme.com"),
    (tenancy.by_host(), request("[::1]:80"), None),
    (tenancy.by_host(), request(""), None),
    (tenancy.by_subdomain("example.com"), request("acme.example.com:80"), "acme"),
    (tenancy.by_subdomain("example.com"), request("example.com"), None),
    (tenancy.by_subdomain("example.com"), request("a.b.example.com"), None),
    (tenancy.by_subdomain("example.com"), request("acme.example.com.evil.org"), None),
    (tenancy.by_subdomain("example.com"), request("acmeexample.com"), None),
    (tenancy.by_header("X-Tenant"), request(headers={"x-tenant": "ACME"}), "acme"),
    (tenancy.by_header("X-Tenant"), request(), None),
    (tenancy.by_header("X-Tenant", trusted_proxies=["10.0.0.0/8"]), request(headers={"x-tenant": "acme"}), "acme"),
    (tenancy.by_header("X-Tenant", trusted_proxies=["192.0.2.1"]), request(headers={"x-tenant": "acme"}), None),
    (tenancy.by_header("X-Tenant", trusted_proxies=["10.0.0.0/8"]), request(headers={"x-tenant": "acme"}, peer="?"),
     None),
    (tenancy.by_path("/t"), request(path="/t/acme/orders"), "acme"),
    (tenancy.by_path("/t"), request(path="/tacme"), None),
    (tenancy.by_path(), request(path="/acme"), "acme"),
    (tenancy.by_claim(lambda asked: asked.headers.get("claim")), request(headers={"claim": "acme"}), "acme"),
    (tenancy.first_of(tenancy.by_header("x"), tenancy.by_host()), request("acme"), "acme"),
])
def test_resolvers_find_the_name_or_nothing(resolver, asked, found):
    resolved = resolver(asked)
    assert (resolved and resolved.name) == found


@pytest.mark.parametrize("sent", ["../x", "a b", "a/b", "a\x00", "a" * 254, "tenants/acme", "é", "a'--", "-a", "a\n",
                                  ".", "%41"])
def test_what_can_be_no_name_never_reaches_the_control_plane(sent):
    assert tenancy.by_header("x")(request(headers={"x": sent})) is None


def test_a_path_names_the_prefix_that_the_application_does_not_see():
    assert tenancy.by_path("/t/")(request(path="/t/Acme/orders")) == tenancy.Resolved("acme", "/t/Acme")


@pytest.mark.parametrize(("kind", "status"), [
    (croft.TenantNotFound, 404), (croft.TenantNotVisible, 404), (croft.TenantRetired, 410),
    (croft.TenantSuspended, 503), (croft.TenantNotReady, 503), (croft.Unavailable, 503), (croft.Unauthenticated, 503)])
def test_each_error_has_its_status(kind, status):
    assert tenancy.status_of(kind("why")) == status


@pytest.mark.parametrize("text", ['connection to server at "h", port 5432 failed: timeout expired',
                                  'connection to server at "h", port 5432 failed: Connection refused',
                                  "PostgreSQL did not answer within 10 s"])
def test_a_database_that_cannot_be_reached_is_503(text):
    assert tenancy.status_of(DriverError(text)) == tenancy.status_of(DriverError("wrapped", orig=DriverError(text))) == 503


def test_an_error_of_the_applications_own_has_no_status():
    assert tenancy.status_of(ValueError("x")) is None


def test_a_flood_of_unknown_names_is_not_a_flood_of_lookups():
    asked = []

    class Counting(StaticLocator):
        def cached(self, tenant):
            return self._placements.find(tenant) if tenant in TENANTS else None

        def locate(self, tenant):
            asked.append(tenant)
            return super().locate(tenant)
    web = tenancy.WebTenancy(tenancy.by_host(), budget=tenancy.Budget(rate=0.001, burst=5))
    with tenancy.override(Counting(TENANTS)):
        for number in range(1000):
            with pytest.raises(croft.TenantNotFound):
                web.locate(f"n{number}")
        assert web.locate("acme").tenant == "acme", "known ones are served during a flood"
    assert len(asked) == 5


# --- refused connections


class DriverError(Exception):
    def __init__(self, text="", **attributes):
        super().__init__(text)
        for name, value in attributes.items():
            setattr(self, name, value)


@pytest.mark.parametrize(("error", "is_refused"), [
    (DriverError(sqlstate="28P01"), True), (DriverError(pgcode="57P01"), True), (DriverError(sqlstate="42P01"), False),
    (DriverError('FATAL:  role "t_a" is not permitted to log in'), True),
    (DriverError('FATAL:  database "d1" does not exist'), True),
    (DriverError('relation "orders" does not exist', pgcode="42P01"), False),
    (DriverError('permission denied for database "d"', sqlstate="42501"), True),
    (DriverError("permission denied for table orders", sqlstate="42501"), False),
    (DriverError("wrapped", orig=DriverError(sqlstate="3D000")), True),
    (DriverError("connection refused"), False),
    (DriverError("cannot switch to state 12; another operation (2) is in progress"), True),
    (DriverError("connection is closed"), True),
])
def test_refusals_are_told_by_state_or_by_libpqs_words(error, is_refused):
    assert tenancy.refused(error) is is_refused


def test_an_error_with_a_cause_is_looked_through():
    outer = ValueError("outer")
    outer.__cause__ = DriverError(sqlstate="28000")
    assert tenancy.refused(outer)


def test_a_refused_lock_is_tried_again_with_growing_pauses():
    pauses, errors = [], [DriverError(pgcode="55P03"), DriverError("wrapped", orig=DriverError(sqlstate="40P01"))]

    def work():
        if errors:
            raise errors.pop()
    tenancy.retry_locks(work, 2, pauses.append)
    assert pauses == [0.5, 1.0]
    errors[:] = [DriverError(pgcode="55P03")] * 3
    with pytest.raises(DriverError):
        tenancy.retry_locks(work, 1, pauses.append)
    errors[:] = [DriverError(pgcode="42P01")]
    with pytest.raises(DriverError):
        tenancy.retry_locks(work, 5, pauses.append)
    assert len(pauses) == 3


def opener(locator, kind, connect, wait=5.0):
    if kind == "sync":
        return tenancy.open_connection(locator, "acme", connect, wait=wait)

    async def open_it():
        async def asynchronous(placement):
            return connect(placement)
        twin = croft.aio.AsyncStaticLocator(TENANTS)
        twin._placements = locator._placements
        return await tenancy.open_connection_async(twin, "acme", asynchronous, wait=wait)
    return asyncio.run(open_it())


@pytest.mark.parametrize("kind", ["sync", "asyncio"])
def test_a_refused_login_waits_for_the_newer_placement(locator, kind):
    tried = []

    def connect(placement):
        tried.append(placement.generation)
        if placement.generation == 1:
            raise DriverError(sqlstate="28000")
        return placement.database
    mover = threading.Timer(0.2, lambda: locator.set("acme", {"database": "moved"}))
    mover.start()
    assert opener(locator, kind, connect) == "moved"
    mover.join()
    assert tried == [1, 2] or tried == [1, 1, 2]


@pytest.mark.parametrize("kind", ["sync", "asyncio"])
def test_the_wait_is_bounded(locator, kind):
    def connect(_):
        raise DriverError(sqlstate="28000")
    begun = time.monotonic()
    with pytest.raises(DriverError):
        opener(locator, kind, connect, wait=0.3)
    assert 0.3 <= time.monotonic() - begun < 3


def test_an_attempt_that_hangs_is_given_up(locator):
    async def hang(_):
        await asyncio.Event().wait()

    async def refuse_and_hang(placement):
        if not tried:
            tried.append(placement)
            raise DriverError("the tenant is closed", sqlstate="28000")
        await hang(placement)
    tried = []
    for connect, raised in ((hang, ConnectionError), (refuse_and_hang, DriverError)):
        begun = time.monotonic()
        with pytest.raises(raised):
            asyncio.run(tenancy.open_connection_async(croft.aio.AsyncStaticLocator(TENANTS), "acme", connect, wait=0.1))
        assert 1 <= time.monotonic() - begun < 5


@pytest.mark.parametrize("kind", ["sync", "asyncio"])
def test_a_server_that_is_away_is_tried_once_more_and_not_waited_for(locator, kind):
    tried = []

    def connect(placement):
        tried.append(placement)
        raise DriverError("connection refused")
    with pytest.raises(DriverError):
        opener(locator, kind, connect)
    assert len(tried) == 2


# --- the pool


class Connection:
    def __init__(self, placement):
        self.placement = placement
        self.closed = False
        self.ends, self.own = socket.socketpair()
        self.done = []

    def fileno(self):
        return self.own.fileno()

    def commit(self):
        self.done.append("commit")

    def rollback(self):
        self.done.append("rollback")

    def close(self):
        self.closed = True
        self.own.close()
        self.ends.close()


def a_pool(**options):
    made = []

    def connect(placement):
        made.append(Connection(placement))
        return made[-1]
    return tenancy.ConnectionPool(connect, **options), made


def use_pool(pool, name):
    with tenant(name), pool.connection() as connection:
        assert connection.placement.tenant == name
        return connection


def test_a_pool_without_a_tenant_gives_nothing():
    pool, made = a_pool()
    with pytest.raises(tenancy.NoTenant), pool.connection():
        pytest.fail("it gave one")
    assert made == []


def test_a_connection_is_used_again_by_its_own_tenant_alone():
    pool, made = a_pool()
    first = use_pool(pool, "acme")
    assert use_pool(pool, "acme") is first
    assert use_pool(pool, "globex") is not first
    assert len(made) == 2 and first.done == ["commit", "commit"]


def test_what_raises_is_rolled_back():
    pool, made = a_pool()
    with pytest.raises(ZeroDivisionError), tenant("acme"), pool.connection():
        raise ZeroDivisionError
    assert made[0].done == ["rollback"]


def test_the_bound_holds_over_all_tenants_and_the_longest_idle_makes_room():
    pool, made = a_pool(max_connections=2, max_per_tenant=1)
    for name in ("acme", "globex", "initech"):
        use_pool(pool, name)
    assert [one.closed for one in made] == [True, False, False]
    status = pool.status()
    assert (status.idle, status.in_use, status.opened, status.closed) == (2, 0, 3, 1)


def test_one_who_finds_all_in_use_waits_and_gives_up():
    pool, _ = a_pool(max_connections=1, max_per_tenant=1, timeout=0.1)
    with tenant("acme"), pool.connection():
        with tenancy.without_tenant(), tenant("globex"):
            with pytest.raises(tenancy.PoolTimeout), pool.connection():
                pytest.fail("it gave one")


def test_a_moved_tenants_connections_are_closed_and_not_used_again(locator):
    pool, made = a_pool()
    use_pool(pool, "acme")
    with tenant("acme"), pool.connection() as in_use:
        locator.set("acme", {"database": "moved", "uid": "u-acme"})
    assert in_use.closed, "it came back too late"
    assert use_pool(pool, "acme").placement.database == "moved"
    locator.set("acme", {"database": "moved again", "uid": "u-acme"})
    assert made[-1].closed, "idle ones are closed at once"


def test_a_connection_that_the_server_ended_is_not_handed_out():
    pool, made = a_pool()
    use_pool(pool, "acme").ends.close()
    assert use_pool(pool, "acme") is made[1]
    assert made[0].closed


def test_a_name_that_came_back_is_another_tenant(locator):
    pool, made = a_pool()
    use_pool(pool, "acme")
    with tenant("acme"):
        locator.set("acme", {"database": "stranger", "uid": "u-stranger"})
        with pytest.raises(tenancy.PlacementGone), pool.connection():
            pytest.fail("it gave a stranger's connection")
    assert len(made) == 1


def test_a_forked_child_does_not_use_the_parents_connections():
    pool, _ = a_pool()
    inherited = use_pool(pool, "acme")
    child = os.fork()
    if child == 0:
        try:
            own = use_pool(pool, "acme")
            os._exit(0 if own is not inherited and not inherited.closed else 1)
        except BaseException:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert use_pool(pool, "acme") is inherited


def test_many_threads_over_many_tenants_stay_within_the_bounds_and_never_mix():
    pool, made = a_pool(max_connections=4, max_per_tenant=2)
    most = []

    def work(number):
        for step in range(50):
            name = [*TENANTS][(number + step) % 3]
            with tenant(name), pool.connection() as connection:
                assert connection.placement.tenant == name
                most.append(pool.status().idle + pool.status().in_use)
    with ThreadPoolExecutor(12) as threads:
        list(threads.map(work, range(12)))
    assert max(most) <= 8, "idle and in use are read one after the other"
    assert sum(not one.closed for one in made) <= 4
    pool.close()
    assert all(one.closed for one in made)


# --- each tenant


def test_each_tenant_is_worked_on_as_itself_and_failures_are_collected():
    def work(placement):
        assert current().tenant == placement.tenant
        if placement.tenant == "globex":
            raise ValueError("no\nsecond line")
    report = tenancy.for_each_tenant(work, [*TENANTS], parallel=2, max_failures=1)
    assert (report.succeeded, [*report.failed], report.left, report.ok) == (["acme", "initech"], ["globex"], [], False)
    assert report.table() == "globex  ValueError: no\n2 succeeded, 1 failed"


def test_a_failing_canary_ends_it():
    def work(_):
        raise ValueError
    report = tenancy.for_each_tenant(work, [*TENANTS], canary=1, max_failures=10)
    assert ([*report.failed], report.left) == (["acme"], ["globex", "initech"])


def test_too_many_failures_end_it():
    def work(_):
        raise ValueError
    report = tenancy.for_each_tenant(work, [*TENANTS])
    assert (len(report.failed), len(report.left)) == (1, 2)


def test_a_run_after_a_crash_repeats_nothing_that_is_done(tmp_path):
    path, done = tmp_path / "progress", []

    def work(placement):
        if placement.tenant == "initech" and len(done) == 2:
            raise ValueError
        done.append(placement.tenant)
    first = tenancy.for_each_tenant(work, [*TENANTS], progress=tenancy.Progress(path, "0002"))
    assert (first.succeeded, [*first.failed]) == (["acme", "globex"], ["initech"])
    with open(path, "a", encoding="utf-8") as file:
        file.write('{"uid": "u-ini')  # it crashed while it wrote
    done.append("a later run")
    second = tenancy.for_each_tenant(work, [*TENANTS], progress=tenancy.Progress(path, "0002"))
    assert (second.skipped, second.succeeded) == (["acme", "globex"], ["initech"])
    assert not path.exists()


def test_progress_of_another_thing_is_begun_anew(tmp_path):
    path = tmp_path / "progress"
    with tenant("acme") as placement:
        tenancy.Progress(path, "0001").note(placement)
    assert tenancy.Progress(path, "0001").is_done("u-acme")
    assert not tenancy.Progress(path, "0002").is_done("u-acme")
