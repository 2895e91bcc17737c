"""The state folder of a control plane: laid out again as it was, and read past all of Croft."""
import collections
import contextlib
import hashlib
import os
import shutil
import sqlite3
import tempfile


class StateFolder:
    """Remembers a folder as it is now."""

    def __init__(self, path):
        self.path = path
        self._files = {name: _read(os.path.join(path, name)) for name in _names(path)}

    @property
    def catalog(self):
        return os.path.join(self.path, "catalog.db")

    def lay(self):
        """Makes it again what it was. Files keep their inodes: by its catalog's the control plane knows that it is no copy."""
        for name in _names(self.path) - set(self._files):
            os.unlink(os.path.join(self.path, name))
        for name, content in self._files.items():
            path = os.path.join(self.path, name)
            if not os.path.exists(path) or _read(path) != content:
                with open(path, "wb") as file:
                    file.write(content)


def digests(path):
    """{file: SHA-256} of all that a daemon must not change when it refuses to start. Locks name their last holder; opening a
    catalog makes its log, with nothing in it."""
    contents = {name: _read(os.path.join(path, name)) for name in _names(path) if not name.endswith((".lock", "-shm"))}
    return {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()
            if content or not name.endswith("-wal")}


class Catalog:
    """What a catalog's file holds, read while nobody has it open."""

    def __init__(self, path):
        with tempfile.TemporaryDirectory() as folder:
            for suffix in ("", "-wal"):
                if os.path.exists(path + suffix):
                    shutil.copy(path + suffix, os.path.join(folder, "catalog.db" + suffix))
            with contextlib.closing(sqlite3.connect(os.path.join(folder, "catalog.db"))) as file:
                self.integrity = file.execute("PRAGMA integrity_check").fetchone()[0]
                self.schema = file.execute("PRAGMA user_version").fetchone()[0]
                self.tables = {table: _Table(file, table) for (table,) in file.execute(
                    "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'").fetchall()}

    def __eq__(self, other):
        return (self.integrity, self.schema, self.tables) == (other.integrity, other.schema, other.tables)

    def missing(self, of, changing):
        """The rows of the catalog `of` that are not here, as {table: rows}. Columns that only one of the two has do not count,
        nor do those of `changing`; more rows may have come."""
        found = {}
        for name, table in of.tables.items():
            here = self.tables[name]
            columns = [column for column in table.columns if column in here.columns and
                       column not in changing.get(name, ())]
            gone = table.project(columns) - here.project(columns)
            if gone:
                found[name] = list(gone)
        return found


class _Table:
    def __init__(self, file, name):
        rows = file.execute(f'SELECT * FROM "{name}"')
        self.columns = [column[0] for column in rows.description]
        self.rows = rows.fetchall()

    def __eq__(self, other):
        return self.columns == other.columns and self.project(self.columns) == other.project(self.columns)

    def project(self, columns):
        at = [self.columns.index(column) for column in columns]
        return collections.Counter(tuple(row[i] for i in at) for row in self.rows)


def _names(path):
    """Of all files below a folder; sockets are none."""
    return {os.path.relpath(os.path.join(folder, name), path) for folder, _, names in os.walk(path) for name in names
            if os.path.isfile(os.path.join(folder, name))}


def _read(path):
    with open(path, "rb") as file:
        return file.read()
