"""The calls of :class:`croft.Admin` and its asyncio twin: what is sent, and how the answer is read."""

from __future__ import annotations

import dataclasses
import datetime
import uuid
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Generic, TypeVar

from croft import _messages
from croft.resources import Backup, Operation, Quota, Tenant, backup_from, operation_from, tenant_from

T = TypeVar("T")
Seconds = float


@dataclasses.dataclass(frozen=True)
class Call(Generic[T]):
    """One request. A repeat of it has no second effect: changes carry an id of their own."""

    method: str  # `Service/Method`
    request: Any
    answer: Any  # the class of the message
    read: Callable[[Any], T]
    #: What errors name.
    target: str

    @property
    def path(self) -> str:
        return f"/croft.v1.{self.method}"


@dataclasses.dataclass(frozen=True)
class Page(Generic[T]):
    rows: tuple[T, ...]
    next_token: str


def _confirmation(confirm: str) -> str:
    return _tenant_name(confirm) if confirm else ""


def _tenant_name(tenant: str) -> str:
    return f"tenants/{tenant}"


def _call(method: str, target: str, answer: str, read: Callable[[Any], T], **fields: Any) -> Call[T]:
    kind = _messages.message(method.partition("/")[2] + "Request")
    if "request_id" in kind.DESCRIPTOR.fields_by_name:
        fields["request_id"] = str(uuid.uuid4())
    return Call(method, kind(**fields), _messages.message(answer), read, target)


def _change(method: str, target: str, **fields: Any) -> Call[Operation]:
    return _call(method, target, "Operation", operation_from, **fields)


def _duration(seconds: Seconds) -> dict[str, int]:
    whole = int(seconds)
    return {"seconds": whole, "nanos": int(round((seconds - whole) * 1e9))}


def _timestamp(time: datetime.datetime) -> dict[str, int]:
    if time.tzinfo is None:
        raise ValueError("expire_time: must have a time zone")
    delta = time - datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
    return {"seconds": delta.days * 86_400 + delta.seconds, "nanos": delta.microseconds * 1000}


def _set_tenant(
    message: Any,
    display_name: str | None,
    aliases: Iterable[str] | None,
    labels: Mapping[str, str] | None,
    settings: Mapping[str, Any] | None,
    features: Mapping[str, Any] | None,
    quota: Quota | None,
    expire_time: datetime.datetime | None,
    delete_protection: bool | None,
) -> list[str]:
    """Sets what is given, and names it."""
    paths = []
    if display_name is not None:
        message.display_name = display_name
        paths.append("display_name")
    if aliases is not None:
        message.aliases.extend([aliases] if isinstance(aliases, str) else aliases)
        paths.append("aliases")
    if labels is not None:
        message.labels.update(labels)
        paths.append("labels")
    if settings is not None:
        message.settings.update(dict(settings))
        paths.append("settings")
    if features is not None:
        for name, value in features.items():
            _messages.set_value(message.features[name], value)
        paths.append("features")
    if quota is not None:
        message.quota.connections = quota.connections
        message.quota.storage_bytes = quota.storage_bytes
        statement_timeout = _duration(quota.statement_timeout)
        message.quota.statement_timeout.seconds = statement_timeout["seconds"]
        message.quota.statement_timeout.nanos = statement_timeout["nanos"]
        paths.append("quota")
    if expire_time is not None:
        stamp = _timestamp(expire_time)
        message.expire_time.seconds, message.expire_time.nanos = stamp["seconds"], stamp["nanos"]
        paths.append("expire_time")
    if delete_protection is not None:
        message.delete_protection = delete_protection
        paths.append("delete_protection")
    return paths


def create(
    tenant: str,
    *,
    display_name: str | None = None,
    aliases: Iterable[str] | None = None,
    labels: Mapping[str, str] | None = None,
    settings: Mapping[str, Any] | None = None,
    features: Mapping[str, Any] | None = None,
    extensions: Iterable[str] = (),
    locale: str = "",
    quota: Quota | None = None,
    expire_time: datetime.datetime | None = None,
    delete_protection: bool | None = None,
    host_selector: Mapping[str, str] | None = None,
    if_missing: bool = False,
) -> Call[Operation]:
    """Begins to create a tenant with a database of its own; :meth:`wait` for the operation before using it.

    :param host_selector: labels that its host must have.
    :param if_missing: answer with the operation that made the tenant when there is one already.
    :raises AlreadyExists:
    """
    message = _messages.message("Tenant")(extensions=list(extensions), locale=locale)
    _set_tenant(
        message, display_name, aliases, labels, settings, features, quota, expire_time, delete_protection
    )
    return _change(
        "TenantService/CreateTenant",
        tenant,
        tenant_id=tenant,
        tenant=message,
        host_selector=dict(host_selector or {}),
        if_missing=if_missing,
    )


def get(tenant: str) -> Call[Tenant]:
    """:raises TenantNotFound:"""
    return _call("TenantService/GetTenant", tenant, "Tenant", tenant_from, name=_tenant_name(tenant))


def update(
    tenant: str,
    *,
    display_name: str | None = None,
    aliases: Iterable[str] | None = None,
    labels: Mapping[str, str] | None = None,
    settings: Mapping[str, Any] | None = None,
    features: Mapping[str, Any] | None = None,
    quota: Quota | None = None,
    expire_time: datetime.datetime | None = None,
    delete_protection: bool | None = None,
    etag: str = "",
    confirm: str = "",
) -> Call[Tenant]:
    """Replaces what is given, each as a whole: ``labels={}`` takes all labels away.

    :param etag: of the tenant as it was read; a change since then is refused.
    :param confirm: the tenant's id, when ``expire_time`` is less than an hour away: it ends the tenant then.
    """
    message = _messages.message("Tenant")(name=_tenant_name(tenant), etag=etag)
    paths = _set_tenant(
        message, display_name, aliases, labels, settings, features, quota, expire_time, delete_protection
    )
    if not paths:
        raise ValueError("update: name at least one field")
    return _call(
        "TenantService/UpdateTenant",
        tenant,
        "Tenant",
        tenant_from,
        tenant=message,
        update_mask={"paths": paths},
        confirm=_confirmation(confirm),
    )


def suspend(tenant: str, *, read_only: bool = False, etag: str = "") -> Call[Operation]:
    """Keeps the application out, or with ``read_only`` all but logins of the role ``read_only``."""
    return _change(
        "TenantService/SuspendTenant", tenant, name=_tenant_name(tenant), mode=2 if read_only else 1, etag=etag
    )


def resume(tenant: str, *, etag: str = "") -> Call[Operation]:
    """Lets the application in again."""
    return _change("TenantService/ResumeTenant", tenant, name=_tenant_name(tenant), etag=etag)


def retire(tenant: str, *, grace: Seconds | None = None, etag: str = "", confirm: str = "") -> Call[Operation]:
    """Soft delete: closes the tenant and makes a final backup; :meth:`undelete` brings it back within ``grace``
    seconds (by default the control plane's 7 days), after which it is purged.

    :param confirm: the tenant's id, when ``grace`` is less than an hour.
    """
    fields = {} if grace is None else {"grace": _duration(grace)}
    return _change(
        "TenantService/RetireTenant", tenant, name=_tenant_name(tenant), etag=etag, confirm=_confirmation(confirm), **fields
    )


def undelete(tenant: str, *, etag: str = "") -> Call[Operation]:
    """Brings a retired tenant back."""
    return _change("TenantService/UndeleteTenant", tenant, name=_tenant_name(tenant), etag=etag)


def purge(
    tenant: str,
    *,
    confirm: str,
    waive_backup_reason: str = "",
    accept_incomplete_backup: str = "",
    etag: str = "",
) -> Call[Operation]:
    """Destroys a retired or failed tenant with its databases and backups. Nothing brings it back.

    :param confirm: the tenant's id.
    :param waive_backup_reason: purge without a proven final backup, for this recorded reason.
    :param accept_incomplete_backup: id of a final backup that is good enough although it is incomplete.
    """
    accepted = f"tenants/{tenant}/backups/{accept_incomplete_backup}" if accept_incomplete_backup else ""
    return _change(
        "TenantService/PurgeTenant",
        tenant,
        name=_tenant_name(tenant),
        confirm=_confirmation(confirm),
        waive_backup_reason=waive_backup_reason,
        accept_incomplete_backup=accepted,
        etag=etag,
    )


def restore(
    tenant: str, backup: str, *, as_tenant: str = "", host: str = "", allow_incomplete: bool = False, etag: str = ""
) -> Call[Operation]:
    """Restores a backup in place, as the tenant's next generation, or as the new tenant ``as_tenant``."""
    return _change(
        "TenantService/RestoreTenant",
        tenant,
        name=_tenant_name(tenant),
        backup=f"tenants/{tenant}/backups/{backup}",
        new_tenant_id=as_tenant,
        host=f"hosts/{host}" if host else "",
        allow_incomplete=allow_incomplete,
        etag=etag,
    )


def rotate(tenant: str, *, overlap: Seconds | None = None, etag: str = "") -> Call[Operation]:
    """Replaces the tenant's logins; the old ones go on working for ``overlap`` seconds (by default 5 minutes)."""
    fields = {} if overlap is None else {"overlap": _duration(overlap)}
    return _change("TenantService/RotateCredentials", tenant, name=_tenant_name(tenant), etag=etag, **fields)


def tenants_page(
    filter: str, selector: str, show_retired: bool, page_size: int, token: str
) -> Call[Page[Tenant]]:
    terms = [filter, _filter_of(selector)]
    return _call(
        "TenantService/ListTenants",
        "",
        "ListTenantsResponse",
        lambda answer: Page(tuple(map(tenant_from, answer.tenants)), answer.next_page_token),
        filter=" AND ".join(term for term in terms if term),
        show_retired=show_retired,
        page_size=page_size,
        page_token=token,
    )


def back_up(
    tenant: str, *, name: str = "", note: str = "", max_duration: Seconds | None = None
) -> Call[Operation]:
    """Begins a backup; the operation's ``result`` names it.

    :param name: such as ``before-2.4``: it stands for the backup's id, and keeps the backup from retention.
    :param note: what to know about it.
    """
    fields = {} if max_duration is None else {"max_duration": _duration(max_duration)}
    return _change(
        "BackupService/CreateBackup",
        tenant,
        parent=_tenant_name(tenant),
        given_name=name,
        note=note,
        **fields,
    )


def get_backup(tenant: str, backup: str) -> Call[Backup]:
    """:raises NotFound:"""
    return _call(
        "BackupService/GetBackup", tenant, "Backup", backup_from, name=f"tenants/{tenant}/backups/{backup}"
    )


def verify_backup(tenant: str, backup: str) -> Call[Operation]:
    """Restores it aside and compares; the backup's state then says what was found."""
    return _change("BackupService/VerifyBackup", tenant, name=f"tenants/{tenant}/backups/{backup}")


def delete_backup(tenant: str, backup: str) -> Call[Operation]:
    """Destroys one backup."""
    return _change("BackupService/DeleteBackup", tenant, name=f"tenants/{tenant}/backups/{backup}")


def backups_page(tenant: str, token: str) -> Call[Page[Backup]]:
    return _call(
        "BackupService/ListBackups",
        tenant,
        "ListBackupsResponse",
        lambda answer: Page(tuple(map(backup_from, answer.backups)), answer.next_page_token),
        parent=_tenant_name(tenant),
        page_token=token,
    )


def operation(id: str) -> Call[Operation]:
    """The operation as it is now. :raises NotFound:"""
    return _change("OperationService/GetOperation", id, name=f"operations/{id}")


def cancel(id: str) -> Call[Operation]:
    """Asks an operation to stop and to undo what it did."""
    return _change("OperationService/CancelOperation", id, name=f"operations/{id}")


def operations_page(filter: str, token: str) -> Call[Page[Operation]]:
    return _call(
        "OperationService/ListOperations",
        "",
        "ListOperationsResponse",
        lambda answer: Page(tuple(map(operation_from, answer.operations)), answer.next_page_token),
        filter=filter,
        page_token=token,
    )


def wait_operation(id: str, timeout: Seconds) -> Call[Operation]:
    return _change("OperationService/WaitOperation", id, name=f"operations/{id}", timeout=_duration(timeout))


def _filter_of(selector: str) -> str:
    """``app=shop,tier!=free,preview`` as ListTenants' filter has it. :raises ValueError:"""
    terms = []
    for term in filter(None, (part.strip() for part in selector.split(","))):
        key, operator, value = term.partition("!=" if "!=" in term else "=")
        key, value = key.strip(), value.strip()
        if not key or any(not (letter.isalnum() or letter in "._-") for letter in key + value):
            raise ValueError(f"selector: wants terms such as app=shop, tier!=free or preview, not {term!r}")
        terms.append(f'labels.{key} {operator} "{value}"' if operator else f"labels:{key}")
    return " AND ".join(terms)
