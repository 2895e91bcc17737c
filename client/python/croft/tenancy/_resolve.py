"""Which tenant a request is for."""

from __future__ import annotations

import dataclasses
import functools
import ipaddress
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

#: What the control plane accepts as an id or an alias; nothing else is ever sent to it.
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9._:-]{0,251}[a-z0-9])?")
#: Of a Host header that can name a tenant: a DNS name, its port and a last dot. Longer ones are not kept in mind.
_LONGEST_HOST = 260
_REMEMBERED_HOSTS = 1024


@dataclasses.dataclass(slots=True)
class Request:
    """What resolvers see of a request, whatever the framework."""

    #: The Host header as it came.
    host: str
    path: str
    #: By lower-case name.
    headers: Mapping[str, str]
    #: The peer's address; empty for a local socket.
    peer: str
    #: The framework's own: a WSGI environ, an ASGI scope.
    raw: Any


@dataclasses.dataclass(frozen=True)
class Resolved:
    """A tenant's id or alias, and the beginning of the path that named it."""

    name: str
    prefix: str = ""


#: None: the request names no tenant.
Resolver = Callable[[Request], Resolved | None]


def valid(name: str) -> str | None:
    """``name`` in lower case when it can be an id or an alias, else None."""
    name = name.lower()
    return name if _NAME.fullmatch(name) else None


def _resolved(name: str | None, prefix: str = "") -> Resolved | None:
    name = valid(name) if name else None
    return Resolved(name, prefix) if name else None


def _by_host(read: Callable[[str], Resolved | None]) -> Resolver:
    """By ``read(host)``, without asking again for a Host header that came before."""
    remembered = functools.lru_cache(_REMEMBERED_HOSTS)(lambda header: read(_host_of(header)))
    return lambda request: remembered(request.host) if len(request.host) <= _LONGEST_HOST else None


def _host_of(header: str) -> str:
    host = header.strip().lower()
    if not host.startswith("["):  # an IPv6 address is nobody's alias
        host = host.partition(":")[0]
    return host.removesuffix(".")


def by_host() -> Resolver:
    """By the whole host name, which is an alias of the tenant: ``shop.acme.com``."""
    return _by_host(_resolved)


def by_subdomain(base: str) -> Resolver:
    """By the one label before ``base``: ``acme`` of ``acme.example.com``."""
    ending = "." + base.lower().strip(".")

    def read(host: str) -> Resolved | None:
        name = host.removesuffix(ending)
        return None if name == host or "." in name else _resolved(name)

    return _by_host(read)


def by_header(name: str, *, trusted_proxies: Sequence[str] = ()) -> Resolver:
    """By a header that a proxy sets. Whoever can set it chooses the tenant: requests of other peers than
    ``trusted_proxies`` (addresses or networks, such as ``10.0.0.0/8``) name no tenant. Without any, all are believed:
    then the proxy must be the only one who can reach the application."""
    networks = [ipaddress.ip_network(one) for one in trusted_proxies]
    wanted = name.lower()

    def resolve(request: Request) -> Resolved | None:
        if networks and not _is_in(request.peer, networks):
            return None
        return _resolved(request.headers.get(wanted))

    return resolve


def _is_in(peer: str, networks: Sequence[ipaddress.IPv4Network | ipaddress.IPv6Network]) -> bool:
    if not peer:  # a local socket
        return True
    try:
        address = ipaddress.ip_address(peer)
    except ValueError:
        return False
    return any(address in network for network in networks)


def by_path(prefix: str = "/") -> Resolver:
    """By the part of the path after ``prefix``: ``acme`` of ``/t/acme/orders`` with ``/t/``. The application sees
    ``/orders``, and the rest as its root (SCRIPT_NAME, root_path)."""
    start = "/" + prefix.strip("/") + "/" if prefix.strip("/") else "/"

    def resolve(request: Request) -> Resolved | None:
        if not request.path.startswith(start):
            return None
        name = request.path[len(start) :].partition("/")[0]
        resolved = _resolved(name)
        return resolved and Resolved(resolved.name, start + name)

    return resolve


def by_claim(claim: Callable[[Request], str | None]) -> Resolver:
    """By what the application's own ``claim(request)`` says, such as a verified token's claim or a session's."""
    return lambda request: _resolved(claim(request))


def first_of(*resolvers: Resolver) -> Resolver:
    """The first that finds one."""

    def resolve(request: Request) -> Resolved | None:
        for resolver in resolvers:
            resolved = resolver(request)
            if resolved is not None:
                return resolved
        return None

    return resolve
