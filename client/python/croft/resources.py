"""What :class:`croft.Admin` answers with: immutable copies of the control plane's resources. Times are UTC."""

from __future__ import annotations

import dataclasses
import datetime
from typing import Any

from croft import _messages

Time = datetime.datetime


@dataclasses.dataclass(frozen=True, slots=True)
class Quota:
    """Limits of a tenant's database; zero is the control plane's default."""

    connections: int = 0
    storage_bytes: int = 0
    #: Seconds.
    statement_timeout: float = 0.0


@dataclasses.dataclass(frozen=True, slots=True)
class Condition:
    """What is true of a tenant beside its state."""

    type: str
    message: str


@dataclasses.dataclass(frozen=True, slots=True)
class Finding:
    """What an operator should know about one object of a backup or an operation."""

    #: ``NOTE``, ``MISSING`` or ``DIFFERENT``.
    severity: str
    reason: str
    #: Kind and quoted name, such as ``TABLE "public"."bookings"``.
    object: str
    message: str
    remedy: str


@dataclasses.dataclass(frozen=True, slots=True)
class Tenant:
    """A customer whose data lives in one database."""

    id: str
    uid: str
    #: ``CREATING``, ``READY``, ``SUSPENDED``, ``RETIRED`` or ``FAILED``.
    state: str
    etag: str
    display_name: str
    aliases: tuple[str, ...]
    labels: dict[str, str]
    settings: dict[str, Any]
    features: dict[str, Any]
    extensions: tuple[str, ...]
    locale: str
    quota: Quota
    conditions: tuple[Condition, ...]
    delete_protection: bool
    #: ``NORMAL``, ``NEAR_QUOTA`` or ``FULL``.
    storage_level: str
    #: At its storage quota: PostgreSQL refuses new rows.
    closed_for_growth: bool
    #: Until then it is not closed for growth.
    storage_grace_time: Time | None
    #: ``BLOCKED`` or ``READ_ONLY`` while suspended, else empty.
    suspend_mode: str
    host: str
    database: str
    generation: int
    create_time: Time | None
    update_time: Time | None
    delete_time: Time | None
    purge_time: Time | None
    expire_time: Time | None
    #: Id of the newest usable backup; empty when there is none.
    last_backup: str
    #: Id of the operation that works on it; empty when there is none.
    current_operation: str


@dataclasses.dataclass(frozen=True, slots=True)
class Operation:
    """Work of the control plane. It goes on whether anybody waits or not."""

    id: str
    #: ``CREATE``, ``RESTORE``, ...
    kind: str
    #: Full name of the resource that is worked on, such as ``tenants/acme``.
    target: str
    #: Full name of the resource that it makes, where that is another one.
    result: str
    #: ``RUNNING``, ``UNDOING``, ``SUCCEEDED``, ``FAILED`` or ``CANCELLED``.
    state: str
    done: bool
    #: Why it failed; empty when it did not.
    error: str
    error_reason: str
    progress: str
    warnings: tuple[Finding, ...]
    caller: str
    create_time: Time | None
    end_time: Time | None


@dataclasses.dataclass(frozen=True, slots=True)
class Backup:
    """A stored, encrypted dump of a tenant's database."""

    id: str
    tenant: str
    #: ``CREATING``, ``AVAILABLE``, ``VERIFIED``, ``VERIFIED_WITH_NOTES``, ``INCOMPLETE``, ``DAMAGED``, ``FAILED`` or
    #: ``DELETING``.
    state: str
    #: ``MANUAL``, ``FINAL`` or ``SCHEDULED``.
    origin: str
    size_bytes: int
    table_count: int
    row_count: int
    server_version: str
    findings: tuple[Finding, ...]
    create_time: Time | None
    verify_time: Time | None
    #: What it was called when it was made, such as ``before-2.4``; it stands for the id.
    name: str = ""
    note: str = ""
    #: Whether it is under legal hold.
    held: bool = False


def _time(message: Any, field: str) -> Time | None:
    if not message.HasField(field):
        return None
    stamp = getattr(message, field)
    return datetime.datetime.fromtimestamp(stamp.seconds, datetime.UTC).replace(microsecond=stamp.nanos // 1000)


def _last(name: str) -> str:
    return name.rpartition("/")[2]


def tenant_from(message: Any) -> Tenant:
    quota = message.quota
    return Tenant(
        id=_last(message.name),
        uid=message.uid,
        state=_messages.enum_name(message, "state"),
        etag=message.etag,
        display_name=message.display_name,
        aliases=tuple(message.aliases),
        labels=dict(message.labels),
        settings=_messages.to_dict(message.settings) if message.HasField("settings") else {},
        features={key: _messages.value_of(value) for key, value in message.features.items()},
        extensions=tuple(message.extensions),
        locale=message.locale,
        quota=Quota(
            quota.connections,
            quota.storage_bytes,
            quota.statement_timeout.seconds + quota.statement_timeout.nanos / 1e9,
        ),
        conditions=tuple(Condition(one.type, one.message) for one in message.conditions),
        delete_protection=message.delete_protection,
        storage_level=_messages.enum_name(message, "storage_level"),
        closed_for_growth=message.closed_for_growth,
        storage_grace_time=_time(message, "storage_grace_time"),
        suspend_mode=_messages.enum_name(message, "suspend_mode"),
        host=_last(message.placement.host),
        database=message.placement.database,
        generation=message.placement.generation,
        create_time=_time(message, "create_time"),
        update_time=_time(message, "update_time"),
        delete_time=_time(message, "delete_time"),
        purge_time=_time(message, "purge_time"),
        expire_time=_time(message, "expire_time"),
        last_backup=_last(message.last_backup),
        current_operation=_last(message.current_operation),
    )


def operation_from(message: Any) -> Operation:
    return Operation(
        id=_last(message.name),
        kind=_messages.enum_name(message, "kind"),
        target=message.target,
        result=message.result,
        state=_messages.enum_name(message, "state"),
        done=message.done,
        error=message.error.message,
        error_reason=_messages.reason_of(message.error),
        progress=message.progress,
        warnings=tuple(_finding(one) for one in message.warnings),
        caller=message.caller,
        create_time=_time(message, "create_time"),
        end_time=_time(message, "end_time"),
    )


def backup_from(message: Any) -> Backup:
    _, tenant, _, backup = message.name.split("/")
    return Backup(
        id=backup,
        tenant=tenant,
        state=_messages.enum_name(message, "state"),
        origin=_messages.enum_name(message, "origin"),
        size_bytes=message.size_bytes,
        table_count=message.table_count,
        row_count=message.row_count,
        server_version=message.server_version,
        findings=tuple(_finding(one) for one in message.findings),
        create_time=_time(message, "create_time"),
        verify_time=_time(message, "verify_time"),
        name=message.given_name,
        note=message.note,
        held=message.HasField("legal_hold"),
    )


def _finding(message: Any) -> Finding:
    return Finding(
        severity=_messages.enum_name(message, "severity"),
        reason=message.reason,
        object=message.object,
        message=message.message,
        remedy=message.remedy,
    )
