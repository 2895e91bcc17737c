"""Two agents of one identity."""
import os
import shutil
import subprocess

from cluster import running, wait_until
from field import HOST, expect
from scenarios.common import at_rest, free_port, host_state, replaced, stop_postgres


def twins(place):
    """A clone of the agent takes its place; the older one is told and ends."""
    field, cluster = place.field, place.cluster
    original, pid = cluster.commands[HOST], cluster.pid(HOST)
    folder = os.path.join(cluster.state, "agents", "twin")
    os.mkdir(folder, 0o711)
    shutil.copytree(os.path.join(cluster.state, "agents", HOST, "identity"), os.path.join(folder, "identity"))
    command = replaced(replaced(original, "--state", folder), "--port", str(free_port()))
    field.let_rest.add(HOST)
    with open(os.path.join(cluster.state, "log", "twin.log"), "wb") as log, \
            subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log) as twin:
        try:
            wait_until(lambda: not running(pid), "the older one ends", 90)
            expect("another agent has connected" in cluster.logs(), "the older one does not say why it ended")
            # Its PostgreSQL is another, so nothing is done there.
            wait_until(lambda: host_state(field) == "STATE_IDENTITY_CHANGED", "the other server is noticed", 90)
        finally:
            twin.terminate()
            field.let_rest.remove(HOST)
    stop_postgres(folder)
    field.raise_the_dead()
    wait_until(field.host_is_up, "the host is up again")
    field.new_tenant("after-twins")
    at_rest(field)
