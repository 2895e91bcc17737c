"""The locator for asyncio."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from types import TracebackType
from typing import Any

import grpc
import grpc.aio

from croft import _messages
from croft._options import CHANNEL_OPTIONS, FIRST_PAUSE, LONGEST_PAUSE, LOOKUP, WATCH, Options
from croft._state import ChangeCallback, State, error_from_rpc, log
from croft.errors import REFUSALS, CroftError, Unavailable
from croft.placement import Placement


class AsyncLocator:
    """:class:`croft.Locator` for asyncio: the same options, the same promises, one event loop.

        async with croft.aio.AsyncLocator(["croft.internal:7443"], authority_file="ca.crt") as locator:
            placement = await locator.locate("acme")
    """

    def __init__(
        self,
        endpoints: Sequence[str] | None = None,
        *,
        authority_file: str | None = None,
        **options: Any,
    ) -> None:
        self._state = State(Options.make(endpoints, authority_file, **options))
        self._channels: list[grpc.aio.Channel] = []
        self._preferred = 0
        self._watcher: asyncio.Task[None] | None = None
        self._flights: dict[str, asyncio.Future[Placement]] = {}
        self._closed = False
        self._ready = asyncio.Event()

    async def locate(self, tenant: str) -> Placement:
        placement = self._state.cached(tenant)
        if self._watcher is None:
            self._open()
        return placement if placement is not None else await self._ask(tenant)

    async def connection_rejected(self, tenant: str) -> Placement:
        return await self._ask(tenant)

    async def dsn(self, tenant: str) -> str:
        return (await self.locate(tenant)).dsn()

    def on_change(self, callback: ChangeCallback | None) -> None:
        """As for :meth:`croft.Locator.on_change`; called in the event loop."""
        self._state.callback = callback

    async def wait_until_ready(self, timeout: float | None = None) -> bool:
        self._open()
        try:
            await asyncio.wait_for(self._ready.wait(), timeout)
        except TimeoutError:
            return False
        return True

    async def close(self) -> None:
        self._closed = True
        if self._watcher is not None:
            self._watcher.cancel()
            await asyncio.gather(self._watcher, return_exceptions=True)
        for channel in self._channels:
            await channel.close()
        self._state.save_snapshot()

    async def __aenter__(self) -> AsyncLocator:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def _open(self) -> None:
        if self._closed:
            raise Unavailable("the locator is closed")
        if self._channels:
            return
        options = self._state.options
        credentials = options.credentials()
        self._channels = [
            grpc.aio.secure_channel(endpoint, credentials, CHANNEL_OPTIONS) for endpoint in options.endpoints
        ]
        self._watcher = asyncio.create_task(self._watch())

    async def _ask(self, tenant: str) -> Placement:
        self._open()
        flight = self._flights.get(tenant)
        if flight is None:
            flight = self._flights[tenant] = asyncio.ensure_future(self._lookup(tenant))
            flight.add_done_callback(lambda _: self._flights.pop(tenant, None))
        # Whoever gives up waiting must not take the answer from the others.
        return await asyncio.shield(flight)

    async def _lookup(self, tenant: str) -> Placement:
        options = self._state.options
        request = _messages.LookupRequest(tenant=tenant, role=_messages.ROLES[options.role])
        deadline = asyncio.get_running_loop().time() + options.timeout
        error: CroftError = Unavailable("no control plane answered", tenant=tenant)
        for _ in options.endpoints:
            channel = self._channels[self._preferred % len(self._channels)]
            lookup = channel.unary_unary(
                LOOKUP,
                request_serializer=_messages.LookupRequest.SerializeToString,
                response_deserializer=_messages.LookupResponse.FromString,
            )
            try:
                remaining = max(0.001, deadline - asyncio.get_running_loop().time())
                response = await lookup(request, timeout=remaining, metadata=options.metadata())
                return self._state.take_answer(tenant, response)
            except grpc.aio.AioRpcError as failure:
                error = error_from_rpc(failure.code().value[0], failure.details(), failure.trailing_metadata(), tenant)
                if failure.code().value[0] in REFUSALS:
                    self._state.take_refusal(tenant, error)
                    raise error from None
                if failure.code() is not grpc.StatusCode.UNAVAILABLE:
                    break
                self._preferred += 1
        return self._state.fallback(tenant, error)

    async def _watch(self) -> None:
        if not self._state.options.watch:
            return
        pause = FIRST_PAUSE
        while True:
            heard = await self._watch_once()
            pause = FIRST_PAUSE if heard else min(pause * 2, LONGEST_PAUSE)
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))

    async def _watch_once(self) -> bool:
        heard = False
        watch = self._channels[self._preferred % len(self._channels)].unary_stream(
            WATCH,
            request_serializer=_messages.WatchPlacementsRequest.SerializeToString,
            response_deserializer=_messages.WatchPlacementsResponse.FromString,
        )
        try:
            async for response in watch(self._state.watch_request(), metadata=self._state.options.metadata()):
                self._state.take_batch(response)
                heard = True
                if self._state.ready.is_set():
                    self._ready.set()
        except grpc.aio.AioRpcError as failure:
            if failure.code() is grpc.StatusCode.OUT_OF_RANGE:
                self._state.start_over()
                return True
            if failure.code() is grpc.StatusCode.UNAVAILABLE:
                self._preferred += 1
            log.info("the watch ended (%s: %s); it will be opened again", failure.code().name, failure.details())
        except OSError as error:
            log.warning("cannot read the identity: %s", error)
        return heard
