"""What the sync and the asyncio locator share: the cache, what a watch told, and how answers are judged."""

from __future__ import annotations

import dataclasses
import logging
import threading
import time
from collections.abc import Callable
from typing import Any

from croft import _messages
from croft._cache import Cache, Knowledge, knowledge_from, knowledge_from_change
from croft._options import DEFAULT_TTL, SNAPSHOT_INTERVAL, Options
from croft._snapshot import SnapshotFile
from croft.errors import CroftError, from_status
from croft.placement import Placement

log = logging.getLogger("croft")

#: Called with a tenant's id and its placement now, or None when it is refused or gone.
ChangeCallback = Callable[[str, Placement | None], None]

_MOST_DENIALS = 10_000


class State:
    """Thread-safe. Knows nothing of gRPC."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.cache = Cache()
        self.cursor: tuple[int, int] | None = None
        self.ready = threading.Event()
        self.callback: ChangeCallback | None = None
        self._heard = 0.0  # monotonic seconds; 0 while the cache is not whole
        self._ttl = DEFAULT_TTL
        self._denials: dict[str, tuple[float, CroftError]] = {}
        self._snapshot = SnapshotFile(options.snapshot_file, options.secret()) if options.snapshot_file else None
        self._snapshot_dirty = False
        self._snapshot_saved = 0.0
        self._snapshot_began = 0.0
        if self._snapshot:
            for aliases, known in self._snapshot.read():
                self.cache.learn(known.placement.tenant, aliases, known)

    # --- Answering.

    def cached(self, name: str) -> Placement | None:
        """The answer, when it need not be asked for; raises what is known to be refused."""
        known = self.cache.find(name)
        if known is not None and (self.options.watch or self._is_fresh(known)):
            return self._answer(known)
        if known is None:
            denial = self._denials.get(name)
            if denial and denial[0] > time.monotonic():
                raise denial[1]
        return None

    def fallback(self, name: str, error: CroftError) -> Placement:
        """The last answer, stale, when there is one; else raises ``error``."""
        known = self.cache.find(name)
        if known is None:
            raise error
        return self._answer(known)

    def take_answer(self, name: str, response: Any) -> Placement:
        knowledge = knowledge_from(response, time.monotonic())
        tenant = knowledge.placement.tenant
        self._ttl = response.ttl.seconds + response.ttl.nanos / 1e9
        was_known = self.cache.find(tenant) is not None
        news = self.cache.learn(tenant, None, knowledge)
        self.cache.add_alias(tenant, name)
        if news and was_known:
            self._announce(tenant)
        return self._answer(self.cache.find(tenant) or knowledge)

    def take_refusal(self, name: str, error: CroftError) -> None:
        if len(self._denials) >= _MOST_DENIALS:
            self._denials.clear()
        self._denials[name] = (time.monotonic() + self.options.negative_ttl, error)

    def _answer(self, known: Knowledge) -> Placement:
        if known.refusal is not None:
            raise known.refusal.with_traceback(None)
        if self._is_fresh(known):
            return known.placement
        return dataclasses.replace(known.placement, stale=True)

    def _is_fresh(self, known: Knowledge) -> bool:
        newest = max(self._heard, known.confirmed) if self.options.watch else known.confirmed
        return newest > 0 and time.monotonic() - newest < self._ttl

    # --- What the watch tells.

    def watch_request(self) -> Any:
        self._snapshot_began = time.monotonic()
        request = _messages.WatchPlacementsRequest(role=_messages.ROLES[self.options.role])
        if self.cursor is not None:
            request.since.epoch, request.since.revision = self.cursor
        return request

    def take_batch(self, response: Any) -> None:
        for change in response.changes:
            self._take_change(change)
        if response.HasField("revision"):
            if self.cursor is None:
                self._finish_first_snapshot()
            self.cursor = (response.revision.epoch, response.revision.revision)
            self._heard = time.monotonic()
        if self._snapshot_dirty and time.monotonic() - self._snapshot_saved >= SNAPSHOT_INTERVAL:
            self.save_snapshot()

    def start_over(self) -> None:
        """The catalog's history is another one: nothing is known to be true until all of it was told again."""
        self.cursor = None
        self._heard = 0.0

    def after_fork_in_child(self) -> None:
        """Locks may have been held by threads that the child does not have."""
        self.cache.after_fork_in_child()
        self.ready = threading.Event()
        self.start_over()

    def _take_change(self, change: Any) -> None:
        tenant = change.tenant.removeprefix("tenants/")
        was_known = self.cache.find(tenant) is not None
        if change.removed:
            news = self.cache.forget(tenant, change.revision.epoch, change.revision.revision)
        else:
            news = self.cache.learn(tenant, tuple(change.aliases), knowledge_from_change(change, time.monotonic()))
        for name in (tenant, *change.aliases):
            self._denials.pop(name, None)
        self._snapshot_dirty = self._snapshot_dirty or news
        if news and was_known:
            self._announce(tenant)

    def _finish_first_snapshot(self) -> None:
        for tenant in self.cache.forget_unconfirmed(self._snapshot_began):
            self._snapshot_dirty = True
            self._announce(tenant)
        self.save_snapshot()
        self.ready.set()

    def save_snapshot(self) -> None:
        self._snapshot_saved = time.monotonic()
        if self._snapshot is None or not self._snapshot_dirty:
            return
        try:
            self._snapshot.write([(aliases, known) for aliases, known in self.cache.all() if not known.refusal])
            self._snapshot_dirty = False
        except OSError as error:
            log.warning("cannot write the snapshot file: %s", error)

    def _announce(self, tenant: str) -> None:
        if self.callback is None:
            return
        known = self.cache.find(tenant)
        try:
            self.callback(tenant, known.placement if known and not known.refusal else None)
        except Exception:
            log.exception("the callback for changes failed")


def error_from_rpc(code: int, message: str, trailers: Any, tenant: str) -> CroftError:
    return from_status(code, message, _messages.reason_in_trailers(trailers), tenant)
