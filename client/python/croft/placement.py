"""Where a tenant lives."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import tempfile
from typing import Any
from urllib.parse import quote


@dataclasses.dataclass(frozen=True, slots=True)
class Placement:
    """An immutable answer. A pool opened for a lower ``generation`` is to be replaced."""

    tenant: str
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

    def connect_kwargs(self, **extra: Any) -> dict[str, Any]:
        """Arguments for ``psycopg.connect`` (and psycopg2's, and SQLAlchemy's ``connect_args``)."""
        kwargs: dict[str, Any] = {"host": self.host, "port": self.port, "dbname": self.database, "user": self.user}
        if self.password:
            kwargs["password"] = self.password
        if self.sslmode:
            kwargs["sslmode"] = self.sslmode
        if self.root_certificate:
            kwargs["sslrootcert"] = root_certificate_file(self.root_certificate)
        if self.options:
            kwargs["options"] = self.options
        return kwargs | extra

    def dsn(self, **extra: Any) -> str:
        """The same as a libpq URI. It holds the password: do not log it."""
        kwargs = self.connect_kwargs(**extra)
        login = quote(kwargs.pop("user"), safe="")
        if "password" in kwargs:
            login += ":" + quote(kwargs.pop("password"), safe="")
        host, port, database = kwargs.pop("host"), kwargs.pop("port"), kwargs.pop("dbname")
        host = f"[{host}]" if ":" in host else quote(host, safe="")
        query = "&".join(f"{key}={quote(str(value), safe='')}" for key, value in kwargs.items())
        return f"postgresql://{login}@{host}:{port}/{quote(database, safe='')}" + (f"?{query}" if query else "")


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
