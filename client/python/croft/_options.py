"""How to reach a control plane, and as whom."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence
from typing import Any, NamedTuple

import grpc

from croft import _messages


class Identity(NamedTuple):
    """What a connection is made with, and shows for as long as it lasts; PEM."""

    authority: bytes
    key: bytes | None
    certificate: bytes | None

    def credentials(self) -> grpc.ChannelCredentials:
        return grpc.ssl_channel_credentials(*self)


@dataclasses.dataclass(frozen=True)
class Options:
    endpoints: tuple[str, ...]
    authority_file: str
    certificate_file: str = ""
    key_file: str = ""
    token_file: str = ""
    role: str = "app"
    purpose: str = "direct"
    watch: bool = True
    timeout: float = 5.0
    negative_ttl: float = 1.0
    snapshot_file: str = ""

    def __post_init__(self) -> None:
        if not self.endpoints:
            raise ValueError("endpoints: name at least one host:port")
        if not self.authority_file:
            raise ValueError("authority_file: the control plane's authority is needed, such as tls/ca.crt")
        if bool(self.certificate_file) != bool(self.key_file):
            raise ValueError("certificate_file and key_file go together")
        if self.role not in _messages.ROLES:
            raise ValueError(f"role: must be one of {', '.join(_messages.ROLES)}")
        if self.purpose not in _messages.PURPOSES:
            raise ValueError(f"purpose: must be one of {', '.join(_messages.PURPOSES)}")
        if self.snapshot_file and not (self.key_file or self.token_file):
            raise ValueError("snapshot_file: needs key_file or token_file, under which it is sealed")

    @classmethod
    def make(cls, endpoints: Sequence[str] | None, authority_file: str | None, **others: Any) -> Options:
        """Fills what is not given from the variables that croftctl reads: CROFT_SERVER, CROFT_CA, CROFT_CERT,
        CROFT_KEY, CROFT_TOKEN_FILE."""
        if endpoints is None:
            endpoints = [one for one in os.environ.get("CROFT_SERVER", "").split(",") if one]
        if isinstance(endpoints, str):
            raise TypeError("endpoints: must be a list of host:port, not one string")
        given = {key: value for key, value in others.items() if value is not None}
        if not any(given.get(key) for key in ("certificate_file", "key_file", "token_file")):
            given["certificate_file"] = os.environ.get("CROFT_CERT", "")
            given["key_file"] = os.environ.get("CROFT_KEY", "")
            given["token_file"] = os.environ.get("CROFT_TOKEN_FILE", "")
        authority: str = os.environ.get("CROFT_CA", "") if authority_file is None else authority_file
        return cls(tuple(endpoints), authority, **given)

    def identity(self) -> Identity:
        """Read at every call, so that a renewed one is taken up."""
        return Identity(
            _read(self.authority_file),
            _read(self.key_file) if self.key_file else None,
            _read(self.certificate_file) if self.certificate_file else None,
        )

    def metadata(self) -> tuple[tuple[str, str], ...]:
        """Read at every call, so that a renewed token is taken up."""
        if not self.token_file:
            return ()
        return (("authorization", "Bearer " + _read(self.token_file).decode().strip()),)

    def secret(self) -> bytes:
        return _read(self.key_file or self.token_file)

    def view(self) -> str:
        """What is asked for: answers to one question are not to be taken for another's."""
        return f"{self.role}/{self.purpose}"


CHANNEL_OPTIONS = (
    # Connections that are no other channel's: a forked child must not come upon its parent's.
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.max_reconnect_backoff_ms", 5_000),
    ("grpc.min_reconnect_backoff_ms", 5_000),  # how long one attempt may take
)


#: So many failures in a row that gRPC's pause between attempts grows no more.
LASTING = 8


def remembered_for(failures: int) -> float:
    """Seconds until gRPC has forgotten an attempt to connect, `failures` of which have failed in a row: until it would
    have made the next one, also when the channel is gone."""
    return min(6.5, 0.5 * 1.6 ** min(failures, LASTING))


LOOKUP = "/croft.v1.LookupService/Lookup"
WATCH = "/croft.v1.LookupService/WatchPlacements"

FIRST_PAUSE = 0.1
LONGEST_PAUSE = 10.0
DEFAULT_TTL = 60.0
SNAPSHOT_INTERVAL = 5.0
#: Seconds in which nobody is asked again for what is known, after nobody answered.
PAUSE_WHILE_AWAY = 2.0


def _read(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()
