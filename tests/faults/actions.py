"""The operations that faults strike, each with what it needs first and what must be so when it has ended."""
import itertools

from cluster import wait_until
from field import expect
from rest import digest_is_stored

ROWS = "SELECT count(*), sum(i) FROM t"
WHOLE = "500|125250"


class Stock:
    """Tenants left over from earlier actions, for later ones."""

    def __init__(self, field):
        self.field = field
        self.ready, self.suspended, self.retired = [], [], []
        self._names = (f"s{n}" for n in itertools.count(1))

    def new_name(self):
        return next(self._names)

    def take_ready(self):
        if self.ready:
            return self.ready.pop()
        if self.retired:
            tenant = self.retired.pop()
            self.field.succeed("TenantService.UndeleteTenant", name=f"tenants/{tenant}")
            return tenant
        return self.field.new_tenant(self.new_name())

    def take_suspended(self):
        if not self.suspended:
            tenant = self.take_ready()
            self.field.succeed("TenantService.SuspendTenant", name=f"tenants/{tenant}")
            return tenant
        return self.suspended.pop()

    def take_retired(self):
        if not self.retired:
            tenant = self.take_ready()
            self.field.succeed("TenantService.RetireTenant", name=f"tenants/{tenant}")
            return tenant
        return self.retired.pop()


class Action:
    """`prepare` and `check` run undisturbed; what `method` and `fields` ask for is what is struck."""

    def __init__(self, field, stock):
        self.field, self.stock = field, stock
        self.tenant = None

    @property
    def name(self):
        return f"tenants/{self.tenant}"

    def fields(self):
        return {"name": self.name}

    def begin(self):
        """The operation."""
        return self.field.begin(self.method, **self.fields())

    def backups(self):
        return self.field.ask("BackupService.ListBackups", parent=self.name, page_size=1000).backups

    def expect_rows(self, found):
        expect(self.field.psql(found, ROWS) == WHOLE, f"rows of {self.tenant} are lost or doubled")

    def expect_kept_out(self, found, what):
        result = self.field.try_psql(found, "SELECT 1")
        expect(result.returncode != 0 and "FATAL" in result.stderr, f"{what}: {result.stdout}{result.stderr}")


class Create(Action):
    method = "TenantService.CreateTenant"

    def prepare(self):
        self.tenant = self.stock.new_name()

    def fields(self):
        return {"tenant_id": self.tenant}

    def check(self):
        found = self.field.lookup(self.tenant)
        self.field.psql(found, "CREATE TABLE t AS SELECT i FROM generate_series(1, 500) AS i")
        self.expect_rows(found)
        self.stock.ready.append(self.tenant)


class Configure(Action):
    """A new quota."""
    method = "TenantService.UpdateTenant"
    quotas = itertools.cycle(range(3, 20))

    def prepare(self):
        self.tenant = self.tenant or self.field.new_tenant(self.stock.new_name())
        self.connections = next(self.quotas)

    def fields(self):
        return {"tenant": {"name": self.name, "quota": {"connections": self.connections}},
                "update_mask": {"paths": ["quota.connections"]}}

    def begin(self):
        before = self.operations()
        super().begin()
        new = [operation for name, operation in self.operations().items() if name not in before]
        expect(len(new) == 1, f"not one operation for one update: {new}")
        return new[0]

    def operations(self):
        listed = self.field.ask("OperationService.ListOperations", filter=f'target = "{self.name}" AND kind = CONFIGURE',
                                page_size=1000)
        return {operation.name: operation for operation in listed.operations}

    def check(self):
        found = self.field.lookup(self.tenant)
        self.expect_rows(found)
        limit = self.field.psql(found, "SELECT rolconnlimit FROM pg_roles WHERE rolname = session_user")
        expect(int(limit) == self.connections, f"the login has a limit of {limit}, not {self.connections}")
        quota = self.field.tenant(self.tenant).quota.connections
        expect(quota == self.connections, f"the catalog has a quota of {quota}, not {self.connections}")


class Suspend(Action):
    method = "TenantService.SuspendTenant"

    def prepare(self):
        self.tenant = self.stock.take_ready()
        self.old = self.field.lookup(self.tenant)

    def check(self):
        tenant = self.field.tenant(self.tenant)
        expect(tenant.state == tenant.STATE_SUSPENDED, f"it is not suspended: {tenant}")
        reason = self.field.refusal("LookupService.Lookup", tenant=self.tenant)
        expect(reason == "TENANT_SUSPENDED", f"a lookup is answered with {reason}")
        self.expect_kept_out(self.old, "a suspended tenant gets in")
        self.stock.suspended.append(self.tenant)


class Resume(Action):
    method = "TenantService.ResumeTenant"

    def prepare(self):
        self.tenant = self.stock.take_suspended()

    def check(self):
        self.expect_rows(self.field.lookup(self.tenant))
        self.stock.ready.append(self.tenant)


class BackUp(Action):
    method = "BackupService.CreateBackup"

    def prepare(self):
        self.tenant = self.tenant or self.field.new_tenant(self.stock.new_name())
        self.before = {backup.name for backup in self.backups()}

    def fields(self):
        return {"parent": self.name}

    def check(self):
        new = [backup for backup in self.backups() if backup.name not in self.before]
        expect(len(new) == 1 and new[0].state == new[0].STATE_AVAILABLE, f"not one new backup: {new}")
        expect(new[0].row_count == 500, f"the backup has {new[0].row_count} rows")
        expect(digest_is_stored(self.field, new[0]), f"no stored file is {new[0].name}")
        self.expect_rows(self.field.lookup(self.tenant))
        self.field.succeed("BackupService.DeleteBackup", name=new[0].name)


class OfBackup(Action):
    """On the one backup of a tenant."""

    def prepare(self):
        self.tenant = self.tenant or self.field.new_tenant(self.stock.new_name())
        if not self.backups():
            self.field.succeed("BackupService.CreateBackup", parent=self.name)
        self.backup = self.backups()[0].name


class Verify(OfBackup):
    method = "BackupService.VerifyBackup"

    def fields(self):
        return {"name": self.backup}

    def check(self):
        backup = self.field.ask("BackupService.GetBackup", name=self.backup)
        expect(backup.state == backup.STATE_VERIFIED, f"the backup is not proven: {backup}")
        self.expect_rows(self.field.lookup(self.tenant))
        self.field.succeed("BackupService.DeleteBackup", name=self.backup)


class DeleteBackup(OfBackup):
    method = "BackupService.DeleteBackup"

    def fields(self):
        return {"name": self.backup}

    def check(self):
        expect(not self.backups(), f"the backup is there: {self.backups()}")
        self.expect_rows(self.field.lookup(self.tenant))


class RestoreAs(OfBackup):
    """As another tenant."""
    method = "TenantService.RestoreTenant"

    def prepare(self):
        super().prepare()
        self.new = self.stock.new_name()

    def fields(self):
        return {"name": self.name, "backup": self.backup, "new_tenant_id": self.new}

    def check(self):
        for tenant in (self.new, self.tenant):
            self.expect_rows(self.field.lookup(tenant))
        self.stock.ready.append(self.new)


class Restore(Action):
    """In place."""
    method = "TenantService.RestoreTenant"
    copies_kept = 25  # undo copies of one tenant

    def prepare(self):
        if self.tenant and self.generation > self.copies_kept:
            self.field.succeed("TenantService.RetireTenant", name=self.name)
            self.field.succeed("TenantService.PurgeTenant", name=self.name, confirm=self.name)
            self.tenant = None
        if not self.tenant:
            self.tenant = self.field.new_tenant(self.stock.new_name())
            self.field.succeed("BackupService.CreateBackup", parent=self.name)
            self.backup = self.field.ask("BackupService.ListBackups", parent=self.name).backups[0].name
        self.generation = self.field.tenant(self.tenant).placement.generation
        self.old = self.field.lookup(self.tenant)
        self.field.psql(self.old, "INSERT INTO t SELECT generate_series(501, 600)")

    def fields(self):
        return {"name": self.name, "backup": self.backup}

    def check(self):
        found = self.field.lookup(self.tenant)
        self.expect_rows(found)
        generation = self.field.tenant(self.tenant).placement.generation
        expect(generation == self.generation + 1, f"generation {self.generation} became {generation}")
        self.expect_kept_out(self.old, "the replaced database lets its tenant in")


class Rotate(Action):
    method = "TenantService.RotateCredentials"

    def prepare(self):
        self.tenant = self.tenant or self.field.new_tenant(self.stock.new_name())
        self.old = self.field.lookup(self.tenant)

    def fields(self):
        return {"name": self.name, "overlap": {"seconds": 0}}

    def check(self):
        found = self.field.lookup(self.tenant)
        expect(found.endpoints[0].user != self.old.endpoints[0].user and found.password != self.old.password,
               "the credentials have not changed")
        self.expect_rows(found)
        # By a clean-up of its own, which a control plane that starts again has to know of.
        wait_until(self.old_login_is_closed, "the old login is closed")
        wait_until(lambda: self.field.refusal(self.method, validate_only=True, **self.fields()) is None,
                   "the catalog knows that it is closed")

    def old_login_is_closed(self):
        self.field.raise_the_dead()  # who was struck after the operation had ended
        return self.field.try_psql(self.old, "SELECT 1").returncode != 0


class Retire(Action):
    method = "TenantService.RetireTenant"

    def prepare(self):
        self.tenant = self.stock.take_ready()
        self.old = self.field.lookup(self.tenant)

    def check(self):
        tenant = self.field.tenant(self.tenant)
        expect(tenant.state == tenant.STATE_RETIRED, f"it is not retired: {tenant}")
        reason = self.field.refusal("LookupService.Lookup", tenant=self.tenant)
        expect(reason == "TENANT_RETIRED", f"a lookup is answered with {reason}")
        self.expect_kept_out(self.old, "a retired tenant gets in")
        backup = self.field.ask("BackupService.ListBackups", parent=self.name).backups[0]
        proven = backup.state in (backup.STATE_VERIFIED, backup.STATE_VERIFIED_WITH_NOTES)
        expect(backup.origin == backup.ORIGIN_FINAL and proven,
               f"the final backup is not proven: {backup}")
        self.stock.retired.append(self.tenant)


class Undelete(Action):
    method = "TenantService.UndeleteTenant"

    def prepare(self):
        self.tenant = self.stock.take_retired()

    def check(self):
        self.expect_rows(self.field.lookup(self.tenant))
        self.stock.ready.append(self.tenant)


class Purge(Action):
    method = "TenantService.PurgeTenant"

    def prepare(self):
        self.tenant = self.stock.take_retired()
        self.old_uid = self.field.tenant(self.tenant).uid

    def fields(self):
        return {"name": self.name, "confirm": self.name}

    def check(self):
        for method, key in (("TenantService.GetTenant", "name"), ("LookupService.Lookup", "tenant")):
            reason = self.field.refusal(method, **{key: self.name if key == "name" else self.tenant})
            expect(reason == "TENANT_NOT_FOUND", f"{method} of a purged tenant says {reason}")
        left = [name for name in str(self.field.server()).split("'") if self.old_uid in name]
        expect(not left, f"a purge left {left}")


ACTIONS = {"create": Create, "configure": Configure, "suspend": Suspend, "resume": Resume, "retire": Retire,
           "undelete": Undelete, "purge": Purge, "backup": BackUp, "verify": Verify, "delete-backup": DeleteBackup,
           "restore": Restore, "restore-as": RestoreAs, "rotate": Rotate}
