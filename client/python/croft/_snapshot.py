"""The last known placements in a file, so that a process that starts while the control plane is away finds its
tenants. Sealed under a key derived from the identity's own secret: whoever cannot ask the control plane cannot
read it either."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import tempfile
from typing import Any

from croft._cache import Knowledge
from croft.placement import Placement

_CONTEXT = b"croft python placement snapshot 1"
_NONCE_BYTES = 24


class SnapshotFile:
    def __init__(self, path: str, secret: bytes, view: str) -> None:
        try:
            from nacl import bindings
        except ImportError as error:  # pragma: no cover - depends on what is installed
            raise ImportError("snapshot_file needs PyNaCl: install croft[snapshot]") from error
        self._nacl = bindings
        self._path = path
        self._key = hashlib.sha256(_CONTEXT + secret).digest()
        self._context = _CONTEXT + b" " + view.encode()

    def write(self, entries: list[tuple[tuple[str, ...], Knowledge]]) -> None:
        """Replaces the file as a whole, mode 0600."""
        plain = json.dumps([_to_json(aliases, known.placement) for aliases, known in entries if known.placement])
        nonce = os.urandom(_NONCE_BYTES)
        sealed = nonce + self._nacl.crypto_aead_xchacha20poly1305_ietf_encrypt(
            plain.encode(), self._context, nonce, self._key
        )
        handle, temporary = tempfile.mkstemp(dir=os.path.dirname(os.path.abspath(self._path)))
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(sealed)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, self._path)
        except BaseException:
            os.unlink(temporary)
            raise

    def read(self) -> list[tuple[tuple[str, ...], Knowledge]]:
        """What the file holds; nothing when there is none or it is not ours to open."""
        try:
            with open(self._path, "rb") as file:
                facts = os.fstat(file.fileno())
                if facts.st_mode & 0o077 or facts.st_uid != os.geteuid():
                    return []
                sealed = file.read()
            plain = self._nacl.crypto_aead_xchacha20poly1305_ietf_decrypt(
                sealed[_NONCE_BYTES:], self._context, sealed[:_NONCE_BYTES], self._key
            )
            return [_from_json(entry) for entry in json.loads(plain)]
        except (OSError, ValueError, TypeError, KeyError, self._nacl_error()):
            return []

    @staticmethod
    def _nacl_error() -> type[Exception]:
        from nacl.exceptions import CryptoError

        return CryptoError


def _to_json(aliases: tuple[str, ...], placement: Placement) -> dict[str, object]:
    fields = dataclasses.asdict(placement)
    del fields["key"]
    return fields | {"aliases": list(aliases)}


def _from_json(entry: dict[str, Any]) -> tuple[tuple[str, ...], Knowledge]:
    aliases = tuple(entry.pop("aliases"))
    placement = Placement(**entry)
    return aliases, Knowledge(placement, None, placement.generation, placement.epoch, placement.revision, 0.0, 0.0)
