"""The locator for asyncio."""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import Callable, Sequence
from typing import Any

import grpc
import grpc.aio

from croft import _messages
from croft._aio_admin import AsyncAdmin
from croft._cache import InvalidResponse
from croft._closing import AsyncClosing
from croft._options import CHANNEL_OPTIONS, FIRST_PAUSE, LONGEST_PAUSE, LOOKUP, WATCH, Identity, Options
from croft._listeners import ChangeCallback, log
from croft._rounds import Rounds
from croft._state import StaleCatalog, State, Unusable
from croft.errors import CroftError, Unavailable
from croft.placement import Placement
from croft.static import AsyncStaticLocator

__all__ = ["AsyncAdmin", "AsyncLocator", "AsyncStaticLocator"]


class AsyncLocator(AsyncClosing):
    """:class:`croft.Locator` for asyncio: the same options, the same promises, one event loop. Made before a fork it
    works in the children as long as it was not asked before; else it refuses there.

        async with croft.aio.AsyncLocator() as locator:
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
        self._identity: Identity | None = None  # that they were made with
        self._partings: set[asyncio.Task[None]] = set()  # with channels of an identity that was renewed
        self._rounds = Rounds()
        self._watcher: asyncio.Task[None] | None = None
        self._flights: dict[str, asyncio.Future[Placement]] = {}
        self._closed = False
        self._ready = asyncio.Event()
        self._process = 0  # that it was opened in

    async def locate(self, tenant: str) -> Placement:
        if self._process != os.getpid():
            self._open()
        placement = self._state.cached(tenant)
        return placement if placement is not None else await self._ask(tenant)

    def cached(self, tenant: str) -> Placement | None:
        """As for :meth:`croft.Locator.cached`; to be called in the event loop."""
        if self._process != os.getpid():
            self._open()
        return self._state.cached(tenant)

    async def connection_rejected(self, tenant: str) -> Placement:
        return await self._ask(tenant)

    async def dsn(self, tenant: str) -> str:
        return (await self.locate(tenant)).dsn()

    def on_change(self, callback: ChangeCallback) -> Callable[[], None]:
        """As for :meth:`croft.Locator.on_change`; called in the event loop."""
        return self._state.listeners.add(callback)

    def remove_on_change(self, callback: ChangeCallback) -> None:
        self._state.listeners.remove(callback)

    async def wait_until_ready(self, timeout: float | None = None) -> bool:
        self._open()
        try:
            await asyncio.wait_for(self._ready.wait(), timeout)
        except TimeoutError:
            return False
        return True

    async def close(self) -> None:
        """Ends the watch and closes the channels. Harmless when repeated."""
        self._closed = True
        if self._process not in (0, os.getpid()):
            return  # the connections are the parent's
        if self._watcher is not None:
            self._watcher.cancel()
            await asyncio.gather(self._watcher, return_exceptions=True)
        await asyncio.gather(*self._partings)
        for channel in self._channels:
            await channel.close()
        await asyncio.gather(*self._flights.values(), return_exceptions=True)
        await asyncio.to_thread(self._state.save_snapshot)

    def _open(self) -> None:
        if self._closed:
            raise Unavailable("the locator is closed")
        if self._process not in (0, os.getpid()):
            raise RuntimeError("this locator was opened before a fork; make another one in the child")
        if self._channels:
            self._renew()
            return
        self._process = os.getpid()
        self._connect(self._state.options.identity())
        self._watcher = asyncio.create_task(self._watch())

    def _connect(self, identity: Identity) -> None:
        credentials = identity.credentials()
        self._identity = identity
        self._channels = [
            grpc.aio.secure_channel(endpoint, credentials, CHANNEL_OPTIONS) for endpoint in self._state.options.endpoints
        ]

    def _renew(self) -> None:
        """Connects anew where the files hold another identity by now."""
        try:
            identity = self._state.options.identity()
        except OSError:  # it is just being written
            return
        if identity == self._identity:
            return
        former = self._channels
        self._connect(identity)
        for channel in former:
            parting = asyncio.create_task(channel.close(grace=self._state.options.timeout))
            self._partings.add(parting)
            parting.add_done_callback(self._partings.discard)

    async def _ask(self, tenant: str) -> Placement:
        self._open()
        flight = self._flights.get(tenant)
        if flight is None:
            flight = self._flights[tenant] = asyncio.ensure_future(self._lookup(tenant))
            flight.add_done_callback(lambda _: self._flights.pop(tenant, None))
        # Whoever gives up waiting must not take the answer from the others.
        try:
            return await asyncio.shield(flight)
        except CroftError as error:
            raise error.again() from None

    async def _lookup(self, tenant: str) -> Placement:
        error: CroftError = Unavailable("no control plane answered", tenant=tenant)
        for which, share in self._rounds.one(len(self._channels), self._state.options.timeout):
            try:
                return await self._lookup_at(which, tenant, share)
            except Unusable as failure:
                error = failure.error
            if self._closed:
                raise Unavailable("the locator is closed", tenant=tenant)
        return self._state.fallback(tenant, error)

    async def _lookup_at(self, which: int, tenant: str, timeout: float) -> Placement:
        """:raises Unusable: this control plane gave no usable answer."""
        lookup = self._channels[which % len(self._channels)].unary_unary(
            LOOKUP,
            request_serializer=_messages.LookupRequest.SerializeToString,
            response_deserializer=_messages.LookupResponse.FromString,
        )
        try:
            response = await lookup(
                self._state.lookup_request(tenant), timeout=timeout, metadata=self._state.options.metadata()
            )
        except grpc.aio.AioRpcError as failure:
            raise self._state.error_of(failure, tenant) from None
        except (OSError, grpc.aio.UsageError) as failure:
            raise Unusable(Unavailable(str(failure), tenant=tenant)) from None
        except asyncio.CancelledError:
            if not self._closed:
                raise
            raise Unusable(Unavailable("the locator is closed", tenant=tenant)) from None
        return self._state.take_answer(tenant, response)

    async def _watch(self) -> None:
        if not self._state.options.watch:
            return
        pause = FIRST_PAUSE
        while not self._closed:  # gRPC may answer a cancellation with an error of its own
            heard = await self._watch_once()
            pause = FIRST_PAUSE if heard else min(pause * 2, LONGEST_PAUSE)
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))

    async def _watch_once(self) -> bool:
        """Watches until the stream ends. True when it sent a usable answer."""
        heard = False
        self._renew()
        preferred = self._rounds.preferred
        watch = self._channels[preferred % len(self._channels)].unary_stream(
            WATCH,
            request_serializer=_messages.WatchPlacementsRequest.SerializeToString,
            response_deserializer=_messages.WatchPlacementsResponse.FromString,
        )
        stream = None
        try:
            stream = watch(self._state.watch_request(), metadata=self._state.options.metadata())
            async for response in stream:
                await self._take(response)
                heard = True
        except grpc.aio.AioRpcError as failure:
            if failure.code() is grpc.StatusCode.OUT_OF_RANGE:
                return self._state.start_over()
            log.info("the watch ended (%s: %s); it will be opened again", failure.code().name, failure.details())
        except (StaleCatalog, InvalidResponse) as error:
            log.warning("the watch was ended, its answers cannot be used: %s", str(error) or StaleCatalog.__doc__)
        except OSError as error:
            log.warning("cannot read the identity: %s", error)
        except Exception:
            # Whatever it is, the next stream may do better; without a watch the cache would go blind.
            log.exception("the watch failed; it will be opened again")
        finally:
            if stream is not None:
                stream.cancel()
        self._rounds.avoid(preferred)
        return heard

    async def _take(self, response: Any) -> None:
        self._state.take_batch(response)
        if self._state.snapshot_is_due():
            await asyncio.to_thread(self._state.save_snapshot)
        if self._state.whole:
            self._ready.set()
