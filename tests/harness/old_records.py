"""A catalog that nobody used for days: what it has recorded is as old as that."""
import contextlib
import hashlib
import sqlite3

DAY = 24 * 3600 * 1_000_000  # as the catalog counts time
TIMES = {"operations": ("create_time", "update_time", "end_time"), "requests": ("time",), "events": ("time",)}


def age(catalog, days):
    """Operations, answers to request ids, events and the audit become `days` older, and all schedules are overdue. The audit
    is chained anew, as the control plane chains it. Nobody may have the file open."""
    microseconds = days * DAY
    make_schedules_due(catalog)
    with contextlib.closing(sqlite3.connect(catalog)) as file, file:
        for table, columns in TIMES.items():
            file.execute(f"UPDATE {table} SET " + ", ".join(f"{column} = {column} - {microseconds}" for column in columns))
        (previous,), = file.execute("SELECT coalesce((SELECT hash FROM audit_checkpoint), ?)", ("0" * 64,))
        rows = file.execute("SELECT sequence, time, caller, peer, method, resource, result, request_id, count FROM audit "
                            "ORDER BY sequence").fetchall()
        for sequence, time, *texts, count in rows:
            row = (sequence, time - microseconds, *texts, count)
            file.execute("UPDATE audit SET time = ?, previous_hash = ?, hash = ? WHERE sequence = ?",
                         (row[1], previous, _hash(previous, *row), sequence))
            previous = _hash(previous, *row)
        file.execute("UPDATE meta SET audit_hash = ?", (previous,))


def make_schedules_due(catalog):
    with contextlib.closing(sqlite3.connect(catalog)) as file, file:
        file.execute("UPDATE schedules SET next_time = CAST(strftime('%s', 'now') AS INTEGER) * 1000000")


def _hash(previous, sequence, time, *rest):
    *texts, count = rest
    numbers = [sequence, time] + ([count] if count != 1 else [])
    first, second, *last = [number.to_bytes(8, "big") for number in numbers]
    encoded = _text(previous) + first + second + b"".join(_text(text) for text in texts) + b"".join(last)
    return hashlib.sha256(encoded).hexdigest()


def _text(text):
    encoded = text.encode()
    return len(encoded).to_bytes(8, "big") + encoded
