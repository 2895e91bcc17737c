"""What the sync and the asyncio locator share: the cache, what a watch told, and how answers are judged."""

from __future__ import annotations

import dataclasses
import math
import random
import threading
import time
from typing import Any

from croft import _messages
from croft._cache import Cache, Knowledge, InvalidResponse, knowledge_from, knowledge_from_change, ttl_of
from croft._listeners import Listeners, log
from croft._options import DEFAULT_TTL, PAUSE_WHILE_AWAY, SNAPSHOT_INTERVAL, Options
from croft._snapshot import SnapshotFile
from croft.errors import REFUSALS, CroftError, Unavailable, from_status
from croft.placement import Placement

_MOST_DENIALS = 10_000


class StaleCatalog(Exception):
    """The control plane serves an older catalog than the one that is already known."""


class Unusable(Exception):
    """A control plane gave no usable answer; ``error`` is what to raise if no other control plane does better."""

    def __init__(self, error: CroftError) -> None:
        super().__init__(str(error))
        self.error = error


class State:
    """Thread-safe. Knows nothing of gRPC."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.cache = Cache()
        self.cursor: tuple[int, int] | None = None
        self.ready = threading.Event()
        self.listeners = Listeners()
        self._announcing = threading.RLock()  # a listener may ask
        self._furthest = (0, 0)  # that a watch ever came to
        self._epoch = 0  # the highest ever heard of: what an earlier one says is history
        self._ask_after = 0.0  # monotonic seconds before which nobody is asked again for what is known
        self._heard = 0.0  # monotonic seconds; 0 while the cache is not whole
        self._ttl = DEFAULT_TTL
        self._denials: dict[str, tuple[float, CroftError]] = {}
        self._snapshot = None
        if options.snapshot_file:
            self._snapshot = SnapshotFile(options.snapshot_file, options.secret(), options.view())
        self._snapshot_dirty = False
        self._snapshot_saved = -math.inf
        self._snapshot_began = 0.0
        if self._snapshot:
            for aliases, known in self._snapshot.read():
                self._epoch = max(self._epoch, known.epoch)
                self._furthest = max(self._furthest, (known.epoch, known.revision))
                if known.placement is not None:
                    self.cache.learn(known.placement.tenant, aliases, known)

    # --- Answering.

    def cached(self, name: str) -> Placement | None:
        """The answer, when it need not be asked for; raises what is known to be refused."""
        known = self.cache.find(name)
        if known is not None and (self.options.watch or self._is_fresh(known)):
            return self._answer(known)
        denial = self._denials.get(name)
        if denial and denial[0] > time.monotonic():
            raise denial[1].again()
        if known is not None and time.monotonic() < self._ask_after:
            return self._answer(known)
        return None

    def fallback(self, name: str, error: CroftError) -> Placement:
        """The last answer, stale, when there is one; else raises ``error``."""
        known = self.cache.find(name)
        if known is None:
            raise error
        # Not every caller is to wait for one that does not answer.
        self._ask_after = time.monotonic() + PAUSE_WHILE_AWAY * random.uniform(0.5, 1.0)
        return self._answer(known)

    def take_answer(self, name: str, response: Any) -> Placement:
        """:raises Unusable: the answer is invalid, or from an older catalog."""
        try:
            knowledge = knowledge_from(response, time.monotonic(), self.options.role)
        except InvalidResponse as error:
            raise Unusable(Unavailable(f"the control plane's answer is invalid: {error}", tenant=name)) from None
        if knowledge.epoch < self._epoch:
            raise Unusable(Unavailable(str(StaleCatalog.__doc__), tenant=name))
        self._epoch = max(self._epoch, knowledge.epoch)
        tenant = _messages.id_of(response.tenant)
        self._ttl = ttl_of(response)
        self._ask_after = 0.0
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

    def error_of(self, failure: Any, name: str) -> CroftError:
        """What a failed lookup says. :raises Unusable: the status says nothing about the tenant."""
        code = failure.code().value[0]
        error = from_status(code, failure.details(), _messages.reason_in_trailers(failure.trailing_metadata()), name)
        if code not in REFUSALS:
            raise Unusable(error) from None
        self.take_refusal(name, error.again())
        return error

    def _answer(self, known: Knowledge) -> Placement:
        if known.refusal is not None:
            raise known.refusal.again()
        assert known.placement is not None  # an answer is one or the other
        if self._is_fresh(known):
            return known.placement
        return dataclasses.replace(known.placement, stale=True)

    def _is_fresh(self, known: Knowledge) -> bool:
        newest = max(self._heard, known.confirmed) if self.options.watch else known.confirmed
        return newest > 0 and time.monotonic() - newest < self._ttl

    # --- What the watch tells.

    def watch_request(self) -> Any:
        self._snapshot_began = time.monotonic()
        request = _messages.WatchPlacementsRequest(
            role=_messages.ROLES[self.options.role], purpose=_messages.PURPOSES[self.options.purpose]
        )
        if self.cursor is not None:
            request.since.epoch, request.since.revision = self.cursor
        return request

    def lookup_request(self, tenant: str) -> Any:
        return _messages.LookupRequest(
            tenant=tenant,
            role=_messages.ROLES[self.options.role],
            purpose=_messages.PURPOSES[self.options.purpose],
        )

    def take_batch(self, response: Any) -> None:
        """:raises InvalidResponse, StaleCatalog: the rest of this stream cannot be trusted."""
        now = time.monotonic()
        changes = [(change, knowledge_from_change(change, now, self.options.role)) for change in response.changes]
        for change, knowledge in changes:
            if change.revision.epoch < self._epoch:
                raise StaleCatalog
            self._epoch = max(self._epoch, change.revision.epoch)
            self._take_change(change, knowledge)
        if response.HasField("revision"):
            cursor = (response.revision.epoch, response.revision.revision)
            if cursor < self._furthest:
                raise StaleCatalog
            if self.cursor is None:
                self._finish_first_snapshot()
            self.cursor = self._furthest = cursor
            self._epoch = max(self._epoch, cursor[0])
            self._heard = time.monotonic()

    def start_over(self) -> bool:
        """The catalog's history is another one: nothing is known to be true until all of it was told again. False
        when that was so already."""
        had = self.cursor is not None
        self.cursor = None
        self._heard = 0.0
        return had

    def after_fork_in_child(self) -> None:
        """Locks may have been held by threads that the child does not have."""
        self.cache.after_fork_in_child()
        self.listeners.after_fork_in_child()
        self.ready = threading.Event()
        self._announcing = threading.RLock()
        self.start_over()

    def _take_change(self, change: Any, knowledge: Knowledge | None) -> None:
        tenant = change.tenant.removeprefix("tenants/")
        was_known = self.cache.find(tenant) is not None
        if knowledge is None:
            news = self.cache.forget(tenant, change.revision.epoch, change.revision.revision)
        else:
            news = self.cache.learn(tenant, tuple(change.aliases), knowledge)
        if change.HasField("placement"):
            self._ttl = ttl_of(change.placement)
        for name in (tenant, *change.aliases):
            self._denials.pop(name, None)
        self._snapshot_dirty = self._snapshot_dirty or news
        if news and was_known:
            self._announce(tenant)

    def _finish_first_snapshot(self) -> None:
        for tenant in self.cache.forget_unmentioned(self._snapshot_began):
            self._snapshot_dirty = True
            self._announce(tenant)
        self._snapshot_saved = -math.inf

    @property
    def whole(self) -> bool:
        """Whether every tenant that may be seen was told."""
        return self.cursor is not None

    def snapshot_is_due(self) -> bool:
        return self._snapshot_dirty and time.monotonic() - self._snapshot_saved >= SNAPSHOT_INTERVAL

    def save_snapshot(self) -> None:
        self._snapshot_saved = time.monotonic()
        if self._snapshot is None or not self._snapshot_dirty:
            return
        self._snapshot_dirty = False
        try:
            self._snapshot.write([(aliases, known) for aliases, known in self.cache.all() if not known.refusal])
        except OSError as error:
            self._snapshot_dirty = True
            log.warning("cannot write the snapshot file: %s", error)

    def _announce(self, tenant: str) -> None:
        # What is known is read under the lock: a later call never tells something older.
        with self._announcing:
            if not self.listeners:
                return
            known = self.cache.find(tenant)
            self.listeners.announce(tenant, known.placement if known and not known.refusal else None)
