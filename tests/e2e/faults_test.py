"""Hosts away, PostgreSQL down, daemons killed in the middle: operations end or visibly wait, nothing is lost."""
import collections
import concurrent.futures
import json
import os
import signal
import subprocess
import uuid

import grpc
import pytest
from cluster import BIN, Cluster, running, wait_until
from grpc import StatusCode


@pytest.fixture(scope="module", name="cluster")
def running_cluster():
    with Cluster(agents=1) as cluster:
        cluster.create_tenant("acme")
        cluster.psql("acme", "CREATE TABLE t AS SELECT i FROM generate_series(1, 1000) AS i")
        yield cluster


def dispatched(cluster, operation):
    return any(step.state == step.STATE_DISPATCHED for step in cluster.operation(operation.name).steps)


def settled(cluster):
    """All tenants, once nothing is left to be done about any."""
    listed = cluster.call("TenantService.ListTenants")
    return None if any(tenant.conditions for tenant in listed.tenants) else listed


def rows(cluster):
    return cluster.psql("acme", "SELECT count(*) FROM t")


def test_an_operation_on_a_host_that_went_silent_waits_visibly_and_ends_when_it_is_back(cluster):
    os.kill(cluster.pid("h1"), signal.SIGSTOP)
    operation = cluster.call("TenantService.CreateTenant", tenant_id="silent")
    try:
        wait_until(lambda: cluster.host_state("h1") == "STATE_AWAY", "h1 is away", 90)
        waiting = wait_until(lambda: cluster.operation(operation.name).progress, "the operation says what it waits for")
        assert "h1" in waiting
        assert not cluster.operation(operation.name).done
        assert cluster.tenant("silent").State.Name(cluster.tenant("silent").state) == "STATE_CREATING"
        assert cluster.refused("LookupService.Lookup", tenant="silent").reason == "TENANT_NOT_READY"
        assert rows(cluster) == "1000"
    finally:
        os.kill(cluster.pid("h1"), signal.SIGCONT)
    cluster.succeed(operation)
    assert cluster.psql("silent", "SELECT 1") == "1"


def test_an_agent_killed_in_the_middle_of_a_create_goes_on_when_it_is_back(cluster):
    operation = cluster.call("TenantService.CreateTenant", tenant_id="killed")
    wait_until(lambda: dispatched(cluster, operation) or cluster.operation(operation.name).done, "the task is sent")
    cluster.kill("h1")
    cluster.start("h1")
    cluster.succeed(operation)
    assert cluster.psql("killed", "SELECT 1") == "1"


def test_a_control_plane_killed_in_the_middle_of_a_create_goes_on_when_it_is_back(cluster):
    os.kill(cluster.pid("h1"), signal.SIGSTOP)
    operation = cluster.call("TenantService.CreateTenant", tenant_id="interrupted")
    cluster.kill("croftd")
    os.kill(cluster.pid("h1"), signal.SIGCONT)
    cluster.start("croftd", "h1")
    cluster.succeed(operation)
    assert cluster.psql("interrupted", "SELECT 1") == "1"
    assert rows(cluster) == "1000"


CREATED = ["croft.operation.started", "croft.tenant.creating", "croft.tenant.created", "croft.operation.succeeded"]


def create_over_kills(cluster, tenant):
    """Asks for the tenant until its operation is done, also while the control plane is away."""
    request_id = str(uuid.uuid4())

    def ask():
        try:
            operation = cluster.call("TenantService.CreateTenant", tenant_id=tenant, request_id=request_id)
        except (grpc.RpcError, ValueError):  # a channel that was closed because of a kill is the second
            return None
        return operation if operation.done else None
    ended = wait_until(ask, f"{tenant} is made", 120)
    assert ended.state == ended.STATE_SUCCEEDED, ended


def test_events_are_neither_lost_nor_doubled_while_the_control_plane_is_killed(cluster, tmp_path):
    """A watcher follows three kills of the control plane during creates; what it printed is the log, each event once."""
    told = tmp_path / "events"
    start = str(cluster.call("EventService.ListEvents", type_prefix="croft.none").position)
    with open(told, "w", encoding="utf-8") as out:
        watcher = subprocess.Popen(  # pylint: disable=consider-using-with
            [os.path.join(BIN, "croftctl"), "events", "--watch", "--since", start, "-o", "json"],
            env={**os.environ, **cluster.env}, stdout=out, stderr=subprocess.DEVNULL)
        try:
            with concurrent.futures.ThreadPoolExecutor(4) as pool:
                tenants = [f"told-{number}" for number in range(12)]
                made = [pool.submit(create_over_kills, cluster, tenant) for tenant in tenants]
                for count in (2, 5, 8):
                    wait_until(lambda n=count: sum(one.done() for one in made) >= n, f"{count} tenants are made")
                    cluster.kill("croftd")
                    cluster.start("croftd")
                for one in made:
                    one.result()
            log = wait_until(lambda: whole_log(cluster, int(start), told), "the watcher has printed all of the log")
        finally:
            watcher.send_signal(signal.SIGINT)
            assert watcher.wait(20) == 130
    assert len({event["id"] for event in log}) == len(log)
    of_tenant = collections.defaultdict(list)
    for event in log:
        of_tenant[event.get("tenant")].append(event["type"])
    for tenant in tenants:
        assert of_tenant["tenants/" + tenant] == CREATED, tenant
    assert {event["source"] for event in log} == {log[0]["source"]}


def whole_log(cluster, start, told):
    """All events of the log after `start`, once the watcher has printed them and nothing else."""
    listed = cluster.call("EventService.ListEvents", after_position=start, page_size=1000)
    printed = [json.loads(line) for line in told.read_text(encoding="utf-8").splitlines()]
    return printed if [event["id"] for event in printed] == [event.id for event in listed.events] else None


def test_a_tenant_under_work_is_busy_and_its_holder_is_named(cluster):
    os.kill(cluster.pid("h1"), signal.SIGSTOP)
    try:
        operation = cluster.call("TenantService.RotateCredentials", name="tenants/acme", overlap={"seconds": 1})
        error = cluster.refused("TenantService.SuspendTenant", name="tenants/acme")
        assert (error.code, error.reason) == (StatusCode.ABORTED, "TENANT_BUSY")
        assert operation.name.partition("/")[2] in error.message + str(error.metadata)
        assert cluster.tenant("acme").current_operation == operation.name
    finally:
        os.kill(cluster.pid("h1"), signal.SIGCONT)
    cluster.succeed(operation)
    assert rows(cluster) == "1000"


def test_a_postgres_that_was_killed_is_back_and_operations_on_it_end(cluster):
    pid = cluster.postgres_pid("h1")
    os.kill(pid, signal.SIGQUIT)  # ends at once, without a shutdown checkpoint
    wait_until(lambda: not running(pid), "PostgreSQL has ended")
    cluster.keep_servers()
    if cluster.external():
        # An agent that has seen it down takes no new tenants until it has seen it up; its own server it starts before it says so.
        wait_until(lambda: cluster.call("HostService.GetHost", name="hosts/h1").postgres_up, "PostgreSQL is known to be up")
    operation = cluster.call("TenantService.CreateTenant", tenant_id="phoenix")
    cluster.succeed(operation)
    assert cluster.postgres_pid("h1") != pid
    assert cluster.psql("phoenix", "SELECT 1") == "1"
    assert rows(cluster) == "1000"


def test_everything_is_as_before_after_all_daemons_and_postgres_were_killed(cluster):
    wait_until(lambda: cluster.call("HostService.GetHost", name="hosts/h1").postgres_up, "PostgreSQL is known to be up")
    tenants = wait_until(lambda: settled(cluster), "no tenant has a condition, such as a login that still ends")
    pid = cluster.postgres_pid("h1")
    os.kill(pid, signal.SIGQUIT)
    cluster.kill("croftd")
    cluster.kill("h1")
    wait_until(lambda: not running(pid), "PostgreSQL has ended")
    cluster.keep_servers()
    cluster.start("croftd", "h1")  # waits until PostgreSQL is known to be up
    # Conditions are observed anew after a start.
    wait_until(lambda: cluster.call("TenantService.ListTenants") == tenants, "all tenants are as they were")
    assert rows(cluster) == "1000"
