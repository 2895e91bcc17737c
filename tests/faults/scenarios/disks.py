"""Disks without room."""
import os
import shutil

import grpc
from cluster import running, wait_until
from field import HOST, expect
from scenarios.common import at_rest, stop_postgres

SMALL = 16  # mebibytes
NO_ROOM = ("no room", "No space left on device")
# Pages of a tenant that do not compress: some three mebibytes.
NOISE = "CREATE TABLE noise AS SELECT i, gen_random_uuid() AS a, gen_random_uuid() AS b FROM generate_series(1, 60000) AS i"


def catalog_disk(place):
    """The control plane ends with a sentence; where there is room again, all that it acknowledged comes to pass."""
    field, cluster = place.field, place.cluster
    folder = os.path.join(cluster.state, "croftd")
    field.kill("croftd")
    move_to_small_disk(cluster, folder)
    field.launch("croftd", "--take-over")  # the catalog lies in another file now
    wait_until(field.host_is_up, "the host is up")
    seen, pid = field.log_size("croftd"), cluster.pid("croftd")
    leave(cluster, folder, kibibytes=400)
    acknowledged = ask_until_it_ends(field, pid)
    expect(tells_of_no_room(field.log_from("croftd", seen)), "the control plane does not say that there is no room")
    expect(acknowledged, "there was no room for anything")
    leave(cluster, folder, kibibytes=0)
    seen = field.log_size("croftd")
    field.launch("croftd")
    wait_until(lambda: not field.is_running("croftd"), "it ends again, for there is still no room")
    expect(tells_of_no_room(field.log_from("croftd", seen)), "the second time, it does not say that there is no room")
    make_room(cluster, folder)
    for operation in acknowledged:
        expect_success(field, operation)  # which starts it again
    at_rest(field)


def ask_until_it_ends(field, pid):
    """The operations that the control plane acknowledged until it ended."""
    acknowledged = []
    for number in range(100):
        call = field.start_call("TenantService.CreateTenant", seconds=10, tenant_id=f"full-{number}")
        while not call.done() and running(pid):
            try:
                call.exception(timeout=0.05)
            except grpc.FutureTimeoutError:
                pass
        if not running(pid):
            call.cancel()
            return acknowledged
        if call.exception() is None:
            acknowledged.append(call.result())
    wait_until(lambda: not running(pid), "the control plane ends")
    return acknowledged


def journal_disk(place):
    """The agent refuses what it cannot note down, before it acts on it, and says why; it goes on where there is room."""
    field, cluster = place.field, place.cluster
    folder = os.path.join(cluster.state, "agents", HOST)
    field.kill(HOST)
    stop_postgres(folder)  # whose folder is moved
    move_to_small_disk(cluster, folder, keep="pg")
    field.launch(HOST)
    wait_until(field.host_is_up, "the host is up")
    pid = cluster.pid(HOST)
    for spare in (0, 12, 40):  # for nothing, for some tasks' beginnings, for some of their ends
        leave(cluster, folder, spare)
        begun = [field.begin("TenantService.CreateTenant", tenant_id=f"noted{spare}n{number}") for number in range(8)]
        wait_until(lambda: waits_for_room(field, begun[-1], may_end=spare > 0), "the last one says what it waits for")
        expect(spare > 0 or "t_noted0" not in str(field.server()), "the agent acted on what it could not note down")
        make_room(cluster, folder)
        for operation in begun:
            expect_success(field, operation)
        at_rest(field)
    expect(cluster.pid(HOST) == pid, "the agent ended over it")


def data_folder(cluster):
    return os.path.join(cluster.state, "agents", HOST, "pg")


def mount_data(cluster):
    # Less is short of what is reserved on a host.
    cluster.mount_disk(data_folder(cluster), 16 << 10, mode=0o755)


def data_disk(place):
    """PostgreSQL has no room, and may end over it again and again: a restore waits and ends where there is room."""
    field, cluster, action = place.field, place.cluster, place.action("restore")
    action.prepare()
    seen = field.log_size(HOST)
    leave(cluster, data_folder(cluster), kibibytes=2 << 10)
    operation = field.begin(action.method, **action.fields())
    wait_until(lambda: waits_for_room(field, operation) or tells_of_no_room(field.log_from(HOST, seen)),
               "the operation says what it waits for, or the agent why PostgreSQL does not start")
    make_room(cluster, data_folder(cluster), 16 << 10)
    expect_success(field, operation)
    action.check()
    at_rest(field)


def mount_store(cluster):
    cluster.mount_disk(os.path.join(cluster.state, "backups"), 2)


def store_disk(place):
    """A retired tenant's final backup waits for room and says so; until it is stored and proven nothing is purged."""
    field, cluster = place.field, place.cluster
    name = "tenants/" + field.new_tenant("noisy")
    field.psql(field.lookup("noisy"), NOISE)
    operation = field.begin("TenantService.RetireTenant", name=name)
    wait_until(lambda: waits_for_room(field, operation), "the operation says what it waits for")
    reason = field.refusal("TenantService.PurgeTenant", name=name)
    expect(reason == "TENANT_BUSY", f"a purge without a final backup is answered with {reason}")
    backups = field.ask("BackupService.ListBackups", parent=name).backups
    expect(not [b for b in backups if b.state in (b.STATE_AVAILABLE, b.STATE_VERIFIED)], f"usable, they say: {backups}")
    make_room(cluster, os.path.join(cluster.state, "backups"), 64)
    expect_success(field, operation)
    at_rest(field)
    field.succeed("TenantService.UndeleteTenant", name=name)
    expect(field.psql(field.lookup("noisy"), "SELECT count(*) FROM noise") == "60000", "rows are lost")
    at_rest(field)


def move_to_small_disk(cluster, folder, keep=None):
    """A daemon's folder becomes a disk of some mebibytes; `keep` in it stays on the large one."""
    aside = folder + ".aside"
    mode = os.stat(folder).st_mode & 0o777
    shutil.move(folder, aside)
    cluster.mount_disk(folder, SMALL, mode)
    for entry in os.listdir(aside):
        if entry != keep and not entry.endswith(".sock"):
            shutil.move(os.path.join(aside, entry), folder)
    if keep:
        cluster.mount(os.path.join(folder, keep), "--bind", os.path.join(aside, keep), mode=0o755)


def leave(cluster, folder, kibibytes):
    """So much room on a disk of the cluster's."""
    room = os.statvfs(folder)
    cluster.resize(folder, ((room.f_blocks - room.f_bfree) * room.f_frsize >> 10) + kibibytes)


def make_room(cluster, folder, mebibytes=SMALL):
    cluster.resize(folder, mebibytes << 10)


def expect_success(field, operation):
    ended = field.finish(operation)
    expect(ended.state == ended.STATE_SUCCEEDED, f"what was acknowledged failed: {ended}")


def waits_for_room(field, operation, may_end=False):
    """Whether a running operation says so; with `may_end`, or whether it found room."""
    now = field.ask("OperationService.GetOperation", name=operation.name)
    expect(may_end or not now.done, f"it has ended without room: {now}")
    said = now.progress + " ".join(step.message for step in now.steps)
    return now.done or tells_of_no_room(said)


def tells_of_no_room(text):
    return any(words in text for words in NO_ROOM)
