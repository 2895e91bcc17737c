"""The pool for asyncio without a control plane and without a database."""
import asyncio
import socket

import croft
import croft.aio
import pytest
from croft import StaticLocator, tenancy
from croft.tenancy import AsyncConnectionPool, tenant

TENANTS = {name: {"database": f"d_{name}", "uid": f"u-{name}"} for name in ("acme", "globex", "initech")}


class Transport:
    def __init__(self, own):
        self._own = own

    def get_extra_info(self, _):
        return self._own


class Connection:
    """What the pool uses of asyncpg's."""

    def __init__(self, placement):
        self.placement, self.is_gone, self.in_transaction, self.done = placement, False, False, []
        self.server, self._own = socket.socketpair()
        self._transport = Transport(self._own)

    def is_closed(self):
        return self.is_gone

    def is_in_transaction(self):
        return self.in_transaction

    async def execute(self, statement):
        self.done.append(statement)

    async def close(self, timeout):
        assert timeout > 0
        await asyncio.sleep(0.001)  # the server's answer
        self.terminate()

    def terminate(self):
        self.is_gone = True
        self.server.close()
        self._own.close()


class Shop:
    """A pool, its locator, and what was opened."""

    def __init__(self, **options):
        self.made = []
        self.most_open = 0
        self.locator = croft.aio.AsyncStaticLocator(StaticLocator(TENANTS))
        self.pool = AsyncConnectionPool(self._connect, **options)

    async def _connect(self, placement):
        await asyncio.sleep(0)
        self.made.append(Connection(placement))
        self.most_open = max(self.most_open, sum(not one.is_gone for one in self.made))
        return self.made[-1]

    async def use(self, name):
        async with tenant(name), self.pool.connection() as connection:
            assert connection.placement.tenant == name
            await asyncio.sleep(0)
        return connection


def run(work, **options):
    """`work(shop)` in an event loop; the pool leaves no connection open."""
    async def within():
        shop = Shop(**options)
        with tenancy.override(StaticLocator(TENANTS), asynchronous=shop.locator):
            await asyncio.wait_for(work(shop), 20)
            await shop.pool.close()
        assert all(one.is_gone for one in shop.made)
        assert shop.pool.status().in_use == shop.pool.status().idle == 0
    asyncio.run(within())


def test_a_connection_is_used_again_by_its_own_tenant_alone():
    async def work(shop):
        first = await shop.use("acme")
        assert await shop.use("acme") is first
        assert await shop.use("globex") is not first
        assert len(shop.made) == 2
    run(work)


def test_without_a_tenant_there_is_none():
    async def work(shop):
        with pytest.raises(tenancy.NoTenant):
            async with shop.pool.connection():
                pytest.fail("it gave one")
    run(work)


def test_the_bound_holds_over_all_tenants_and_those_who_wait_are_served():
    async def work(shop):
        await asyncio.gather(*(shop.use(name) for name in [*TENANTS] * 20))
        status = shop.pool.status()
        assert (status.in_use, status.idle) == (0, 2) and status.opened == len(shop.made)
        assert shop.most_open == 2, "the place of one that is being closed is not free yet"
    run(work, max_connections=2, max_per_tenant=1)


def test_one_who_finds_all_in_use_gives_up_in_time():
    async def work(shop):
        async with tenant("acme"), shop.pool.connection():
            with tenancy.without_tenant():
                with pytest.raises(tenancy.PoolTimeout):
                    await shop.use("globex")
    run(work, max_connections=1, max_per_tenant=1, timeout=0.05)


def test_one_who_gives_up_waiting_does_not_keep_the_next_one_waiting():
    async def work(shop):
        async with tenant("acme"), shop.pool.connection():
            with tenancy.without_tenant():
                impatient = asyncio.create_task(shop.use("globex"))
                patient = asyncio.create_task(shop.use("initech"))
                await asyncio.sleep(0.01)
                impatient.cancel()
        with pytest.raises(asyncio.CancelledError):
            await impatient
        await patient
    run(work, max_connections=1, max_per_tenant=1)


def test_what_the_server_ended_is_not_handed_out():
    async def work(shop):
        first = await shop.use("acme")
        first.server.send(b"farewell")  # the event loop has not read it yet
        assert await shop.use("acme") is not first
        (await shop.use("globex")).terminate()
        await shop.use("globex")
        assert len(shop.made) == 4
    run(work)


def test_connections_of_a_former_placement_are_closed():
    async def work(shop):
        idle = await shop.use("acme")
        async with tenant("acme"), shop.pool.connection() as used:
            other = await shop.use("acme")
            assert used is idle and other is not idle
            shop.locator.set("acme", {"database": "moved", "uid": "u-acme"})
            await asyncio.sleep(0.01)
            assert other.is_gone and not used.is_gone
        await asyncio.sleep(0.01)
        assert used.is_gone
        assert (await shop.use("acme")).placement.database == "moved"
    run(work)


def test_another_tenant_of_the_same_name_is_not_connected_to():
    async def work(shop):
        async with tenant("acme"):
            shop.locator.set("acme", {"database": "d", "uid": "u-another"})
            with pytest.raises(tenancy.PlacementGone):
                async with shop.pool.connection():
                    pytest.fail("it gave one")
        assert shop.made == []
    run(work)


def test_what_raised_is_used_again_without_its_transaction_and_what_was_cancelled_is_not():
    async def work(shop):
        with pytest.raises(ZeroDivisionError):
            async with tenant("acme"), shop.pool.connection() as connection:
                connection.in_transaction = True
                raise ZeroDivisionError
        assert connection.done == ["ROLLBACK"] and await shop.use("acme") is connection

        async def hang():
            async with tenant("acme"), shop.pool.connection():
                await asyncio.Event().wait()
        task = asyncio.create_task(hang())
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await shop.use("acme") is not connection
    run(work)


def test_an_idle_connection_has_an_end():
    async def work(shop):
        first = await shop.use("acme")
        await asyncio.sleep(0.02)
        await shop.use("globex")
        await asyncio.sleep(0.01)
        assert first.is_gone
    run(work, max_idle=0.01)


def test_a_failed_attempt_leaves_its_room_to_others():
    async def work(shop):
        async def fail(_):
            raise ValueError("no")
        shop.pool._connect = fail
        with pytest.raises(ValueError):
            await shop.use("acme")
        shop.pool._connect = shop._connect
        await shop.use("acme")
    run(work, max_connections=1, max_per_tenant=1)
