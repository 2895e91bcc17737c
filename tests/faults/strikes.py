"""One fault at one point of one operation, by process."""
import os
import signal
import subprocess
import time

from cell import running, wait_until
from field import HOST, Wrong, expect
from rest import check_bystander, check_rest
from trigger import KILL_ITSELF, KILL_OTHER, STOP_ITSELF

SETTLING = 20  # seconds within which what an operation leaves to clean-ups is gone


class Struck:
    """What a point was like."""

    def __init__(self, touched, calls, seconds):
        self.touched, self.calls, self.seconds = touched, calls, seconds


def strike(field, deed, process, at):
    """Does the deed with the fault at call number `at`; raises Wrong when something does not hold after it."""
    started = time.monotonic()
    deed.prepare()
    daemon = "croftd" if process in ("croftd", "zombie") else HOST
    trigger = field.triggers[daemon]
    if process == "postgres":
        trigger.arm(at, KILL_OTHER, field.cell.postgres_pid(HOST))
    else:
        trigger.arm(at, KILL_ITSELF if process == daemon else STOP_ITSELF)
    field.meanwhile = {"backend": lambda: kill_a_backend(field), "zombie": lambda: take_over(field)}.get(process)
    try:
        operation = field.finish(field.begin(deed.method, **deed.fields()))
        touched = trigger.fired
    finally:
        field.meanwhile = None
        if daemon == "croftd":
            # What is looked at from here on is not the operation's.
            trigger.disarm()
    expect(operation.state == operation.STATE_SUCCEEDED, f"it ended otherwise: {operation}")
    field.raise_the_dead()
    if process in ("postgres", "backend"):
        wait_until(lambda: answers(field), "PostgreSQL is back", 60)
    deed.check()
    check_bystander(field)
    settle(field)
    calls = trigger.count
    trigger.disarm()
    field.raise_the_dead()
    return Struck(touched, calls, time.monotonic() - started)


def kill_a_backend(field):
    """Once the agent has stopped where it was told to: PostgreSQL then ends all its other backends, too."""
    agent = field.cell.pid(HOST)
    if stopped(agent):
        for pid in backends(field.cell.postgres_pid(HOST))[:1]:
            os.kill(pid, signal.SIGKILL)
        os.kill(agent, signal.SIGCONT)


def take_over(field):
    """Once the control plane has stopped where it was told to, another ends it; it wakes up as a zombie."""
    zombie = field.cell.pid("croftd")
    if not stopped(zombie):
        return
    seen = field.log_size("croftd")
    try:
        field.launch("croftd", "--take-over")
        wait_until(lambda: "ending the control plane that holds" in field.log_from("croftd", seen), "it is being ended")
    finally:
        os.kill(zombie, signal.SIGCONT)
    wait_until(lambda: not running(zombie), "the zombie has ended")


def answers(field):
    try:
        return field.server() is not None
    except (subprocess.CalledProcessError, LookupError):
        return False


def settle(field):
    """Everything comes to rest as it should be; what is in the way may need a moment."""
    deadline = time.monotonic() + SETTLING
    while True:
        try:
            return check_rest(field)
        except Wrong:
            if time.monotonic() > deadline:
                raise
        time.sleep(0.05)


def stopped(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            return file.read().rpartition(")")[2].split()[0] == "T"
    except FileNotFoundError:
        return False


def backends(postmaster):
    """Of clients, the newest first."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/stat", encoding="ascii") as file:
                parent = int(file.read().rpartition(")")[2].split()[1])
            with open(f"/proc/{pid}/cmdline", encoding="utf-8") as file:
                title = file.read()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if parent == postmaster and ("[local]" in title or "127.0.0.1" in title):
            found.append(int(pid))
    return sorted(found, reverse=True)
