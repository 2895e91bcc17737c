"""The asyncio twin of :class:`croft.Admin`."""

from __future__ import annotations

import asyncio
import functools
import os
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any, Concatenate, ParamSpec, TypeVar

import grpc
import grpc.aio

from croft import _calls
from croft._calls import Call, Page
from croft._closing import AsyncClosing
from croft._options import CHANNEL_OPTIONS, Identity
from croft.admin import SLICE, AdminOptions, Waiting, error_of
from croft.errors import CroftError, Unavailable
from croft.resources import Backup, Operation, Tenant

P = ParamSpec("P")
T = TypeVar("T")


def method_of(build: Callable[P, Call[T]]) -> Callable[Concatenate[AsyncAdmin, P], Coroutine[Any, Any, T]]:
    """The method that makes a call and sends it."""

    @functools.wraps(build)
    async def method(self: AsyncAdmin, /, *arguments: P.args, **named: P.kwargs) -> T:
        return await self._run(build(*arguments, **named))

    return method


class AsyncAdmin(AdminOptions, AsyncClosing):
    """:class:`croft.Admin` for asyncio: the same methods, awaited. Of one event loop and one process.

        async with croft.aio.AsyncAdmin(token_file="/run/secrets/sign-up") as admin:
            await admin.wait(await admin.create("acme"))
    """

    def _set_up(self) -> None:
        self._channels: dict[tuple[str, Identity], grpc.aio.Channel] = {}
        self._process = 0  # that it was used in

    create = method_of(_calls.create)
    get = method_of(_calls.get)
    update = method_of(_calls.update)
    suspend = method_of(_calls.suspend)
    resume = method_of(_calls.resume)
    retire = method_of(_calls.retire)
    undelete = method_of(_calls.undelete)
    purge = method_of(_calls.purge)
    restore = method_of(_calls.restore)
    rotate = method_of(_calls.rotate)
    back_up = method_of(_calls.back_up)
    get_backup = method_of(_calls.get_backup)
    verify_backup = method_of(_calls.verify_backup)
    delete_backup = method_of(_calls.delete_backup)
    operation = method_of(_calls.operation)
    cancel = method_of(_calls.cancel)

    def list(
        self, *, selector: str = "", filter: str = "", show_retired: bool = False, page_size: int = 1000
    ) -> AsyncIterator[Tenant]:
        """As :meth:`croft.Admin.list`."""
        return self._rows(lambda token: _calls.tenants_page(filter, selector, show_retired, page_size, token))

    def backups(self, tenant: str) -> AsyncIterator[Backup]:
        """As :meth:`croft.Admin.backups`."""
        return self._rows(lambda token: _calls.backups_page(tenant, token))

    def operations(self, filter: str = "") -> AsyncIterator[Operation]:
        """As :meth:`croft.Admin.operations`."""
        return self._rows(lambda token: _calls.operations_page(filter, token))

    async def wait(self, operation: Operation | str, timeout: float | None = 600.0) -> Operation:
        """As :meth:`croft.Admin.wait`."""
        waiting = Waiting(operation, timeout)
        while True:
            try:
                now = await self._run(waiting.call(), timeout=SLICE + 10)
            except Unavailable:
                await asyncio.sleep(waiting.pause())
                continue
            if waiting.is_over(now):
                return now

    async def close(self) -> None:
        """Closes the connections. Harmless when repeated."""
        self._closed = True
        channels, self._channels = self._channels, {}
        if self._process in (0, os.getpid()):  # else they are the parent's
            await asyncio.gather(*(channel.close() for channel in channels.values()))

    async def _rows(self, page: Callable[[str], Call[Page[T]]]) -> AsyncIterator[T]:
        token = ""
        while True:
            found = await self._run(page(token))
            for row in found.rows:
                yield row
            token = found.next_token
            if not token:
                return

    async def _run(self, call: Call[T], timeout: float | None = None) -> T:
        error: CroftError = Unavailable("no control plane answered", tenant=call.target)
        for endpoint, share in self._shares(timeout):
            try:
                send = self._channel(endpoint).unary_unary(
                    call.path,
                    request_serializer=type(call.request).SerializeToString,
                    response_deserializer=call.answer.FromString,
                )
                return call.read(await send(call.request, timeout=share, metadata=self._options.metadata()))
            except grpc.aio.AioRpcError as failure:
                error = error_of(failure, call.target)
                if not isinstance(error, Unavailable):
                    raise error from None
            except (OSError, grpc.aio.UsageError) as failure:  # the identity cannot be read, or it was closed
                error = Unavailable(str(failure), tenant=call.target)
        raise error

    def _channel(self, endpoint: str) -> grpc.aio.Channel:
        if self._closed:
            raise Unavailable("the admin client is closed")
        if self._process not in (0, os.getpid()):
            raise RuntimeError("this admin client was used before a fork; make another one in the child")
        self._process = os.getpid()
        identity = self._options.identity()
        channel = self._channels.get((endpoint, identity))
        if channel is None:
            channel = grpc.aio.secure_channel(endpoint, identity.credentials(), CHANNEL_OPTIONS)
            self._channels[endpoint, identity] = channel
        return channel
