"""One fault at one point of one operation, by process."""
import os
import signal
import subprocess
import time

from cluster import running, wait_until
from field import HOST, Wrong, expect
from rest import check_bystander, check_fleet, check_rest
from trigger import KILL_ITSELF, KILL_OTHER, STOP_ITSELF

SETTLING = 20  # seconds within which what an operation leaves to clean-ups is gone


class Struck:
    """What a point was like."""

    def __init__(self, touched, calls, seconds):
        self.touched, self.calls, self.seconds = touched, calls, seconds


def strike(field, action, process, at):
    """Does the action with the fault at call number `at`; raises Wrong when something does not hold after it. With 0 there
    is no fault, and only the calls of the operation itself are told, without those of what comes after it."""
    started = time.monotonic()
    action.prepare()
    daemon = "croftd" if process in ("croftd", "zombie") else HOST
    trigger = field.triggers[daemon]
    if process == "postgres":
        trigger.arm(at, KILL_OTHER, field.cluster.postgres_pid(HOST))
    else:
        trigger.arm(at, KILL_ITSELF if process == daemon else STOP_ITSELF)
    while_it_runs, afterwards = MEDDLERS.get(process, (None, None))
    field.meanwhile = while_it_runs and (lambda: while_it_runs(field))
    try:
        operation = field.finish(action.begin())
        touched, in_operation = trigger.fired, trigger.count
        if while_it_runs:
            while_it_runs(field)  # who stopped as the last answer came
        if process != HOST:
            # What is looked at from here on is not the operation's; only an agent is struck in the clean-ups, too.
            trigger.disarm()
        field.meanwhile = afterwards and (lambda: afterwards(field))
        calls = look_after(field, action, process, operation, trigger)
    finally:
        field.meanwhile = None
        trigger.disarm()
    return Struck(touched, calls if at else in_operation, time.monotonic() - started)


def look_after(field, action, process, operation, trigger):
    """All that must hold after the operation; the calls that were counted until it had come to rest."""
    expect(operation.state == operation.STATE_SUCCEEDED, f"it ended otherwise: {operation}")
    field.raise_the_dead()
    server_was_killed = process in ("postgres", "backend")
    if server_was_killed:
        wait_until(lambda: answers(field), "PostgreSQL is back", 60)
    action.check()
    check_bystander(field)
    settle(field, check_rest)
    calls = trigger.count
    trigger.disarm()
    field.raise_the_dead()
    settle(field, lambda field: check_fleet(field, server_was_killed))
    return calls


def kill_a_backend(field):
    """Once the agent has stopped where it was told to: PostgreSQL then ends all its other backends, too."""
    agent = field.cluster.pid(HOST)
    if stopped(agent):
        for pid in backends(field.cluster.postgres_pid(HOST))[:1]:
            os.kill(pid, signal.SIGKILL)
        os.kill(agent, signal.SIGCONT)


def take_over(field):
    """Once the control plane has stopped where it was told to, another ends it; it wakes up as a zombie."""
    zombie = field.cluster.pid("croftd")
    if not stopped(zombie):
        return
    seen = field.log_size("croftd")
    try:
        field.launch("croftd", "--take-over")
        wait_until(lambda: "ending the control plane that holds" in field.log_from("croftd", seen), "it is being ended")
    finally:
        os.kill(zombie, signal.SIGCONT)
    wait_until(lambda: not running(zombie), "the zombie has ended")


def wake_the_agent(field):
    """Who stopped after the operation had ended: there is nothing left to strike."""
    agent = field.cluster.pid(HOST)
    if stopped(agent):
        os.kill(agent, signal.SIGCONT)


# By process: what is done while the operation runs, and afterwards, whenever an answer is awaited.
MEDDLERS = {"backend": (kill_a_backend, wake_the_agent), "zombie": (take_over, take_over)}


def answers(field):
    try:
        return field.server() is not None
    except (subprocess.CalledProcessError, LookupError):
        return False


def settle(field, check):
    """Everything comes to rest as `check` has it; what is in the way may need a moment."""
    deadline = time.monotonic() + SETTLING
    while True:
        try:
            return check(field)
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
