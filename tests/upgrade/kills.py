"""Kills croftd at every step of its first start on the catalog of an older version, and looks at what each leaves."""
import os
import signal
import subprocess

from state import Catalog
from trigger import Trigger

# What a start changes by itself, beside the schema: nobody is connected yet, every start has an audit of its own, and each
# upgrade begins a log of events.
CHANGING = {
    "meta": ("epoch", "revision", "audit_sequence", "audit_hash", "uid", "last_event", "pruned_event"),
    "events": ("position", "time"),
    "hosts": ("up", "awaited", "last_seen_time", "version", "update_time"),
    # A host is due to be compared again later when that time has passed since the first start.
    "schedules": ("next_time",),
}


class Kills:
    def __init__(self, binaries, folder, command, scratch):
        """`folder` is the StateFolder, `command` starts croftd on it, `scratch` is a folder for the test."""
        self._binaries, self._folder, self._command = binaries, folder, command
        self._trigger = Trigger(os.path.join(scratch, "trigger"))
        self._old = Catalog(folder.catalog)
        self._copy = folder.catalog + ".before-upgrade"
        self._upgraded = None  # as a start leaves it that nobody kills

    def at_every_step(self, writes):
        """The numbers of steps and of kills that left the catalog as the version before had it. With `writes` each write to a
        file is a step, else only what makes something durable."""
        assert self._old.integrity == "ok"
        assert self._starts()
        self._upgraded = Catalog(self._folder.catalog)
        self._judge_upgraded("it was not killed")
        steps = unchanged = 0
        while self._killed_at(steps + 1, writes):
            steps += 1
            unchanged += self._judge(steps)
            assert self._starts(), f"the start after a kill at step {steps}"
            self._judge_upgraded(f"started again after a kill at step {steps}")
        return steps, unchanged

    def _killed_at(self, step, writes):
        """Lays the old state out again and starts croftd. False: it was ready before it came to that step."""
        self._folder.lay()
        self._trigger.arm(step, writes=writes)
        return not self._starts({"LD_PRELOAD": os.path.join(self._binaries, "croft_faults.so"),
                                 **self._trigger.environment("croftd")})

    def _starts(self, environment=None):
        """Whether croftd becomes ready; if not, it was killed. It is gone in any case."""
        with subprocess.Popen(self._command, env={**os.environ, **(environment or {})}, stdin=subprocess.DEVNULL,
                              stderr=subprocess.PIPE, text=True) as daemon:
            said = []
            for line in daemon.stderr:
                said.append(line)
                if "croftd ready" in line:
                    daemon.kill()
                    return True
        assert daemon.returncode == -signal.SIGKILL, "".join(said)
        return False

    def _judge(self, step):
        """Looks at what a kill left; whether it is still the old catalog."""
        left = Catalog(self._folder.catalog)
        assert left.integrity == "ok", step
        if left.schema == self._old.schema:
            assert left == self._old, f"step {step}: changed, and of the old schema"
        else:
            assert os.path.exists(self._copy), f"step {step}: upgraded without a copy"
        if os.path.exists(self._copy):
            assert Catalog(self._copy) == self._old, f"step {step}: the copy is not what the catalog was"
        return left.schema == self._old.schema

    def _judge_upgraded(self, when):
        now = Catalog(self._folder.catalog)
        assert now.integrity == "ok" and now.schema > self._old.schema, when
        for before in (self._old, self._upgraded or self._old):
            gone = now.missing(before, CHANGING)
            assert not gone, f"{when}: {gone}"
        assert Catalog(self._copy) == self._old, when
