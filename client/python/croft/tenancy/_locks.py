"""Migrations beside a running application: better to stand aside and try again than to let it queue behind a lock."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from croft.tenancy._refused import state_of

log = logging.getLogger("croft")

#: lock_not_available (lock_timeout is over) and deadlock_detected.
_STATES = frozenset({"55P03", "40P01"})
#: Seconds.
_LONGEST_PAUSE = 15.0


def lock_refused(error: BaseException) -> bool:
    """Whether a statement was given up because of a lock that others hold."""
    return state_of(error) in _STATES


def retry_locks(function: Callable[[], object], retries: int, sleep: Callable[[float], object] = time.sleep) -> None:
    """Calls ``function``, and again up to ``retries`` times when a lock was refused, with growing pauses. It must be
    transactional, or able to go on where it was.

    :raises: what ``function`` raises.
    """
    for attempt in range(retries + 1):
        try:
            function()
            return
        except Exception as error:
            if not lock_refused(error) or attempt == retries:
                raise
            pause = min(2.0**attempt / 2, _LONGEST_PAUSE)
            log.warning("a lock was refused; it is tried again in %.1f s: %s", pause, str(error).partition("\n")[0])
            sleep(pause)
