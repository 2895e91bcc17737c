"""The wire contract's messages, made at run time from descriptors in a pool of their own.

Generated code binds to the protobuf version that generated it and registers its names for the whole process;
descriptors do neither.
"""

from __future__ import annotations

import json
import os
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory

_DESCRIPTORS = os.path.join(os.path.dirname(__file__), "lookup.descriptors")


def _load_pool() -> descriptor_pool.DescriptorPool:
    pool = descriptor_pool.DescriptorPool()
    files = descriptor_pb2.FileDescriptorSet()
    with open(_DESCRIPTORS, "rb") as file:
        files.ParseFromString(file.read())
    for one in files.file:
        pool.Add(one)
    return pool


_POOL = _load_pool()


def _message(name: str) -> Any:
    descriptor = _POOL.FindMessageTypeByName(name)
    if hasattr(message_factory, "GetMessageClass"):
        return message_factory.GetMessageClass(descriptor)
    return message_factory.MessageFactory(_POOL).GetPrototype(descriptor)


LookupRequest = _message("croft.v1.LookupRequest")
LookupResponse = _message("croft.v1.LookupResponse")
WatchPlacementsRequest = _message("croft.v1.WatchPlacementsRequest")
WatchPlacementsResponse = _message("croft.v1.WatchPlacementsResponse")
Status = _message("croft.v1.Status")
ErrorInfo = _message("croft.v1.ErrorInfo")

ROLES = {"app": 1, "read_only": 2, "migrate": 3}
PURPOSES = {"direct": 1, "pooled": 2, "read_replica": 3}


def reason_of(status: Any) -> str:
    """The reason in a ``Status``' details, or an empty string."""
    for detail in status.details:
        if detail.type_url.endswith("/google.rpc.ErrorInfo"):
            return ErrorInfo.FromString(detail.value).reason
    return ""


def reason_in_trailers(metadata: Any) -> str:
    """The reason that a failed call's trailing metadata carries, or an empty string."""
    for key, value in metadata or ():
        if key == "grpc-status-details-bin":
            return reason_of(Status.FromString(value))
    return ""


def to_dict(struct: Any) -> dict[str, Any]:
    """A ``google.protobuf.Struct`` as plain values."""
    return json.loads(json_format.MessageToJson(struct))


def value_of(value: Any) -> Any:
    """A ``google.protobuf.Value`` that is a scalar, as Python has it."""
    kind = value.WhichOneof("kind")
    return None if kind in (None, "null_value") else getattr(value, kind)
