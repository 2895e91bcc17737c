"""What must hold when everything is at rest: the catalog, the servers and the store say the same."""
import hashlib
import os
import re

from field import expect

NAME = re.compile(r"^t_(?P<slug>.*)_(?P<uid>[a-z2-7]{16})_g(?P<generation>\d+)(?P<sealed>_f)?$")
ROLE = re.compile(r"^t_.*_(?P<uid>[a-z2-7]{16})(_r|_a|_b|_ra|_rb)?$")
HALF_DROPPED = -2


def check_rest(field):
    """Raises Wrong with the first difference."""
    tenants = {t.uid: t for t in field.ask("TenantService.ListTenants", page_size=1000, show_retired=True).tenants}
    server = field.server()
    check_databases(tenants, {d["name"]: d for d in server["databases"]})
    for role in server["roles"]:
        match = ROLE.match(role)
        expect(match and match["uid"] in tenants, f"role {role} is nobody's")
    check_store(field, tenants)


def check_databases(tenants, databases):
    for name, database in databases.items():
        match = NAME.match(name)
        expect(match, f"database {name} is nobody's")
        tenant = tenants.get(match["uid"])
        expect(tenant, f"database {name} belongs to no tenant")
        expect(database["limit"] != HALF_DROPPED, f"database {name} is half dropped")
        strangers = [login for login in database["logins"] if match["uid"] not in login]
        expect(not strangers, f"{strangers} may connect to {name}")
        serving = tenant.placement.database == name and tenant.state == tenant.STATE_READY
        if not serving:
            expect(match["sealed"] and not database["open"] and not database["logins"],
                   f"database {name} is not where {tenant.name} is and yet not sealed: {database}")
    for tenant in tenants.values():
        own = tenant.placement.database
        if tenant.state == tenant.STATE_READY:
            expect(own in databases and databases[own]["open"] and databases[own]["logins"],
                   f"{tenant.name} is ready and {own} is not: {databases.get(own)}")
        elif tenant.state in (tenant.STATE_SUSPENDED, tenant.STATE_RETIRED):
            expect(own + "_f" in databases, f"{tenant.name} is {tenant.State.Name(tenant.state)}, and {own}_f is not there")


def check_store(field, tenants):
    store = os.path.join(field.cluster.state, "backups")
    files = {os.path.relpath(os.path.join(folder, name), store)
             for folder, _, names in os.walk(store) for name in names}
    known, usable = set(), {}
    for uid, tenant in tenants.items():
        for backup in field.ask("BackupService.ListBackups", parent=tenant.name, page_size=1000).backups:
            known.add((uid, backup.name.rpartition("/")[2]))
            if backup.state in (backup.STATE_AVAILABLE, backup.STATE_VERIFIED):
                usable[uid, backup.name.rpartition("/")[2]] = backup
    for path in files - {"croft-store"}:
        parts = path.split("/")
        expect(parts[0] in tenants, f"{path} in the store is nobody's")
        expect(len(parts) == 2 or (parts[0], parts[1]) in known, f"{path} in the store is of no backup")
        expect(not parts[-1].startswith("."), f"{path} in the store is half written")
    for (uid, backup), facts in usable.items():
        expect(f"{uid}/{backup}/manifest" in {re.sub(r"\.json$", "", f) for f in files} and f"{uid}/key" in files,
               f"{facts.name} has no manifest or no key in the store")


def digest_is_stored(field, backup):
    """Whether some file of the store is what the catalog says of the backup."""
    store = os.path.join(field.cluster.state, "backups")
    folder = next((here for here, _, _ in os.walk(store) if here.endswith("/" + backup.name.rpartition("/")[2])), None)
    for name in os.listdir(folder) if folder else []:
        with open(os.path.join(folder, name), "rb") as file:
            if hashlib.sha256(file.read()).hexdigest() == backup.sha256:
                return True
    return False


def check_fleet(field, server_was_killed=False):
    """What an operator is told, by another comparison than the ones above. A server that is killed as it makes a
    database leaves the folder, which is right to be told."""
    fleet = field.ask("AdminService.CheckFleet")
    problems = [finding for finding in fleet.findings if finding.severity == finding.SEVERITY_PROBLEM]
    folders = [finding for finding in problems if finding.kind == finding.KIND_DIRECTORY_ORPHANED]
    if server_was_killed:
        field.left_folders |= {finding.object for finding in folders}
    known = [finding for finding in folders if finding.object in field.left_folders]
    others = [finding for finding in problems if finding not in known]
    expect(not others, f"check-fleet finds {others}")
    expect(fleet.hosts_checked == 1 and fleet.stores_checked == 1 and not fleet.tenants_busy,
           f"check-fleet has not looked everywhere: {fleet}")


def check_bystander(field):
    """The tenant that nothing was done to."""
    found = field.lookup(field.bystander)
    expect(found.endpoints[0].database == field.tenant(field.bystander).placement.database, "the lookup is not the catalog's")
    expect(field.psql(found, "SELECT count(*), sum(i) FROM t") == "500|125250", "the bystander's rows have changed")
    return found


def check_secrets(field):
    """No password in a log."""
    folder = os.path.join(field.cluster.state, "log")
    for name in os.listdir(folder):
        with open(os.path.join(folder, name), encoding="utf-8", errors="replace") as file:
            text = file.read()
        expect(not any(password in text for password in field.passwords), f"{name} holds a password")
