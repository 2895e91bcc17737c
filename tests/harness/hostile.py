"""What the hostile-tenant suites share: names of two tenants, and everything outside a tenant's own database that
must not change whatever it tries."""
import os
import tempfile

from login import Session

CANARY = "canary-4f1c9e"
MARK = os.path.join(tempfile.gettempdir(), "croft-hostile-was-here")


def make_victim(cluster, tenant):
    cluster.psql(tenant, f"CREATE TABLE canary AS SELECT '{CANARY}' AS secret; CREATE SCHEMA hidden; "
                      f"CREATE TABLE hidden.canary AS SELECT '{CANARY}' AS secret")


def names_for(cluster, tenant, victim):
    """For the statements of attempts."""
    mine, theirs = cluster.tenant(tenant), cluster.tenant(victim)
    with cluster.login(tenant) as login, cluster.login(victim) as victims:
        database, victim_database = login.database, victims.database
        stem, _, generation = database.rpartition("_g")
        victim_stem = victim_database.rpartition("_g")[0]
        return {"login": login.user, "owner": stem, "reader": stem + "_r", "database": database, "uid": mine.uid,
                "next_database": f"{stem}_g{int(generation) + 1}", "victim_login": victims.user,
                "victim_owner": victim_stem, "victim_database": victim_database, "victim_uid": theirs.uid, "mark": MARK}


# One line for each thing that is there, over the whole server: its kind, what of, whose or what. Memberships in a
# tenant's own login, which before version 16 it may hand on, give nobody but itself away and are left out; so is
# what it may set on its own roles.
EVERYTHING = """
SELECT * FROM (
SELECT 'role' AS kind, rolname::text AS name, concat_ws(' ', rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolcanlogin,
       rolreplication, rolbypassrls, rolconnlimit, rolvaliduntil) AS value FROM pg_roles
UNION ALL SELECT 'password', rolname::text, rolpassword FROM pg_authid WHERE rolname !~ '^{stem}_'
UNION ALL SELECT 'member', m.member::regrole::text, m.roleid::regrole::text FROM pg_auth_members m
       WHERE m.roleid::regrole::text !~ '^{stem}_'
UNION ALL SELECT 'database', datname::text, concat_ws(' ', datdba::regrole, datallowconn, datconnlimit, datistemplate)
       FROM pg_database
UNION ALL SELECT 'door', d.datname::text, concat_ws(' ', a.grantee::regrole, a.privilege_type, a.is_grantable)
       FROM pg_database d, aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) a
UNION ALL SELECT 'comment', coalesce(d.datname::text, r.rolname::text, objoid::text), description FROM pg_shdescription
       LEFT JOIN pg_database d ON d.oid = objoid LEFT JOIN pg_roles r ON r.oid = objoid
UNION ALL SELECT 'default', coalesce(d.datname::text, r.rolname::text, 'all'), setconfig::text FROM pg_db_role_setting
       LEFT JOIN pg_database d ON d.oid = setdatabase LEFT JOIN pg_roles r ON r.oid = setrole
       WHERE coalesce(r.rolname, '') !~ '^{stem}_'
UNION ALL SELECT 'setting', name, setting FROM pg_settings WHERE context <> 'internal' AND source <> 'session'
UNION ALL SELECT 'tablespace', spcname::text, spcowner::regrole::text FROM pg_tablespace
UNION ALL SELECT 'slot', slot_name::text, plugin::text FROM pg_replication_slots
UNION ALL SELECT 'origin', roname, '' FROM pg_replication_origin
UNION ALL SELECT 'subscription', subname::text, '' FROM pg_subscription
UNION ALL SELECT 'prepared', gid, owner::text FROM pg_prepared_xacts
) AS everything WHERE NOT {mine} ORDER BY 1, 2, 3
"""


class Outside:
    """All of a server but the inside of `tenant`'s database, and a victim's rows. Its sessions stay open: close it."""

    def __init__(self, cluster, host, tenant, victim):
        with cluster.login(tenant) as login:
            self._stem = login.database.rpartition("_g")[0]
        self._mine = "false"
        socket, port = cluster.postgres_address(host)
        self._server = Session({"PGHOST": socket, "PGPORT": str(port), "PGUSER": cluster.superuser_name(host),
                                "PGDATABASE": "postgres", "PATH": os.environ["PATH"]})
        self._login = cluster.login(victim)
        self._rows = self._login.session()

    def close(self):
        self._server.close()
        self._rows.close()
        self._login.close()

    def except_own_databases_and_roles(self):
        """For work of Croft's that makes, renames and closes them: only what is others' counts."""
        self._mine = f"(name ~ '^{self._stem}(_|$)' OR name ~ '^v_')"
        return self

    def look(self):
        server = self._server.value(EVERYTHING.format(stem=self._stem, mine=self._mine))
        rows = self._rows.value("SELECT * FROM canary UNION ALL SELECT * FROM hidden.canary")
        return server + "\n" + rows

    def ask(self, sql):
        """The superuser's answer."""
        return self._server.value(sql)

    def unchanged_since(self, before):
        now = self.look()
        gone, new = sorted(set(before.splitlines()) - set(now.splitlines())), sorted(
            set(now.splitlines()) - set(before.splitlines()))
        assert not gone and not new, f"outside, this is gone: {gone}\nand this is new: {new}"
