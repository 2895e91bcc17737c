"""A catalog with very many tenants: the rows of one tenant, copied in the file itself, whatever its schema is."""
import contextlib
import sqlite3

HOST = "elsewhere"


def plant(path, tenant, count):
    """`count` tenants more, each like the READY `tenant` with its labels, its logins and the operation that created it, on a
    host HOST that nobody ever hears of. No control plane may have the file open."""
    with contextlib.closing(sqlite3.connect(path)) as file, file:
        file.execute("CREATE TEMP TABLE numbers (n INTEGER PRIMARY KEY, tenant TEXT, uid TEXT)")
        file.executemany("INSERT INTO numbers VALUES (?, ?, ?)",
                         ((number, planted(number), uid(number)) for number in range(1, count + 1)))
        (host, creation), = file.execute("SELECT host, create_operation FROM tenants WHERE id = ?", (tenant,))
        (begun,), = file.execute("SELECT position FROM operations WHERE id = ?", (creation,))
        (last,), = file.execute("SELECT max(position) FROM operations")
        _copy(file, "hosts", f"old.id = '{host}'",
              {"id": f"'{HOST}'", "uid": f"'{HOST}'", "up": "0", "certificate_fingerprint": "''", "databases_reserved": count})
        own_names = {column: f"replace(old.{column}, old.uid, numbers.uid)"
                     for column in ("database_name", "owner_role", "reader_role")}
        _copy_each(file, "tenants", f"old.id = '{tenant}'",
                   {"id": "numbers.tenant", "uid": "numbers.uid", "host": f"'{HOST}'",
                    "create_operation": "'op-' || numbers.uid", **own_names})
        _copy_each(file, "credentials", f"old.tenant = '{tenant}'",
                   {"tenant": "numbers.tenant", "login": "'t_' || numbers.uid || substr(old.login, -3)"})
        _copy_each(file, "tenant_labels", f"old.tenant = '{tenant}'", {"tenant": "numbers.tenant"})
        _copy_each(file, "operations", f"old.position = {begun}",
                   {"position": f"{last} + n", "id": "'op-' || numbers.uid", "tenant": "numbers.tenant"})
        _copy_each(file, "steps", f"old.operation = {begun}", {"operation": f"{last} + n"})
        file.execute("UPDATE meta SET tenants = tenants + ?", (count,))


def planted(number):
    """The id of a planted tenant, from 1."""
    return f"planted-{number:08}"


def uid(number):
    """Of the shape that Croft gives. They rise, so that indexes are written in their order."""
    return f"{number:016}".translate(str.maketrans("0123456789", "abcdefghij"))


def _copy_each(file, table, which, new):
    _copy(file, table, which, new, "CROSS JOIN numbers ORDER BY n")


def _copy(file, table, which, new, also=""):
    """Copies the rows `which` of a table; `new` are SQL expressions for columns that differ."""
    columns = [row[1] for row in file.execute(f"PRAGMA table_info({table})")]
    values = ", ".join(str(new.get(column, f"old.{column}")) for column in columns)
    file.execute(f"INSERT INTO {table} SELECT {values} FROM (SELECT * FROM {table} AS old WHERE {which}) AS old {also}")
