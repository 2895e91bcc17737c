"""The wire contract's messages, made at run time from descriptors in a pool of their own.

Generated code binds to the protobuf version that generated it and registers its names for the whole process;
descriptors do neither.
"""

from __future__ import annotations

import json
import os
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory

_DESCRIPTORS = os.path.join(os.path.dirname(__file__), "api.descriptors")


def _load_pool() -> descriptor_pool.DescriptorPool:
    pool = descriptor_pool.DescriptorPool()
    files = descriptor_pb2.FileDescriptorSet()
    with open(_DESCRIPTORS, "rb") as file:
        files.ParseFromString(file.read())
    for one in files.file:
        pool.Add(one)
    return pool


_POOL = _load_pool()


def message(name: str) -> Any:
    """The class of the message ``croft.v1.NAME``."""
    descriptor = _POOL.FindMessageTypeByName("croft.v1." + name)
    if hasattr(message_factory, "GetMessageClass"):
        return message_factory.GetMessageClass(descriptor)
    return message_factory.MessageFactory(_POOL).GetPrototype(descriptor)


LookupRequest = message("LookupRequest")
LookupResponse = message("LookupResponse")
WatchPlacementsRequest = message("WatchPlacementsRequest")
WatchPlacementsResponse = message("WatchPlacementsResponse")
Status = message("Status")
ErrorInfo = message("ErrorInfo")

ROLES = {"app": 1, "read_only": 2, "migrate": 3}
PURPOSES = {"direct": 1, "pooled": 2, "read_replica": 3}


def id_of(name: str) -> str:
    """`acme` of `tenants/acme`."""
    return name.partition("/")[2]


def reason_of(status: Any) -> str:
    """The reason in a ``Status``' details, or an empty string."""
    for detail in status.details:
        if detail.type_url.endswith(".ErrorInfo"):
            return str(ErrorInfo.FromString(detail.value).reason)
    return ""


def reason_in_trailers(metadata: Any) -> str:
    """The reason that a failed call's trailing metadata carries, or an empty string."""
    for key, value in metadata or ():
        if key == "grpc-status-details-bin":
            return reason_of(Status.FromString(value))
    return ""


def enum_name(kind: Any, field: str) -> str:
    """The name of a message's enum value without the enum's prefix, such as ``READY``; empty for the unspecified."""
    descriptor = kind.DESCRIPTOR.fields_by_name[field].enum_type
    prefix = descriptor.values[0].name.removesuffix("UNSPECIFIED")
    value = descriptor.values_by_number.get(getattr(kind, field))
    name = value.name.removeprefix(prefix) if value is not None else str(getattr(kind, field))
    return "" if name == "UNSPECIFIED" else str(name)


def to_dict(struct: Any) -> dict[str, Any]:
    """A ``google.protobuf.Struct`` as plain values."""
    values: dict[str, Any] = json.loads(json_format.MessageToJson(struct))
    return values


def set_value(message: Any, value: bool | int | float | str) -> None:
    """Makes ``message``, a ``google.protobuf.Value``, hold a scalar. :raises TypeError: for anything else."""
    if isinstance(value, bool):
        message.bool_value = value
    elif isinstance(value, (int, float)):
        message.number_value = value
    elif isinstance(value, str):
        message.string_value = value
    else:
        raise TypeError(f"a feature is a bool, a number or a string, not {type(value).__name__}")


def value_of(value: Any) -> Any:
    """A ``google.protobuf.Value`` that is a scalar, as Python has it."""
    kind = value.WhichOneof("kind")
    return None if kind in (None, "null_value") else getattr(value, kind)
