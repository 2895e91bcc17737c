"""What a fork needs: a locator that was made before it works in the children, too."""

from __future__ import annotations

import os
import sys
import threading
import weakref
from collections.abc import Callable
from typing import Protocol

import grpc

#: Seconds; servers fork one worker after the other.
PAUSE_AFTER_FORK = 1.0
#: Seconds; long for gRPC's thread to end in, short should it be somebody else's that began at the same moment.
READER_TIMEOUT = 5.0


class Gate:
    """Calls go through it; a fork shuts it, and waits until none is inside."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._inside = 0
        self._shut = False

    def __enter__(self) -> None:
        with self._changed:
            self._changed.wait_for(lambda: not self._shut)
            self._inside += 1

    def __exit__(self, *_: object) -> None:
        with self._changed:
            self._inside -= 1
            self._changed.notify_all()

    def shut(self) -> None:
        with self._changed:
            self._shut = True
            self._changed.wait_for(lambda: self._inside == 0)

    def reopen(self) -> None:
        with self._changed:
            self._shut = False
            self._changed.notify_all()


class Forkable(Protocol):
    def before_fork(self) -> None: ...

    def after_fork_in_parent(self) -> None: ...

    def after_fork_in_child(self) -> None: ...


#: All that are told of forks while they live.
forkable: weakref.WeakSet[Forkable] = weakref.WeakSet()

_keeper: list[grpc.Channel] = []


def keep_grpc_awake() -> None:
    """To be called before the first channel is opened."""
    _work_with_gevent()
    # With its last channel gRPC forgets to part with what a forked child must not share: its epoll instance, from
    # which parent and children would then take each other's events. So one channel, which goes nowhere, stays.
    if not _keeper:
        _keeper.append(grpc.insecure_channel("unix:/nowhere"))


def on_gevent() -> bool:
    """Whether gevent has replaced threads."""
    monkey = sys.modules.get("gevent.monkey")
    return monkey is not None and bool(monkey.is_module_patched("threading"))


def _work_with_gevent() -> None:
    """There gRPC's threads would block all greenlets unless it is told."""
    if on_gevent():
        from grpc.experimental import gevent

        gevent.init_gevent()


def _tell_all(what: Callable[[Forkable], None]) -> Callable[[], None]:
    def tell() -> None:
        for one in list(forkable):
            what(one)

    return tell


os.register_at_fork(after_in_child=_keeper.clear)
os.register_at_fork(
    before=_tell_all(lambda one: one.before_fork()),
    after_in_parent=_tell_all(lambda one: one.after_fork_in_parent()),
    after_in_child=_tell_all(lambda one: one.after_fork_in_child()),
)
