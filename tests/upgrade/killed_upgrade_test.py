"""An upgrade that is killed: catalogs/ holds one of each earlier schema, as that version's croftd left it with tenants in
every state and an operation under way (record makes them). None is lost, and each next start brings it to the newest."""
import contextlib
import glob
import os
import sqlite3

import pytest
from cluster import BIN, run
from kills import Kills
from state import Catalog, StateFolder

HERE = os.path.dirname(os.path.abspath(__file__))
CATALOGS = sorted(glob.glob(os.path.join(HERE, "catalogs", "*.sql")))


def make(path, dump):
    """A catalog of the statements in `dump`, at home on this machine."""
    with open(dump, encoding="utf-8") as script, contextlib.closing(sqlite3.connect(path)) as file:
        file.executescript(script.read())
        with open("/etc/machine-id", encoding="ascii") as machine:
            file.execute("UPDATE meta SET machine_id = ?, inode = ?", (machine.read().strip(), os.stat(path).st_ino))
        file.commit()
        file.execute("PRAGMA journal_mode = WAL")
    os.chmod(path, 0o600)


@pytest.mark.parametrize("dump", CATALOGS, ids=os.path.basename)
def test_upgrade_that_is_killed_at_any_step_goes_on_and_loses_nothing(dump, tmp_path):
    state = str(tmp_path / "croftd")
    run([os.path.join(BIN, "croftd"), "init", "--config", "/dev/null", "--state", state])
    make(os.path.join(state, "catalog.db"), dump)
    old = Catalog(os.path.join(state, "catalog.db"))
    assert {row[0] for row in old.tables["operations"].project(["state"])} >= {"RUNNING", "SUCCEEDED"}
    command = [os.path.join(BIN, "croftd"), "serve", "--config", "/dev/null", "--log-format", "json", "--state", state,
               "--listen", "127.0.0.1:0", "--metrics-listen", "off"]
    every_write = bool(os.environ.get("CROFT_KILL_AT_WRITES"))
    steps, unchanged = Kills(BIN, StateFolder(state), command, tmp_path).at_every_step(every_write)
    print(f"{steps} steps, {unchanged} before the catalog was upgraded")
    assert 0 < unchanged < steps
