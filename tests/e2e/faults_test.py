"""Hosts away, PostgreSQL down, daemons killed in the middle: operations end or visibly wait, nothing is lost."""
import os
import signal

import pytest
from cell import Cell, running, wait_until
from grpc import StatusCode


@pytest.fixture(scope="module", name="cell")
def running_cell():
    with Cell(agents=1) as cell:
        cell.create_tenant("acme")
        cell.psql("acme", "CREATE TABLE t AS SELECT i FROM generate_series(1, 1000) AS i")
        yield cell


def dispatched(cell, operation):
    return any(step.state == step.STATE_DISPATCHED for step in cell.operation(operation.name).steps)


def rows(cell):
    return cell.psql("acme", "SELECT count(*) FROM t")


def test_an_operation_on_a_host_that_went_silent_waits_visibly_and_ends_when_it_is_back(cell):
    os.kill(cell.pid("h1"), signal.SIGSTOP)
    operation = cell.call("TenantService.CreateTenant", tenant_id="silent")
    try:
        wait_until(lambda: cell.host_state("h1") == "STATE_AWAY", "h1 is away", 90)
        waiting = wait_until(lambda: cell.operation(operation.name).progress, "the operation says what it waits for")
        assert "h1" in waiting
        assert not cell.operation(operation.name).done
        assert cell.tenant("silent").State.Name(cell.tenant("silent").state) == "STATE_CREATING"
        assert cell.refused("LookupService.Lookup", tenant="silent").reason == "TENANT_NOT_READY"
        assert rows(cell) == "1000"
    finally:
        os.kill(cell.pid("h1"), signal.SIGCONT)
    cell.succeed(operation)
    assert cell.psql("silent", "SELECT 1") == "1"


def test_an_agent_killed_in_the_middle_of_a_create_goes_on_when_it_is_back(cell):
    operation = cell.call("TenantService.CreateTenant", tenant_id="killed")
    wait_until(lambda: dispatched(cell, operation) or cell.operation(operation.name).done, "the task is sent")
    cell.kill("h1")
    cell.start("h1")
    cell.succeed(operation)
    assert cell.psql("killed", "SELECT 1") == "1"


def test_a_control_plane_killed_in_the_middle_of_a_create_goes_on_when_it_is_back(cell):
    os.kill(cell.pid("h1"), signal.SIGSTOP)
    operation = cell.call("TenantService.CreateTenant", tenant_id="interrupted")
    cell.kill("croftd")
    os.kill(cell.pid("h1"), signal.SIGCONT)
    cell.start("croftd", "h1")
    cell.succeed(operation)
    assert cell.psql("interrupted", "SELECT 1") == "1"
    assert rows(cell) == "1000"


def test_a_tenant_under_work_is_busy_and_its_holder_is_named(cell):
    os.kill(cell.pid("h1"), signal.SIGSTOP)
    try:
        operation = cell.call("TenantService.RotateCredentials", name="tenants/acme", overlap={"seconds": 1})
        error = cell.refused("TenantService.SuspendTenant", name="tenants/acme")
        assert (error.code, error.reason) == (StatusCode.ABORTED, "TENANT_BUSY")
        assert operation.name.partition("/")[2] in error.message + str(error.metadata)
        assert cell.tenant("acme").current_operation == operation.name
    finally:
        os.kill(cell.pid("h1"), signal.SIGCONT)
    cell.succeed(operation)
    assert rows(cell) == "1000"


def test_a_postgres_that_was_killed_is_back_and_operations_on_it_end(cell):
    pid = cell.postgres_pid("h1")
    os.kill(pid, signal.SIGQUIT)  # ends at once, without a shutdown checkpoint
    wait_until(lambda: not running(pid), "PostgreSQL has ended")
    cell.keep_servers()
    operation = cell.call("TenantService.CreateTenant", tenant_id="phoenix")
    cell.succeed(operation)
    assert cell.postgres_pid("h1") != pid
    assert cell.psql("phoenix", "SELECT 1") == "1"
    assert rows(cell) == "1000"


def test_everything_is_as_before_after_all_daemons_and_postgres_were_killed(cell):
    wait_until(lambda: cell.call("HostService.GetHost", name="hosts/h1").postgres_up, "PostgreSQL is known to be up")
    tenants = cell.call("TenantService.ListTenants")
    pid = cell.postgres_pid("h1")
    os.kill(pid, signal.SIGQUIT)
    cell.kill("croftd")
    cell.kill("h1")
    wait_until(lambda: not running(pid), "PostgreSQL has ended")
    cell.keep_servers()
    cell.start("croftd", "h1")  # waits until PostgreSQL is known to be up
    # Conditions are observed anew after a start.
    wait_until(lambda: cell.call("TenantService.ListTenants") == tenants, "all tenants are as they were")
    assert rows(cell) == "1000"
