"""deploy/quickstart called again: it starts what has ended, and leaves alone what runs."""
import os
import signal

import pytest
from cell import BIN, TOP, Cell, run, running, wait_until


@pytest.fixture(scope="module", name="cell")
def running_cell():
    with Cell(agents=2) as cell:
        yield cell


def quickstart(cell):
    return run([os.path.join(TOP, "deploy", "quickstart"), "--state", cell.state, "--bin", BIN, "--no-tour"])


def test_it_starts_again_what_ended(cell):
    before = {name: cell.pid(name) for name in cell.names()}
    for name in ("croftd", "h2"):
        os.kill(cell.pid(name), signal.SIGKILL)
    wait_until(lambda: not running(before["croftd"]) and not running(before["h2"]), "both are gone")
    told = quickstart(cell)
    assert "croftd h2 ended" in told and "Starting croftd h2 again" in told
    assert {name: cell.pid(name) == pid for name, pid in before.items()} == {"croftd": False, "h1": True, "h2": False}
    wait_until(lambda: [cell.host_state(host) for host in cell.hosts()] == ["STATE_UP"] * 2, "both hosts are up")


def test_it_changes_nothing_where_all_runs(cell):
    before = {name: cell.pid(name) for name in cell.names()}
    assert "Croft is running already" in quickstart(cell)
    assert {name: cell.pid(name) for name in cell.names()} == before
