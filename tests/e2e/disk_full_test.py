"""A backup store without room. Needs root, to mount one of a size."""
import os

import pytest
from cell import Cell, wait_until

MEBIBYTE = 1 << 20


@pytest.fixture(name="cell")
def running_cell():
    with Cell(agents=1, before_start=lambda cell: cell.mount_disk(store(cell), 1)) as cell:
        yield cell


def store(cell):
    return os.path.join(cell.state, "backups")


def test_a_backup_that_does_not_fit_ends_or_waits_and_nothing_is_lost(cell):
    cell.create_tenant("acme")
    # Random, so that it does not compress; in pieces small enough for one row.
    cell.psql("acme", "CREATE TABLE noise AS SELECT i, gen_random_uuid() AS a, gen_random_uuid() AS b, "
                      "gen_random_uuid() AS c, gen_random_uuid() AS d FROM generate_series(1, 60000) AS i")
    operation = cell.call("BackupService.CreateBackup", parent="tenants/acme")
    seen = wait_until(lambda: settled(cell.operation(operation.name)), "the operation ends or says what is wrong")
    assert "space" in seen or "full" in seen, seen
    backups = cell.call("BackupService.ListBackups", parent="tenants/acme").backups
    assert not [b for b in backups if b.state in (b.STATE_AVAILABLE, b.STATE_VERIFIED)], backups
    assert cell.tenant("acme").state == cell.tenant("acme").STATE_READY
    assert cell.psql("acme", "SELECT count(*) FROM noise") == "60000"

    cell.resize(store(cell), 64 << 10)
    if not cell.operation(operation.name).done:
        cell.succeed(operation)
    else:
        cell.succeed(cell.call("BackupService.CreateBackup", parent="tenants/acme"))
    newest = cell.call("BackupService.ListBackups", parent="tenants/acme").backups[0]
    assert (newest.state, newest.row_count) == (newest.STATE_AVAILABLE, 60000)
    assert newest.size_bytes > MEBIBYTE


def settled(operation):
    """What a running operation says of its trouble, or how it ended."""
    if operation.done:
        return f"{operation.State.Name(operation.state)}: {operation.error.message}".lower()
    said = operation.progress + " ".join(step.message for step in operation.steps)
    return said.lower() if "space" in said.lower() or "full" in said.lower() else None
