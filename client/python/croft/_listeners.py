"""Who is told of changes."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from croft.placement import Placement

log = logging.getLogger("croft")

#: Called with a tenant's id and its placement now, or None when it is refused or gone.
ChangeCallback = Callable[[str, Placement | None], None]


class Listeners:
    """Any number of callbacks, called in the order in which they were added. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._callbacks: tuple[ChangeCallback, ...] = ()

    def after_fork_in_child(self) -> None:
        self._lock = threading.Lock()

    def __bool__(self) -> bool:
        return bool(self._callbacks)

    def add(self, callback: ChangeCallback) -> Callable[[], None]:
        """Adds it once, however often it is added. Returns what takes it away again."""
        with self._lock:
            if callback not in self._callbacks:
                self._callbacks += (callback,)
        return lambda: self.remove(callback)

    def remove(self, callback: ChangeCallback) -> None:
        """Harmless when it is not there."""
        with self._lock:
            self._callbacks = tuple(one for one in self._callbacks if one != callback)

    def announce(self, tenant: str, placement: Placement | None) -> None:
        """Calls all of them; what one raises is logged, and the others are called."""
        for callback in self._callbacks:
            try:
                callback(tenant, placement)
            except Exception:
                log.exception("a listener for changes failed: %r", callback)
