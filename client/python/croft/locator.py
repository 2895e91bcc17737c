"""The locator for threads."""

from __future__ import annotations

import gc
import random
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any

import grpc

from croft import _messages
from croft._cache import InvalidResponse
from croft._closing import Closing
from croft._fork import PAUSE_AFTER_FORK, READER_TIMEOUT, Gate, forkable, keep_grpc_awake
from croft._options import (
    CHANNEL_OPTIONS,
    FIRST_PAUSE,
    LASTING,
    LONGEST_PAUSE,
    LOOKUP,
    WATCH,
    Identity,
    Options,
    remembered_for,
)
from croft._listeners import ChangeCallback, log
from croft._rounds import Rounds
from croft._state import StaleCatalog, State, Unusable
from croft.errors import CroftError, Unavailable
from croft.placement import Placement


class Locator(Closing):
    """Finds tenants' databases. Thread-safe; made before a fork, it works in the children too: a fork waits for
    calls that are under way and closes the connections, which parent and child then open anew, each its own.

    What is not given is read from the variables that croftctl reads (CROFT_SERVER, CROFT_CA, CROFT_CERT,
    CROFT_KEY, CROFT_TOKEN_FILE).

    :param endpoints: ``host:port`` of control planes, tried in order.
    :param authority_file: PEM of the authority that signed the control plane's certificate.
    :param certificate_file: client certificate, with ``key_file``; or ``token_file``. All files are read again at every
        call to the control plane, so that renewed ones are taken up.
    :param role: ``app``, ``read_only`` or ``migrate``.
    :param purpose: of the endpoint: ``direct``, ``pooled`` or ``read_replica``.
    :param watch: keep the cache true by a watch; without one, answers are asked again after their time to live.
    :param timeout: seconds that one call may wait for the control plane, over all endpoints.
    :param negative_ttl: seconds that "no such tenant" is believed.
    :param snapshot_file: keep the last placements here, sealed, for a start while the control plane is away.
    """

    def __init__(
        self,
        endpoints: Sequence[str] | None = None,
        *,
        authority_file: str | None = None,
        certificate_file: str | None = None,
        key_file: str | None = None,
        token_file: str | None = None,
        role: str = "app",
        purpose: str = "direct",
        watch: bool = True,
        timeout: float = 5.0,
        negative_ttl: float = 1.0,
        snapshot_file: str | None = None,
    ) -> None:
        options = Options.make(
            endpoints,
            authority_file,
            certificate_file=certificate_file,
            key_file=key_file,
            token_file=token_file,
            role=role,
            purpose=purpose,
            watch=watch,
            timeout=timeout,
            negative_ttl=negative_ttl,
            snapshot_file=snapshot_file,
        )
        self._state = State(options)
        self._closed = threading.Event()
        self._was_open = False  # when a fork began
        self._forget_connections()
        forkable.add(self)

    # --- Asking.

    def locate(self, tenant: str) -> Placement:
        """Where ``tenant`` (an id or an alias) lives.

        From the cache it takes about a microsecond; on a miss the control plane is asked once, however many
        threads ask. An answer that could not be confirmed in time has ``stale`` set.

        :raises TenantNotFound, TenantRetired, TenantSuspended, TenantNotReady: the control plane's word.
        :raises TenantNotVisible: the identity may not look it up, or there is no such tenant.
        :raises Unauthenticated: the control plane does not accept the identity.
        :raises Unavailable: the control plane is away and the tenant was never seen.
        """
        placement = self._state.cached(tenant)
        if self._watcher is None:
            with self._calls:
                self._open()
        return placement if placement is not None else self._ask(tenant)

    def cached(self, tenant: str) -> Placement | None:
        """What :meth:`locate` would answer without asking; None when it would ask. Raises what is known to be refused."""
        if self._watcher is None:
            with self._calls:
                self._open()
        return self._state.cached(tenant)

    def connection_rejected(self, tenant: str) -> Placement:
        """To be called when PostgreSQL refused what :meth:`locate` answered: asks the control plane again, once for all
        threads that call it meanwhile."""
        return self._ask(tenant)

    def dsn(self, tenant: str) -> str:
        """A libpq URI for ``tenant``, with its password."""
        return self.locate(tenant).dsn()

    def on_change(self, callback: ChangeCallback) -> Callable[[], None]:
        """Adds ``callback(tenant, placement)``, called after a known tenant's placement, credentials or settings have
        changed; ``placement`` is None when it is refused or gone. There may be any number; what one raises is logged
        and keeps no other from being called. Called from a thread of the locator's.

        :returns: a function that takes the callback away again, as :meth:`remove_on_change` does.
        """
        return self._state.listeners.add(callback)

    def remove_on_change(self, callback: ChangeCallback) -> None:
        """Harmless when it was not added."""
        self._state.listeners.remove(callback)

    def wait_until_ready(self, timeout: float | None = None) -> bool:
        """Waits until the cache holds every tenant that may be seen. False after ``timeout`` seconds."""
        with self._calls:
            self._open()
        return self._state.ready.wait(timeout)

    def close(self) -> None:
        """Ends the watch and closes the channels. Harmless when repeated."""
        self._closed.set()
        self._disconnect()
        self._state.save_snapshot()

    # --- Connections.

    def _forget_connections(self) -> None:
        self._lock = threading.Lock()
        self._calls = Gate()
        self._stop = threading.Event()  # of the watcher
        self._channels: list[grpc.Channel] = []
        self._former: list[grpc.Channel] = []  # of the identity before it was renewed; calls may be under way on them
        self._identity: Identity | None = None  # that the channels were made with
        self._rounds = Rounds()
        self._watcher: threading.Thread | None = None
        self._stream: Any = None
        self._readers: list[threading.Thread] = []
        self._failures = 0  # to connect, in a row
        self._remembered_until = 0.0  # by gRPC: the last of them
        self._settled = threading.Event()  # no watch is being connected
        self._settled.set()
        self._flights: dict[str, Future[Placement]] = {}

    def _disconnect(self) -> bool:
        """Ends the watch and closes the channels. False when there were none."""
        with self._lock:
            self._stop.set()  # of the watcher that is taken here, and no other
            stream, watcher, channels = self._stream, self._watcher, self._channels + self._former
            self._stream, self._watcher, self._channels, self._former = None, None, [], []
        if stream is not None:
            stream.cancel()
        if watcher is not None and watcher is not threading.current_thread():
            watcher.join()
            self._stream = None  # it may have begun another one meanwhile
        for channel in channels:
            channel.close()
        return bool(channels)

    def before_fork(self) -> None:
        # gRPC's handlers run Python in the child, where a thread of the parent's that wanted its turn at that
        # moment would be waited for without end. So no thread of ours is there.
        # And gRPC ends a child that inherits a call, be it in the last frame of its reader's thread, or a connection
        # half made or just failed, which outlive their channel.
        self._calls.shut()
        self._stop.set()
        self._settled.wait(remembered_for(LASTING))
        self._was_open = self._disconnect()
        if not self._was_open:
            return
        for reader in self._readers:
            reader.join(READER_TIMEOUT)
        self._readers = []
        gc.collect()  # calls lie in cycles
        time.sleep(max(0.0, self._remembered_until - time.monotonic()))

    def after_fork_in_parent(self) -> None:
        self._calls.reopen()
        if self._was_open and not self._closed.is_set():
            self._open(PAUSE_AFTER_FORK)

    def after_fork_in_child(self) -> None:
        # Threads and channels stayed in the parent. What is known stays known, unconfirmed.
        self._forget_connections()
        closed, self._closed = self._closed.is_set(), threading.Event()
        if closed:
            self._closed.set()
        self._state.after_fork_in_child()

    def _note_failure(self, failure: grpc.RpcError) -> None:
        if failure.code() is grpc.StatusCode.UNAVAILABLE:
            self._failures += 1
        elif failure.code() is grpc.StatusCode.DEADLINE_EXCEEDED:  # perhaps while it connected, and still does
            self._failures = LASTING
        else:
            return
        self._remembered_until = time.monotonic() + remembered_for(self._failures)

    def _open(self, pause: float = 0) -> None:
        """After `pause` seconds the watch begins."""
        with self._lock:
            if self._closed.is_set():
                raise Unavailable("the locator is closed")
            if self._channels:
                return self._renew()
            keep_grpc_awake()
            self._connect(self._state.options.identity())
            self._stop = threading.Event()
            self._watcher = threading.Thread(target=self._watch, args=(self._stop, pause), name="croft-watch", daemon=True)
            self._watcher.start()

    def _connect(self, identity: Identity) -> None:
        credentials = identity.credentials()
        self._identity = identity
        self._channels = [
            grpc.secure_channel(endpoint, credentials, CHANNEL_OPTIONS) for endpoint in self._state.options.endpoints
        ]

    def _renew(self) -> None:
        """Connects anew where the files hold another identity by now; with the lock held."""
        try:
            identity = self._state.options.identity()
        except OSError:  # it is just being written
            return
        if identity == self._identity:
            return
        for channel in self._former:
            channel.close()
        self._former = self._channels
        self._connect(identity)

    def _ask(self, tenant: str) -> Placement:
        with self._lock:
            flight = self._flights.get(tenant)
            if flight is None:
                self._flights[tenant] = Future()
        if flight is not None:
            try:
                return flight.result()
            except CroftError as error:
                raise error.again() from None
        try:
            with self._calls:
                self._open()
                placement = self._lookup(tenant)
        except BaseException as error:
            self._land(tenant).set_exception(error.again() if isinstance(error, CroftError) else error)
            raise
        self._land(tenant).set_result(placement)
        return placement

    def _land(self, tenant: str) -> Future[Placement]:
        with self._lock:
            return self._flights.pop(tenant)

    def _lookup(self, tenant: str) -> Placement:
        error: CroftError = Unavailable("no control plane answered", tenant=tenant)
        for which, share in self._rounds.one(len(self._channels), self._state.options.timeout):
            try:
                return self._lookup_at(which, tenant, share)
            except Unusable as failure:
                error = failure.error
            if self._closed.is_set():
                raise Unavailable("the locator is closed", tenant=tenant)
        return self._state.fallback(tenant, error)

    def _lookup_at(self, which: int, tenant: str, timeout: float) -> Placement:
        """:raises Unusable: this control plane gave no usable answer."""
        channels = self._channels
        if not channels:
            raise Unusable(Unavailable("the locator is closed", tenant=tenant))
        lookup = channels[which % len(channels)].unary_unary(
            LOOKUP,
            request_serializer=_messages.LookupRequest.SerializeToString,
            response_deserializer=_messages.LookupResponse.FromString,
        )
        try:
            response = lookup(
                self._state.lookup_request(tenant), timeout=timeout, metadata=self._state.options.metadata()
            )
        except grpc.RpcError as failure:
            self._note_failure(failure)
            raise self._state.error_of(failure, tenant) from None
        except (OSError, ValueError) as failure:  # the token cannot be read, or the channel was closed meanwhile
            raise Unusable(Unavailable(str(failure), tenant=tenant)) from None
        self._failures = 0
        return self._state.take_answer(tenant, response)

    def _watch(self, stop: threading.Event, pause: float) -> None:
        if not self._state.options.watch or stop.wait(pause):
            return
        pause = FIRST_PAUSE
        while not stop.is_set():
            heard = self._watch_once(stop)
            pause = FIRST_PAUSE if heard else min(pause * 2, LONGEST_PAUSE)
            stop.wait(pause * random.uniform(0.5, 1.0))

    def _watch_once(self, stop: threading.Event) -> bool:
        """Watches until the stream ends. True when it sent a usable answer."""
        heard, stream = False, None
        with self._lock:
            if not self._channels:
                return False
            self._renew()
            preferred = self._rounds.preferred
            channel = self._channels[preferred % len(self._channels)]
        watch = channel.unary_stream(
            WATCH,
            request_serializer=_messages.WatchPlacementsRequest.SerializeToString,
            response_deserializer=_messages.WatchPlacementsResponse.FromString,
        )
        try:
            self._settled.clear()
            if stop.is_set():
                return False
            others = set(threading.enumerate())
            stream = self._stream = watch(self._state.watch_request(), metadata=self._state.options.metadata())
            # gRPC's own, which it does not tell of.
            self._readers = [thread for thread in threading.enumerate() if thread.daemon and thread not in others]
            if stop.is_set():
                stream.cancel()
            for response in stream:
                self._settled.set()
                self._failures = 0
                self._take(response)
                heard = True
        except grpc.RpcError as failure:
            self._note_failure(failure)
            if failure.code() is grpc.StatusCode.OUT_OF_RANGE:
                return self._state.start_over()
            if not stop.is_set():
                log.info("the watch ended (%s: %s); it will be opened again", failure.code().name, failure.details())
        except (StaleCatalog, InvalidResponse) as error:
            if stream is not None:
                stream.cancel()
            log.warning("the watch was ended, its answers cannot be used: %s", str(error) or StaleCatalog.__doc__)
        except OSError as error:
            log.warning("cannot read the identity: %s", error)
        except Exception:
            if stop.is_set():  # the channel was closed before the stream began
                return heard
            # Whatever it is, the next stream may do better; without a watch the cache would go blind.
            log.exception("the watch failed; it will be opened again")
            if stream is not None:
                stream.cancel()
        finally:
            self._settled.set()
        self._rounds.avoid(preferred)
        return heard

    def _take(self, response: Any) -> None:
        self._state.take_batch(response)
        if self._state.snapshot_is_due():
            self._state.save_snapshot()
        if self._state.whole:
            self._state.ready.set()
