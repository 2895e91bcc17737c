"""Where a tenant lives."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import os
import ssl
import tempfile
from typing import Any
from urllib.parse import quote

_DRIVERS_OF_LIBPQ = ("psycopg2", "psycopg")


@dataclasses.dataclass(frozen=True, slots=True)
class Placement:
    """An immutable answer. Hang a pool on ``key``: another key means another database, server or login."""

    tenant: str
    #: Made by Croft for each tenant and never used again, while a name can come back after a purge.
    uid: str
    generation: int
    host: str
    port: int
    database: str
    user: str
    password: str = dataclasses.field(default="", repr=False)
    sslmode: str = ""
    root_certificate: str = dataclasses.field(default="", repr=False)
    options: str = ""
    settings: dict[str, Any] = dataclasses.field(default_factory=dict, hash=False)
    features: dict[str, Any] = dataclasses.field(default_factory=dict, hash=False)
    epoch: int = 0
    revision: int = 0
    #: The control plane could not confirm it within its time to live.
    stale: bool = False
    #: What the login is for: ``app``, ``read_only`` or ``migrate``.
    role: str = "app"
    #: The tenant is at its storage quota: PostgreSQL refuses new rows with ``insufficient_privilege`` (42501) until it has
    #: shrunk; reads, updates and deletes go on.
    closed_for_growth: bool = False
    #: Names what a connection is opened with; hashable, equal as long as open connections stay right, and free of
    #: secrets, so it may be logged. Settings, features, ``stale`` and ``closed_for_growth`` do not change it.
    key: str = dataclasses.field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        parts = (self.tenant, self.host, str(self.port), self.database, self.user, self.password, self.sslmode,
                 self.root_certificate, self.options)  # fmt: skip
        digest = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]
        object.__setattr__(self, "key", f"{self.uid}/{self.role}/{self.generation}/{digest}")

    def connect_kwargs(self, **extra: Any) -> dict[str, Any]:
        """Arguments for ``psycopg.connect`` and ``psycopg2.connect``, and SQLAlchemy's ``connect_args`` with either of
        the two. ``extra`` is added and wins."""
        kwargs: dict[str, Any] = {"host": self.host, "port": self.port, "dbname": self.database}
        if self.user:
            kwargs["user"] = self.user
        if self.password:
            kwargs["password"] = self.password
        if self.sslmode:
            kwargs["sslmode"] = self.sslmode
        if self.root_certificate:
            kwargs["sslrootcert"] = root_certificate_file(self.root_certificate)
        if self.options:
            kwargs["options"] = self.options
        return kwargs | extra

    def asyncpg_kwargs(self, **extra: Any) -> dict[str, Any]:
        """Arguments for ``asyncpg.connect`` and ``asyncpg.create_pool``, with a ready ``SSLContext``."""
        kwargs: dict[str, Any] = {"host": self.host, "port": self.port, "database": self.database}
        if self.user:
            kwargs["user"] = self.user
        if self.password:
            kwargs["password"] = self.password
        if self.sslmode:
            kwargs["ssl"] = self.ssl_context() or False
        if self.options:
            kwargs["server_settings"] = {"options": self.options}
        return kwargs | extra

    def ssl_context(self) -> ssl.SSLContext | None:
        """What ``sslmode`` and the root certificate ask for; None when that is no TLS. Shared by equal placements."""
        if self.sslmode in ("", "disable", "allow", "prefer"):
            return None
        return _ssl_context(self.sslmode, self.root_certificate)

    def dsn(self, **extra: Any) -> str:
        """The same as a libpq URI. It holds the password: do not log it."""
        return self._uri("postgresql", extra)

    def sqlalchemy_url(self, driver: str = "psycopg2", **extra: Any) -> str:
        """A URL for ``sqlalchemy.create_engine``, with everything that a connection needs. It holds the password.

        :param driver: ``psycopg2``, or ``psycopg`` with SQLAlchemy 2. A URL cannot hold the SSLContext that asyncpg
            needs: give ``create_async_engine("postgresql+asyncpg://", connect_args=placement.asyncpg_kwargs())``.
        :raises ValueError: for another driver.
        """
        if driver not in _DRIVERS_OF_LIBPQ:
            raise ValueError(f"driver: must be one of {', '.join(_DRIVERS_OF_LIBPQ)}; for asyncpg see asyncpg_kwargs()")
        return self._uri(f"postgresql+{driver}", extra)

    def _uri(self, scheme: str, extra: dict[str, Any]) -> str:
        kwargs = self.connect_kwargs(**extra)
        login = quote(kwargs.pop("user", ""), safe="")
        if "password" in kwargs:
            login += ":" + quote(kwargs.pop("password"), safe="")
        host, port, database = kwargs.pop("host"), kwargs.pop("port"), kwargs.pop("dbname")
        if host.startswith("/"):  # the folder of a local socket; SQLAlchemy knows it by this alone
            kwargs = {"host": host, "port": port} | kwargs
            address = ""
        else:
            address = (f"[{host}]" if ":" in host else quote(host, safe="")) + f":{port}"
        query = "&".join(f"{key}={quote(str(value), safe='')}" for key, value in kwargs.items())
        return f"{scheme}://{login}{'@' if login else ''}{address}/{quote(database, safe='')}" + (f"?{query}" if query else "")


@functools.lru_cache(maxsize=64)
def _ssl_context(sslmode: str, root_certificate: str) -> ssl.SSLContext:
    context = ssl.create_default_context(cadata=root_certificate or None)
    context.check_hostname = sslmode == "verify-full"
    # As libpq has it: `require` with a root certificate verifies it.
    verifies = sslmode in ("verify-ca", "verify-full") or bool(root_certificate)
    context.verify_mode = ssl.CERT_REQUIRED if verifies else ssl.CERT_NONE
    return context


def root_certificate_file(pem: str) -> str:
    """A file that holds ``pem``, since libpq wants the authority as a path. Made once for each content."""
    folder = os.path.join(tempfile.gettempdir(), f"croft-roots-{os.getuid()}")
    os.makedirs(folder, mode=0o700, exist_ok=True)
    status = os.lstat(folder)
    if status.st_uid != os.getuid() or status.st_mode & 0o077:
        # Somebody else's folder under our name: do not trust what lies in it.
        folder = tempfile.mkdtemp(prefix="croft-roots-")
    path = os.path.join(folder, hashlib.sha256(pem.encode()).hexdigest()[:32] + ".crt")
    try:
        with open(path, encoding="utf-8") as file:
            if file.read() == pem:
                return path
    except OSError:
        pass
    handle, temporary = tempfile.mkstemp(dir=folder)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(pem)
    os.replace(temporary, path)
    return path
