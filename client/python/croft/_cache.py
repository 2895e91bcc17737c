"""What is known of tenants. The rules are those of the C++ library's cache."""

from __future__ import annotations

import dataclasses
import threading
from typing import Any

from croft import _messages
from croft.errors import CroftError, from_status
from croft.placement import Placement


_LAST_CODE = 16  # of gRPC's status codes
_LONGEST_TTL = 86_400.0


@dataclasses.dataclass(frozen=True, slots=True)
class Knowledge:
    """Where a tenant lives, or why the control plane refuses it."""

    placement: Placement | None
    refusal: CroftError | None
    generation: int
    epoch: int
    revision: int
    #: Monotonic seconds when the control plane last said so; 0 for one from a snapshot file.
    confirmed: float
    #: When it last said anything of the tenant, believed or not.
    mentioned: float

    def may_be_replaced_by(self, other: Knowledge) -> bool:
        """Within an epoch revisions decide; a tenant's generation never goes back."""
        if (other.epoch, other.revision) < (self.epoch, self.revision):
            return False
        same_tenant = self.placement and other.placement and self.placement.uid == other.placement.uid
        return not same_tenant or other.generation >= self.generation

    def says_the_same_as(self, other: Knowledge) -> bool:
        if str(self.refusal) != str(other.refusal):
            return False
        if self.placement is None or other.placement is None:
            return self.placement is other.placement
        return dataclasses.replace(self.placement, epoch=0, revision=0) == dataclasses.replace(
            other.placement, epoch=0, revision=0
        )


class Cache:
    """Tenants by id and alias. Thread-safe; reading takes no lock (dictionary reads are atomic)."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._tenants: dict[str, Knowledge] = {}
        self._aliases: dict[str, str] = {}
        self._aliases_of: dict[str, tuple[str, ...]] = {}

    def after_fork_in_child(self) -> None:
        self._lock = threading.Lock()

    def find(self, name: str) -> Knowledge | None:
        known = self._tenants.get(name)
        if known is not None:
            return known
        tenant = self._aliases.get(name)
        return None if tenant is None else self._tenants.get(tenant)

    def learn(self, tenant: str, aliases: tuple[str, ...] | None, knowledge: Knowledge) -> bool:
        """True when it told something new. ``aliases`` are all of them; None leaves them as they are."""
        with self._lock:
            known = self._tenants.get(tenant)
            # The catalog was restored and does not know yet: no reason to forget what was told before.
            unconfirmed = knowledge.refusal is not None and knowledge.refusal.reason == "TENANT_UNCONFIRMED"
            keeps = known is not None and known.placement is not None and unconfirmed
            if known is not None and (keeps or not known.may_be_replaced_by(knowledge)):
                self._tenants[tenant] = dataclasses.replace(known, mentioned=knowledge.mentioned)
                return False
            if known is not None and knowledge.placement is None:
                knowledge = dataclasses.replace(knowledge, placement=known.placement)
            self._tenants[tenant] = knowledge
            if aliases is not None:
                self._set_aliases(tenant, aliases)
            return known is None or not known.says_the_same_as(knowledge)

    def add_alias(self, tenant: str, alias: str) -> None:
        with self._lock:
            if alias != tenant and alias not in self._aliases_of.get(tenant, ()):
                self._set_aliases(tenant, (*self._aliases_of.get(tenant, ()), alias))

    def forget(self, tenant: str, epoch: int, revision: int) -> bool:
        with self._lock:
            known = self._tenants.get(tenant)
            if known is None or (epoch, revision) < (known.epoch, known.revision):
                return False
            del self._tenants[tenant]
            self._set_aliases(tenant, ())
            return True

    def forget_unmentioned(self, since: float) -> list[str]:
        """Forgets what a fresh snapshot, begun at ``since``, did not have."""
        with self._lock:
            gone = [tenant for tenant, known in self._tenants.items() if known.mentioned < since]
            for tenant in gone:
                del self._tenants[tenant]
                self._set_aliases(tenant, ())
            return gone

    def all(self) -> list[tuple[tuple[str, ...], Knowledge]]:
        with self._lock:
            return [(self._aliases_of.get(tenant, ()), known) for tenant, known in self._tenants.items()]

    def _set_aliases(self, tenant: str, aliases: tuple[str, ...]) -> None:
        for alias in self._aliases_of.pop(tenant, ()):
            if alias not in aliases and self._aliases.get(alias) == tenant:
                del self._aliases[alias]
        if aliases:
            self._aliases_of[tenant] = aliases
            self._aliases.update(dict.fromkeys(aliases, tenant))


class InvalidResponse(Exception):
    """An answer that a control plane never gives, such as a placement without an address."""


def knowledge_from(response: Any, now: float, role: str = "app") -> Knowledge:
    """From a LookupResponse."""
    tenant = _tenant_in(response.tenant)
    if not response.uid or response.placement_generation <= 0 or not response.conninfo:
        raise InvalidResponse("a placement lacks its uid, generation or conninfo")
    endpoint = response.endpoints[0] if response.endpoints else None
    if not (endpoint and endpoint.host and 0 < endpoint.port < 65536 and endpoint.database):
        raise InvalidResponse("a placement has no address")
    if response.revision.epoch < 0 or response.revision.revision < 0:
        raise InvalidResponse("a revision is negative")
    placement = Placement(
        tenant=tenant,
        uid=response.uid,
        generation=response.placement_generation,
        host=endpoint.host,
        port=endpoint.port,
        database=endpoint.database,
        user=endpoint.user,
        password=response.password,
        sslmode=response.sslmode,
        root_certificate=response.root_certificate,
        options=_options_in(response.conninfo),
        settings=_messages.to_dict(response.settings) if response.HasField("settings") else {},
        features={key: _messages.value_of(value) for key, value in response.features.items()},
        epoch=response.revision.epoch,
        revision=response.revision.revision,
        role=role,
        closed_for_growth=response.closed_for_growth,
    )
    return Knowledge(
        placement, None, placement.generation, response.revision.epoch, response.revision.revision, now, now
    )


def knowledge_from_change(change: Any, now: float, role: str = "app") -> Knowledge | None:
    """From one change of a watch; None when the tenant is gone."""
    tenant = _tenant_in(change.tenant)
    placement, refusal = None, None
    match change.WhichOneof("what"):
        case "placement":
            placement = knowledge_from(change.placement, now, role).placement
            if placement is None or placement.tenant != tenant:
                raise InvalidResponse("a placement is another tenant's")
        case "refused":
            refused = change.refused
            if not 0 < refused.code <= _LAST_CODE:
                raise InvalidResponse("a refusal has no code")
            refusal = from_status(refused.code, refused.message, _messages.reason_of(refused), tenant)
        case "removed":
            return None
        case _:
            raise InvalidResponse("a change does not say what changed")
    return Knowledge(
        placement, refusal, change.placement_generation, change.revision.epoch, change.revision.revision, now, now
    )


def ttl_of(response: Any) -> float:
    """Seconds that a LookupResponse holds; whatever a server says, it is asked again some time."""
    seconds: float = response.ttl.seconds + response.ttl.nanos / 1e9
    return min(max(seconds, 0.001), _LONGEST_TTL)


def _tenant_in(name: str) -> str:
    if not name.startswith("tenants/") or name == "tenants/":
        raise InvalidResponse("an answer is for no tenant")
    return name.removeprefix("tenants/")


def _options_in(conninfo: str) -> str:
    """The value of ``options`` in a conninfo string, which has no field of its own in the answer."""
    at = conninfo.find("options=")
    if at < 0:
        return ""
    text = conninfo[at + len("options=") :]
    if not text.startswith("'"):
        return text.split(" ", 1)[0]
    value, position = "", 1
    while position < len(text) and text[position] != "'":
        position += text[position] == "\\"
        value += text[position]
        position += 1
    return value
