"""Tenants, backups and operations from Python: what ``croftctl`` does, for programs such as a sign-up page."""

from __future__ import annotations

import functools
import math
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Concatenate, ParamSpec, TypeVar

import grpc

from croft import _calls, _messages
from croft._calls import Call, Page
from croft._closing import Closing
from croft._fork import Gate, forkable, keep_grpc_awake
from croft._options import CHANNEL_OPTIONS, Identity, Options
from croft._rounds import Rounds
from croft.errors import CroftError, RequestRefused, Unavailable, from_request_status
from croft.resources import Backup, Operation, Tenant

P = ParamSpec("P")
T = TypeVar("T")

#: Seconds of one call that waits for an operation.
SLICE = 20.0
#: Seconds between two attempts to ask for an operation while no control plane answers.
PAUSE = 0.5


class OperationFailed(RequestRefused):
    """An operation that was waited for did not succeed; ``operation`` is how it ended."""

    operation: Operation

    @classmethod
    def of(cls, operation: Operation) -> OperationFailed:
        text = f"{operation.kind} of {operation.target} ended as {operation.state}: {operation.error}"
        error = cls(text, tenant=operation.target.removeprefix("tenants/"), reason=operation.error_reason)
        error.operation = operation
        return error

    def again(self) -> CroftError:
        return self.of(self.operation)


def method_of(build: Callable[P, Call[T]]) -> Callable[Concatenate[Admin, P], T]:
    """The method that makes a call and sends it."""

    @functools.wraps(build)
    def method(self: Admin, /, *arguments: P.args, **named: P.kwargs) -> T:
        return self._run(build(*arguments, **named))

    return method


def error_of(failure: Any, target: str) -> CroftError:
    reason = _messages.reason_in_trailers(failure.trailing_metadata())
    return from_request_status(failure.code().value[0], failure.details(), reason, target)


class AdminOptions:
    """How :class:`Admin` and its asyncio twin reach a control plane; the options are those of :class:`croft.Locator`.

    :param timeout: seconds that one call may take, over all endpoints.
    """

    def __init__(
        self,
        endpoints: Sequence[str] | None = None,
        *,
        authority_file: str | None = None,
        certificate_file: str | None = None,
        key_file: str | None = None,
        token_file: str | None = None,
        timeout: float = 30.0,
    ) -> None:
        self._options = Options.make(
            endpoints,
            authority_file,
            certificate_file=certificate_file,
            key_file=key_file,
            token_file=token_file,
            timeout=timeout,
        )
        self._rounds = Rounds()
        self._closed = False
        self._set_up()

    def _set_up(self) -> None:
        raise NotImplementedError

    def _shares(self, timeout: float | None) -> Iterator[tuple[str, float]]:
        """(endpoint, seconds that it may take)"""
        endpoints = self._options.endpoints
        for which, share in self._rounds.one(len(endpoints), timeout or self._options.timeout):
            yield endpoints[which], share


class Waiting:
    """For an operation to end; the sync and the asyncio way share it."""

    def __init__(self, operation: Operation | str, timeout: float | None) -> None:
        self._id = operation if isinstance(operation, str) else operation.id
        self._timeout = timeout
        self._deadline = math.inf if timeout is None else time.monotonic() + timeout

    def call(self) -> Call[Operation]:
        """The next one. :raises TimeoutError: it took too long."""
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError(f"operation {self._id} is not done after {self._timeout} s")
        return _calls.wait_operation(self._id, min(left, SLICE))

    def pause(self) -> float:
        """Seconds before the next call, when no control plane answered."""
        return max(0.0, min(PAUSE, self._deadline - time.monotonic()))

    @staticmethod
    def is_over(now: Operation) -> bool:
        """:raises OperationFailed:"""
        if now.done and now.state != "SUCCEEDED":
            raise OperationFailed.of(now)
        return now.done


class Admin(AdminOptions, Closing):
    """Calls the control plane; nothing is cached. Thread-safe, and may be made before a fork. Options are those of
    :class:`AdminOptions`.

        with croft.Admin(token_file="/run/secrets/sign-up") as admin:
            admin.wait(admin.create("acme", aliases=["shop.acme.com"], labels={"app": "shop"}))

    A call that finds no control plane is repeated at the next endpoint; a change carries an id, so that a repeat has
    no second effect.
    """

    def _set_up(self) -> None:
        self._calls = Gate()
        self._channels: dict[tuple[str, Identity], grpc.Channel] = {}
        forkable.add(self)

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
    ) -> Iterator[Tenant]:
        """All tenants, ordered by id, a page at a time.

        :param selector: labels, such as ``app=shop,tier!=free``.
        :param filter: such as ``state = READY AND host = h1``.
        """
        return self._rows(lambda token: _calls.tenants_page(filter, selector, show_retired, page_size, token))

    def backups(self, tenant: str) -> Iterator[Backup]:
        """A tenant's backups, newest first."""
        return self._rows(lambda token: _calls.backups_page(tenant, token))

    def operations(self, filter: str = "") -> Iterator[Operation]:
        """Operations, newest first; ``filter`` is such as ``target = "tenants/acme" AND done = false``."""
        return self._rows(lambda token: _calls.operations_page(filter, token))

    def wait(self, operation: Operation | str, timeout: float | None = 600.0) -> Operation:
        """Waits until the operation is done, through restarts of the control plane.

        :param operation: as another method answered it, or its id.
        :raises OperationFailed: it ended, and did not succeed.
        :raises TimeoutError: it is still under way after ``timeout`` seconds. It goes on.
        """
        waiting = Waiting(operation, timeout)
        while True:
            try:
                now = self._run(waiting.call(), timeout=SLICE + 10)
            except Unavailable:
                time.sleep(waiting.pause())
                continue
            if waiting.is_over(now):
                return now

    def close(self) -> None:
        """Closes the connections. Harmless when repeated."""
        self._closed = True
        self._disconnect()

    # --- Connections.

    def _rows(self, page: Callable[[str], Call[Page[T]]]) -> Iterator[T]:
        token = ""
        while True:
            found = self._run(page(token))
            yield from found.rows
            token = found.next_token
            if not token:
                return

    def _run(self, call: Call[T], timeout: float | None = None) -> T:
        error: CroftError = Unavailable("no control plane answered", tenant=call.target)
        with self._calls:
            for endpoint, share in self._shares(timeout):
                try:
                    send = self._channel(endpoint).unary_unary(
                        call.path,
                        request_serializer=type(call.request).SerializeToString,
                        response_deserializer=call.answer.FromString,
                    )
                    return call.read(send(call.request, timeout=share, metadata=self._options.metadata()))
                except grpc.RpcError as failure:
                    error = error_of(failure, call.target)
                    if not isinstance(error, Unavailable):
                        raise error from None
                except (OSError, ValueError) as failure:  # the identity cannot be read, or the channel was closed
                    error = Unavailable(str(failure), tenant=call.target)
        raise error

    def _channel(self, endpoint: str) -> grpc.Channel:
        if self._closed:
            raise Unavailable("the admin client is closed")
        identity = self._options.identity()
        channel = self._channels.get((endpoint, identity))
        if channel is None:
            keep_grpc_awake()
            channel = grpc.secure_channel(endpoint, identity.credentials(), CHANNEL_OPTIONS)
            # Of two threads that come here at once, one drops its channel, which gRPC then closes.
            channel = self._channels.setdefault((endpoint, identity), channel)
        return channel

    def _disconnect(self) -> None:
        channels, self._channels = self._channels, {}
        for channel in channels.values():
            channel.close()

    def before_fork(self) -> None:
        self._calls.shut()
        self._disconnect()

    def after_fork_in_parent(self) -> None:
        self._calls.reopen()

    def after_fork_in_child(self) -> None:
        self._calls = Gate()
        self._channels = {}
