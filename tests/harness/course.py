"""What a tenant's whole life with one database in it must show."""
import contextlib
import re
from dataclasses import dataclass, field

from grpc import StatusCode
from lives import GOOD, Life, left_on, succeeded, unsaid

VERIFIED, NOTES, INCOMPLETE = "STATE_VERIFIED", "STATE_VERIFIED_WITH_NOTES", "STATE_INCOMPLETE"


@dataclass
class Case:
    """What is expected. Patterns are of regular expressions."""
    states: tuple = (VERIFIED,)
    # Each is met by one finding of the proof.
    says: tuple = ()
    # Each is met by one warning of the backup's operation.
    warns: tuple = ()
    # "KIND NAME" of all facts that may be others in a restored database; nothing else may.
    lost: tuple = ()
    # Asked as the copy's application.
    ask: dict = field(default_factory=dict)


class Course:
    """One case's life; each step asserts what it finds."""

    def __init__(self, cluster, tenant, case, path):
        """`path`: of the statements that fill its database."""
        self.cluster, self.case, self.path = cluster, case, path
        self.life = Life(cluster, tenant)
        self.before = None
        self.relations = 0
        self.state = None

    def run(self, loaded=False):
        """`loaded`: the database is filled already."""
        self.prove_and_restore(loaded)
        self.rotate_and_pause()
        self.retire_and_come_back()
        self.retire_and_end()

    def prove_and_restore(self, loaded=False):
        with contextlib.ExitStack() as stack:
            if not loaded:
                self.load(stack)
            self.before = self.life.facts()
            self.relations = sum(kind == "relation" for kind, _ in self.before)
            backup = self.proven_backup()
            self.restore_elsewhere(backup)
            self.restore_in_place(backup)

    @property
    def incomplete(self):
        return self.state == INCOMPLETE

    def load(self, stack):
        if self.path.endswith(".superuser.sql"):
            self.life.load_as_superuser(self.path)
        elif self.path.endswith(".session.sql"):
            login = stack.enter_context(self.cluster.login(self.life.id))
            session = stack.enter_context(login.session())
            with open(self.path, encoding="utf-8") as file:
                session.value(file.read())
        else:
            self.life.load(self.path)

    def proven_backup(self):
        made = succeeded(self.life.back_up())
        assert not unsaid(self.case.warns, made.warnings), f"the backup does not warn of it: {made}"
        proof = self.life.verify(made.result)
        seen = self.life.backup(made.result)
        assert seen["state"] in self.case.states, f"{seen}\n{proof}"
        self.state = seen["state"]
        assert (proof.state == proof.STATE_SUCCEEDED) != self.incomplete, proof
        assert not unsaid(self.case.says, seen.get("findings", [])), f"backup get does not say it: {seen}"
        assert not unsaid(self.case.says, proof.warnings), f"the proof does not say it: {proof}"
        if seen["state"] == VERIFIED:
            assert not seen.get("findings"), seen
        return made.result

    def restore_elsewhere(self, backup):
        for host in ("h1", "h2"):
            copy = Life(self.cluster, f"{self.life.id}-{host}")
            self.restore(backup, new_tenant_id=copy.id, host="hosts/" + host)
            assert copy.host() == host
            self.same_as_before(copy)

    def restore_in_place(self, backup):
        self.restore(backup)
        self.same_as_before(self.life)

    def restore(self, backup, **fields):
        if self.incomplete:
            self.refused_as_incomplete(backup, fields)
            fields["allow_incomplete"] = True
        done = succeeded(self.life.restore(backup, **fields))
        if self.state != VERIFIED:
            assert not unsaid(self.case.says, done.warnings), f"the restore does not say it: {done}"

    def refused_as_incomplete(self, backup, fields):
        error = self.cluster.refused("TenantService.RestoreTenant", name=self.life.name, backup=backup, **fields)
        assert (error.code, error.reason) == (StatusCode.FAILED_PRECONDITION, "BACKUP_INCOMPLETE"), error

    def same_as_before(self, life):
        """But for what the case may lose."""
        wrong = [each for each in life.changed_since(self.before) if not self.may_be_lost(each)]
        assert not wrong, f"{life.id}: " + "\n".join(str(each) for each in wrong[:20])
        for question, answer in self.case.ask.items():
            assert self.cluster.psql(life.id, question) == answer

    def may_be_lost(self, difference):
        return any(re.fullmatch(pattern, f"{difference.kind} {difference.name}") for pattern in self.case.lost)

    def rotate_and_pause(self):
        succeeded(self.life.rotate())
        succeeded(self.life.do("TenantService.SuspendTenant", 120, name=self.life.name))
        succeeded(self.life.do("TenantService.ResumeTenant", 120, name=self.life.name))
        self.same_as_before(self.life)

    def retire_and_come_back(self):
        self.retired()
        succeeded(self.life.undelete())
        self.same_as_before(self.life)

    def retired(self):
        """The newest backup, which is the final one."""
        ended = self.life.retire()
        assert self.life.state() == "RETIRED", ended
        final = self.life.backups()[0]
        assert final.origin == final.ORIGIN_FINAL
        state = final.State.Name(final.state)
        assert state in self.case.states or state in GOOD, f"{final}\n{ended}"
        return final

    def retire_and_end(self):
        stem = self.life.database().stem
        final = self.retired()
        if final.state == final.STATE_INCOMPLETE:
            assert self.cluster.refused("TenantService.PurgeTenant", name=self.life.name).reason == "BACKUP_NOT_PROVEN"
            succeeded(self.life.purge(accept_incomplete_backup=final.name))
        else:
            succeeded(self.life.purge())
        left = left_on(self.cluster, "h1", stem)
        # Tenants copied from this one have ids that begin the same, but no uid.
        assert not left, f"left behind: {left}"
