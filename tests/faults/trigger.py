"""The file through which a daemon's shim (shim.cc) is told when to fail and tells how far it is."""
import mmap
import os
import struct

KILL_ITSELF, KILL_OTHER, STOP_ITSELF = range(3)
KINDS = ("syncs", "renames", "sends", "changes")

_FIELDS = ("armed", "at", "action", "other", "writes", "count", "fired", *KINDS)
_WORD = struct.Struct("=Q")


class Trigger:
    def __init__(self, path):
        self.path = path
        with open(os.open(path, os.O_CREAT | os.O_RDWR, 0o600), "wb+") as file:
            file.write(bytes(mmap.PAGESIZE))
            file.flush()
            self._memory = mmap.mmap(file.fileno(), mmap.PAGESIZE)

    def environment(self, program):
        """What to start `program` with."""
        return {"CROFT_FAULTS_FILE": self.path, "CROFT_FAULTS_PROGRAM": program}

    def arm(self, at, action=KILL_ITSELF, other=0, writes=False):
        """From now on calls are counted, with `writes` also those that only change a file; at the one numbered `at`, 0 for
        none, `action` is taken."""
        self.disarm()
        for field in _FIELDS:
            self._write(field, 0)
        self._write("at", at)
        self._write("action", action)
        self._write("other", other)
        self._write("writes", int(writes))
        self._write("armed", 1)

    def disarm(self):
        self._write("armed", 0)

    @property
    def count(self):
        return self._read("count")

    @property
    def fired(self):
        return self._read("fired") != 0

    def kinds(self):
        return {kind: self._read(kind) for kind in KINDS}

    def close(self):
        self._memory.close()

    def _read(self, field):
        return _WORD.unpack_from(self._memory, _FIELDS.index(field) * _WORD.size)[0]

    def _write(self, field, value):
        _WORD.pack_into(self._memory, _FIELDS.index(field) * _WORD.size, value)
