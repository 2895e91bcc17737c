"""What PostgreSQL and its drivers say when a login was replaced, or a database has moved."""

from __future__ import annotations

import select
from collections.abc import Callable, Iterator
from typing import Any

#: Logins and databases that are no more, or not yet open.
STATES = frozenset({
    "28000",  # the role may not log in
    "28P01",  # the password is wrong: it was replaced
    "3D000",  # the database does not exist: it was moved or restored
    "57P01",  # the session was ended: the tenant is being closed or moved
    "57P03",  # the server is starting or stopping
    "57P04",  # the database was dropped
})  # fmt: skip

#: So, when the message says it, too: CONNECT was revoked, or the database accepts no connections. A statement that is
#: not permitted has the same states.
_UNCLEAR = frozenset({"42501", "55000"})

# libpq tells a failed connection's SQLSTATE to nobody, so drivers on it have the message alone.
_MESSAGES = (
    "is not permitted to log in",
    "password authentication failed",
    "no pg_hba.conf entry",
    "permission denied for database",
    "is not currently accepting connections",
    "terminating connection due to administrator command",
    "the database system is",
    "server closed the connection unexpectedly",
    "connection has been closed unexpectedly",
    # asyncpg's, when the server's farewell came before the statement.
    "connection was closed in the middle of operation",
    "another operation (2) is in progress",
    # When it came between the login and the first statement.
    "connection is closed",
)


# libpq's and ours.
_UNREACHABLE = ("connection to server", "PostgreSQL did not answer")


def refused(error: BaseException) -> bool:
    """Whether PostgreSQL refused a connection, or ended it, because what :meth:`~croft.Locator.locate` answered is no
    longer so. Knows the errors of psycopg, psycopg2, asyncpg and of what wraps them (SQLAlchemy, Django)."""
    for one in _chain(error):
        state = _state(one)
        if state and state not in _UNCLEAR:
            return state in STATES
        text = str(one)
        if any(message in text for message in _MESSAGES) or ('database "' in text and "does not exist" in text):
            return True
    return False


def unreachable(error: BaseException) -> bool:
    """Whether no connection came about, for whatever reason: the server is away, or did not answer in time."""
    return any(message in str(one) for one in _chain(error) for message in _UNREACHABLE)


def state_of(error: BaseException) -> str | None:
    """The SQLSTATE of an error, or of what it wraps."""
    return next(filter(None, map(_state, _chain(error))), None)


def _state(error: BaseException) -> str | None:
    state: str | None = getattr(error, "sqlstate", None) or getattr(error, "pgcode", None)
    return state


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error, and what it wraps or was caused by."""
    seen: set[int] = set()
    one: BaseException | None = error
    while one is not None and id(one) not in seen:
        seen.add(id(one))
        yield one
        one = getattr(one, "orig", None) or one.__cause__


def ended(connection: Any) -> bool:
    """Whether the server has ended an idle connection of psycopg or psycopg2, without a round trip: nobody asked it
    anything, so what can be read from it is its farewell."""
    try:
        return _has_news(connection.fileno())
    except Exception:  # drivers raise errors of their own for a socket that is gone
        return True


def ended_async(connection: Any) -> bool:
    """:func:`ended` for an idle connection of asyncpg, also before the event loop has read the farewell."""
    try:
        return bool(connection.is_closed()) or _has_news(socket_of(connection))
    except Exception:
        return True


def socket_of(connection: Any) -> int:
    """The descriptor of asyncpg's socket."""
    descriptor: int = connection._transport.get_extra_info("socket").fileno()
    return descriptor


def _has_news(descriptor: int) -> bool:
    return bool(news_of(descriptor)(0))


def news_of(descriptor: int) -> Callable[[int], list[tuple[int, int]]]:
    """What tells by ``news(0)``, as often as it is asked, whether there is something to read. For a socket that is open."""
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return poll.poll
