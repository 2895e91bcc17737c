// Prints the SQL that prepares somebody else's server for an agent, and the SQL that removes it.

#include "agent/postgres/external_setup.h"

#include <algorithm>

#include <absl/strings/str_cat.h>
#include <absl/strings/str_replace.h>
#include <absl/strings/string_view.h>

#include "common/errors.h"

namespace croft::agent {
namespace {

constexpr int kOldestMajor = 15;
constexpr int kNewestMajor = 18;
constexpr int kRestrictedCreateRole = 16;
constexpr size_t kRoleBytes = 40;

// In all of them @ROLE@ stands for the agent's role and @MAJOR@ for the version.

constexpr char kBegin[] =
    R"sql(-- Rights for Croft's agent on a PostgreSQL @MAJOR@ server, in the role "@ROLE@".
-- @RUNNER@
-- Run it in the database that the agent's conninfo names, which is postgres when it names none:
--   psql -X -v ON_ERROR_STOP=1 -d postgres -f FILE
-- Run it again whenever you like: it changes only what is not as it says. `croftctl doctor` tells which rights are missing.
BEGIN;
SET LOCAL client_min_messages = warning;

DO $croft$
BEGIN
  IF current_setting('server_version_num')::int / 10000 <> @MAJOR@ THEN
    RAISE EXCEPTION 'this is PostgreSQL %, and the SQL is for @MAJOR@', current_setting('server_version');
  END IF;
  IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = '@ROLE@') THEN
    CREATE ROLE @ROLE@;
  END IF;
END
$croft$;

)sql";

constexpr char kCommit[] = R"sql(COMMIT;
)sql";

constexpr char kSuperuser[] =
    R"sql(-- A superuser. It may do everything on this server, and read every database of it. In return the agent can keep tenants
-- from extensions (--extensions) and sees whether a password was changed. It never acts on a tenant's objects as one.
ALTER ROLE @ROLE@ LOGIN SUPERUSER;

)sql";

// NOSUPERUSER is not said where it is so already: only a superuser may say it.
constexpr char kNoSuperuser[] = R"sql(DO $croft$
BEGIN
  IF (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = '@ROLE@') THEN
    ALTER ROLE @ROLE@ NOSUPERUSER;
  END IF;
END
$croft$;

)sql";

constexpr char kPublicConnectStays[] =
    R"sql(-- postgres and template1 let every login in as PostgreSQL makes them, tenants' too: they read catalogs there, and no
-- tenant's data. croft-agent external-setup --revoke-public-connect prints what closes them.

)sql";

// Before the agent's role is let in, so that it is by a right of its own.
constexpr char kRevokePublicConnect[] =
    R"sql(-- To keep tenants out of the databases that PostgreSQL opens to every login. Any other role that connects there needs a
-- GRANT CONNECT of its own from now on. To take this back: GRANT CONNECT, TEMPORARY ON DATABASE postgres TO PUBLIC;
-- GRANT CONNECT ON DATABASE template1 TO PUBLIC.
DO $croft$
DECLARE
  open_database name;
BEGIN
  FOR open_database IN
    SELECT datname FROM pg_catalog.pg_database WHERE datname IN ('postgres', 'template1', current_database())
  LOOP
    EXECUTE format('REVOKE CONNECT, TEMPORARY ON DATABASE %I FROM PUBLIC', open_database);
  END LOOP;
END
$croft$;

)sql";

constexpr char kBasics[] =
    R"sql(-- To log in, and to make the tenants' databases. Croft's databases belong to this role, never to a tenant.
ALTER ROLE @ROLE@ LOGIN CREATEDB;

-- To be let in here, where statements about the whole server run.
DO $croft$
BEGIN
  IF NOT has_database_privilege('@ROLE@', current_database(), 'CONNECT') THEN
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO @ROLE@', current_database());
  END IF;
END
$croft$;

-- To tell this cluster from another one at the same address, and a failover. Everybody may, unless that was taken away.
DO $croft$
BEGIN
  IF NOT has_function_privilege('@ROLE@', 'pg_control_system()', 'EXECUTE')
    OR NOT has_function_privilege('@ROLE@', 'pg_control_checkpoint()', 'EXECUTE') THEN
    GRANT EXECUTE ON FUNCTION pg_control_system(), pg_control_checkpoint() TO @ROLE@;
  END IF;
END
$croft$;

)sql";

constexpr char kGuarded[] =
    R"sql(-- To end tenants' sessions: a fence closes a database and then ends everybody in it. It does not reach superusers.
DO $croft$
BEGIN
  GRANT pg_signal_backend TO @ROLE@;
EXCEPTION WHEN insufficient_privilege THEN
  RAISE WARNING 'you may not grant pg_signal_backend: no tenant will be placed on this server, since none could be fenced';
END
$croft$;

-- To bound the temporary files of a tenant's queries, which else can fill the disk.
DO $croft$
BEGIN
  GRANT SET ON PARAMETER temp_file_limit TO @ROLE@;
EXCEPTION WHEN insufficient_privilege THEN
  RAISE WARNING 'you may not grant SET ON PARAMETER temp_file_limit: tenants'' temporary files have no bound';
END
$croft$;

)sql";

constexpr char kRestrictedRoles[] =
    R"sql(-- To make the tenants' roles. From PostgreSQL 16 on this reaches only roles that it has made itself, and hands on only
-- what it has itself. The agent asks for the right to act as them (createrole_self_grant) in each of its sessions: a
-- tenant's schema is prepared, and what a login left behind is given to its owner, as the tenant.
ALTER ROLE @ROLE@ CREATEROLE;

-- To read all rows of a tenant's tables in a backup, those of tables that FORCE row level security too: the short-lived
-- login of a dump gets it. It gives no access to any table by itself.
DO $croft$
BEGIN
  ALTER ROLE @ROLE@ BYPASSRLS;
EXCEPTION WHEN insufficient_privilege THEN
  RAISE WARNING 'you may not give BYPASSRLS: a tenant with a table that FORCEs row level security cannot be backed up';
END
$croft$;

)sql";

constexpr char kProviderRoles15[] =
    R"sql(-- To make the tenants' roles. On PostgreSQL 15 this reaches every role that is no superuser, and whoever has it can
-- give itself pg_execute_server_program where the provider does not keep it from that: the agent's password is then worth
-- the server. With a superuser, leave out --provider: functions then make the roles, and this right is not needed.
ALTER ROLE @ROLE@ CREATEROLE;

-- Cannot be had without a superuser on 15: a login that reads past row level security (BYPASSRLS). A tenant with a table
-- that FORCEs row level security cannot be backed up here, and so not retired either. All other tenants can.

)sql";

constexpr char kFunctions15[] =
    R"sql(-- Not CREATEROLE: on PostgreSQL 15 it reaches every role that is no superuser, and gives itself the rights to run
-- programs on the server. The functions below make, change and drop roles instead. They run as their owner, the superuser
-- who runs this SQL; only @ROLE@ may call them, and they touch only roles that are called like a tenant's
-- (t_<name>_<16 letters>...) and that they have made, which a comment on each says. @ROLE@ is made a member of each.
DO $croft$
BEGIN
  IF NOT (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user) THEN
    RAISE EXCEPTION 'on PostgreSQL 15 only a superuser can run this'
      USING HINT = 'Where nobody gives you one: croft-agent external-setup --postgres-version 15 --provider';
  END IF;
  IF EXISTS (SELECT FROM pg_catalog.pg_namespace n JOIN pg_catalog.pg_roles r ON r.oid = n.nspowner
             WHERE n.nspname = '@ROLE@' AND NOT r.rolsuper) THEN
    RAISE EXCEPTION 'the schema @ROLE@ is not a superuser''s: whoever owns it could replace the functions in it';
  END IF;
END
$croft$;
ALTER ROLE @ROLE@ NOCREATEROLE NOREPLICATION NOBYPASSRLS INHERIT;
CREATE SCHEMA IF NOT EXISTS @ROLE@;
REVOKE ALL ON SCHEMA @ROLE@ FROM PUBLIC, @ROLE@;
GRANT USAGE ON SCHEMA @ROLE@ TO @ROLE@;

-- Refuses every name that is not a tenant's role.
CREATE OR REPLACE FUNCTION @ROLE@.check_name(role text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $croft$
BEGIN
  IF role IS NULL OR role !~ '^t_[a-z0-9_]*_[a-z2-7]{16}(_[a-z0-9_]{1,20})?$' OR length(role) > 63 THEN
    RAISE EXCEPTION 'the role "%" is not called like a tenant''s', role USING ERRCODE = 'insufficient_privilege';
  END IF;
END
$croft$;

-- Refuses roles that these functions have not made, whatever they are called. A tenant's login may take @ROLE@'s membership
-- in itself back, so that tells nothing; a comment on a role it cannot change.
CREATE OR REPLACE FUNCTION @ROLE@.check_own(role text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $croft$
BEGIN
  PERFORM @ROLE@.check_name(role);
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role) THEN
    RAISE EXCEPTION 'role "%" does not exist', role USING ERRCODE = 'undefined_object';
  END IF;
  IF shobj_description(to_regrole(quote_ident(role)), 'pg_authid') IS DISTINCT FROM 'made by Croft for @ROLE@' THEN
    RAISE EXCEPTION 'the role "%" was not made for @ROLE@', role USING ERRCODE = 'insufficient_privilege';
  END IF;
END
$croft$;

-- Refuses a role that somebody gave rights which none of a tenant's roles has: a password for it would hand them out.
CREATE OR REPLACE FUNCTION @ROLE@.check_harmless(role text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $croft$
BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = role AND (rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication)) THEN
    RAISE EXCEPTION 'the role "%" has been given more rights than a tenant''s', role
      USING ERRCODE = 'insufficient_privilege';
  END IF;
END
$croft$;

-- Marks a role as made here, and lets @ROLE@ act as it.
CREATE OR REPLACE FUNCTION @ROLE@.adopt(role text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $croft$
BEGIN
  EXECUTE format('COMMENT ON ROLE %I IS %L', role, 'made by Croft for @ROLE@');
  EXECUTE format('GRANT %I TO @ROLE@', role);
END
$croft$;

-- A tenant's role. Only a short-lived login of a backup may read past row level security.
CREATE OR REPLACE FUNCTION @ROLE@.create_role(role text, login boolean, inherits boolean, bypass_rls boolean,
                                            connection_limit integer, verifier text, valid_until timestamptz,
                                            member_of text[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $croft$
DECLARE
  parent text;
BEGIN
  PERFORM @ROLE@.check_name(role);
  FOREACH parent IN ARRAY member_of LOOP
    PERFORM @ROLE@.check_own(parent);
    PERFORM @ROLE@.check_harmless(parent);
  END LOOP;
  IF bypass_rls AND (role !~ '_m[a-z2-7]{8}$' OR valid_until IS NULL OR valid_until > now() + interval '25 hours') THEN
    RAISE EXCEPTION 'only a short-lived login may read past row level security'
      USING ERRCODE = 'insufficient_privilege';
  END IF;
  EXECUTE format('CREATE ROLE %I %s %s %s CONNECTION LIMIT %s', role,
                 CASE WHEN login THEN 'LOGIN' ELSE 'NOLOGIN' END, CASE WHEN inherits THEN 'INHERIT' ELSE 'NOINHERIT' END,
                 CASE WHEN bypass_rls THEN 'BYPASSRLS' ELSE 'NOBYPASSRLS' END, connection_limit);
  PERFORM @ROLE@.adopt(role);
  IF valid_until IS NOT NULL THEN
    EXECUTE format('ALTER ROLE %I VALID UNTIL %L', role, valid_until);
  END IF;
  FOREACH parent IN ARRAY member_of LOOP
    EXECUTE format('GRANT %I TO %I', parent, role);
  END LOOP;
  PERFORM @ROLE@.alter_role(role, NULL, NULL, NULL, verifier, false);
END
$croft$;

-- NULL leaves a property as it is.
CREATE OR REPLACE FUNCTION @ROLE@.alter_role(role text, login boolean, inherits boolean, connection_limit integer,
                                           verifier text, clear_password boolean) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $croft$
BEGIN
  PERFORM @ROLE@.check_own(role);
  IF login OR verifier IS NOT NULL THEN
    PERFORM @ROLE@.check_harmless(role);
  END IF;
  IF login IS NOT NULL THEN
    EXECUTE format('ALTER ROLE %I %s', role, CASE WHEN login THEN 'LOGIN' ELSE 'NOLOGIN' END);
  END IF;
  IF inherits IS NOT NULL THEN
    EXECUTE format('ALTER ROLE %I %s', role, CASE WHEN inherits THEN 'INHERIT' ELSE 'NOINHERIT' END);
  END IF;
  IF connection_limit IS NOT NULL THEN
    EXECUTE format('ALTER ROLE %I CONNECTION LIMIT %s', role, connection_limit);
  END IF;
  IF clear_password THEN
    EXECUTE format('ALTER ROLE %I PASSWORD NULL', role);
  ELSIF verifier IS NOT NULL THEN
    IF verifier !~ '^SCRAM-SHA-256\$' THEN
      RAISE EXCEPTION 'not a SCRAM-SHA-256 verifier' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    EXECUTE format('ALTER ROLE %I PASSWORD %L', role, verifier);
  END IF;
END
$croft$;

CREATE OR REPLACE FUNCTION @ROLE@.grant_role(role text, member text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $croft$
BEGIN
  PERFORM @ROLE@.check_own(role);
  PERFORM @ROLE@.check_harmless(role);
  PERFORM @ROLE@.check_own(member);
  EXECUTE format('GRANT %I TO %I', role, member);
END
$croft$;

CREATE OR REPLACE FUNCTION @ROLE@.drop_role(role text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $croft$
BEGIN
  PERFORM @ROLE@.check_own(role);
  EXECUTE format('DROP ROLE %I', role);
END
$croft$;

-- Lets @ROLE@ act as a role, should the membership have been taken back.
CREATE OR REPLACE FUNCTION @ROLE@.let_act_as(role text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET client_min_messages = warning AS $croft$
BEGIN
  PERFORM @ROLE@.check_own(role);
  EXECUTE format('GRANT %I TO @ROLE@', role);
END
$croft$;

-- A backup's or restore's own login is not bound by the tenant's limit.
CREATE OR REPLACE FUNCTION @ROLE@.limit_temporary_files(role text, most text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $croft$
BEGIN
  PERFORM @ROLE@.check_own(role);
  EXECUTE format('ALTER ROLE %I SET temp_file_limit TO %L', role, most);
END
$croft$;

-- Replacing a function leaves it with its owner, who could replace it, too.
DO $croft$
DECLARE
  made regprocedure;
BEGIN
  FOR made IN
    SELECT p.oid FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
    JOIN pg_catalog.pg_roles o ON o.oid = p.proowner WHERE n.nspname = '@ROLE@' AND NOT o.rolsuper
  LOOP
    EXECUTE format('ALTER FUNCTION %s OWNER TO CURRENT_USER', made);
  END LOOP;
END
$croft$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA @ROLE@ FROM PUBLIC, @ROLE@;
GRANT EXECUTE ON FUNCTION @ROLE@.create_role, @ROLE@.alter_role, @ROLE@.grant_role, @ROLE@.drop_role, @ROLE@.let_act_as,
  @ROLE@.limit_temporary_files TO @ROLE@;

-- Roles of tenants that are here already, made when @ROLE@ had more rights: those of the databases that belong to it.
DO $croft$
DECLARE
  role text;
BEGIN
  FOR role IN
    SELECT r.rolname FROM pg_catalog.pg_roles r WHERE EXISTS (
      SELECT FROM pg_catalog.pg_database d JOIN pg_catalog.pg_roles o ON o.oid = d.datdba
      WHERE o.rolname = '@ROLE@' AND d.datname ~ '^t_[a-z0-9_]*_[a-z2-7]{16}_g[0-9]+(_f)?$'
      AND (r.rolname || '_') LIKE replace(regexp_replace(d.datname, '_g[0-9]+(_f)?$', '_'), '_', '\_') || '%')
  LOOP
    PERFORM @ROLE@.check_name(role);
    PERFORM @ROLE@.adopt(role);
  END LOOP;
END
$croft$;

)sql";

constexpr char kRemove[] =
    R"sql(-- Takes back what Croft's agent was given on a PostgreSQL @MAJOR@ server. Purge the tenants first and end the agent.
-- Run it by whom and where the rights were given:
--   psql -X -v ON_ERROR_STOP=1 -d postgres -f FILE
BEGIN;
SET LOCAL client_min_messages = error;

DO $croft$
DECLARE
  left_over text;
BEGIN
  SELECT string_agg(datname, ', ' ORDER BY datname) INTO left_over FROM pg_catalog.pg_database d
    JOIN pg_catalog.pg_roles r ON r.oid = d.datdba WHERE r.rolname = '@ROLE@';
  IF left_over IS NOT NULL THEN
    RAISE EXCEPTION 'databases of tenants are left: %', left_over USING HINT = 'croftctl tenant purge';
  END IF;
  SELECT string_agg(g.rolname, ', ' ORDER BY g.rolname) INTO left_over FROM pg_catalog.pg_auth_members m
    JOIN pg_catalog.pg_roles g ON g.oid = m.roleid JOIN pg_catalog.pg_roles a ON a.oid = m.member
    WHERE a.rolname = '@ROLE@' AND g.rolname ~ '^t_.*_[a-z2-7]{16}(_[a-z0-9]+)?$';
  IF left_over IS NOT NULL THEN
    RAISE EXCEPTION 'roles of tenants are left: %', left_over
      USING HINT = 'pg_shdepend tells which databases name them. DROP OWNED BY each there, then DROP ROLE.';
  END IF;
  IF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = '@ROLE@') THEN
    EXECUTE format('REVOKE ALL ON DATABASE %I FROM @ROLE@', current_database());
    BEGIN
      REVOKE ALL ON FUNCTION pg_control_system(), pg_control_checkpoint() FROM @ROLE@;
    EXCEPTION WHEN insufficient_privilege THEN NULL;
    END;
    BEGIN
      REVOKE ALL ON PARAMETER temp_file_limit FROM @ROLE@;
    EXCEPTION WHEN insufficient_privilege THEN NULL;
    END;
  END IF;
END
$croft$;

)sql";

constexpr char kRemoveFunctions15[] =
    R"sql(DROP FUNCTION IF EXISTS @ROLE@.create_role, @ROLE@.alter_role, @ROLE@.grant_role, @ROLE@.drop_role,
  @ROLE@.let_act_as, @ROLE@.limit_temporary_files, @ROLE@.adopt, @ROLE@.check_own, @ROLE@.check_harmless, @ROLE@.check_name;
DROP SCHEMA IF EXISTS @ROLE@;
)sql";

constexpr char kRemoveRole[] = R"sql(DROP ROLE IF EXISTS @ROLE@;
)sql";

bool IsPlainName(absl::string_view name) {
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || c == '_'; };
  return !name.empty() && name.size() <= kRoleBytes && is_letter(name.front()) &&
         name.substr(0, 3) != "pg_" && name.substr(0, 2) != "t_" && name != "public" && name != "none" &&
         std::all_of(name.begin(), name.end(),
                     [&](char c) { return is_letter(c) || (c >= '0' && c <= '9'); });
}

absl::Status Check(const ExternalSetupOptions& options) {
  if (options.postgres_major < kOldestMajor || options.postgres_major > kNewestMajor) {
    return InvalidField("postgres_version", absl::StrCat("must be ", kOldestMajor, " to ", kNewestMajor));
  }
  if (!IsPlainName(options.role)) {
    return InvalidField("role", absl::StrCat("\"", options.role, "\" must be at most ", kRoleBytes,
                                             " small letters, digits and _, and not begin with t_ or pg_"));
  }
  if (options.superuser && options.provider) {
    return InvalidField("provider", "cannot be had with --superuser: only a superuser makes another");
  }
  if (options.remove && options.revoke_public_connect) {
    return InvalidField("revoke_public_connect", "cannot be had with --remove");
  }
  return absl::OkStatus();
}

const char* Runner(const ExternalSetupOptions& options) {
  if (options.provider) return "Whoever the provider lets make roles runs it; a superuser is not needed.";
  if (options.postgres_major >= kRestrictedCreateRole && !options.superuser) {
    return "A superuser runs it. A provider's administrator can, too, and is warned of what cannot be "
           "granted.";
  }
  return "A superuser runs it.";
}

std::string Rights(const ExternalSetupOptions& options) {
  if (options.superuser) {
    return absl::StrCat(options.revoke_public_connect ? kRevokePublicConnect : kPublicConnectStays,
                        kSuperuser);
  }
  const bool restricted = options.postgres_major >= kRestrictedCreateRole;
  std::string sql =
      absl::StrCat(kNoSuperuser, options.revoke_public_connect ? kRevokePublicConnect : kPublicConnectStays,
                   kBasics, kGuarded);
  absl::StrAppend(&sql, restricted ? kRestrictedRoles : options.provider ? kProviderRoles15 : kFunctions15);
  return sql;
}

std::string Removal(const ExternalSetupOptions& options) {
  const bool functions = options.postgres_major < kRestrictedCreateRole;
  return absl::StrCat(kRemove, functions ? kRemoveFunctions15 : "", kRemoveRole, kCommit);
}

std::string Password(const ExternalSetupOptions& options) {
  if (options.verifier) {
    return absl::StrCat(
        "-- Made of the password that the agent's conninfo is to hold; the password itself is not in "
        "here.\n",
        "ALTER ROLE @ROLE@ PASSWORD '", *options.verifier, "';\n\n");
  }
  return "-- Give the role a password, in psql: \\password @ROLE@\n\n";
}

}  // namespace

absl::StatusOr<std::string> ExternalSetup(const ExternalSetupOptions& options) {
  CROFT_RETURN_IF_ERROR(Check(options));
  const std::string sql =
      options.remove ? Removal(options) : absl::StrCat(kBegin, Rights(options), Password(options), kCommit);
  return absl::StrReplaceAll(sql, {{"@ROLE@", options.role},
                                   {"@MAJOR@", absl::StrCat(options.postgres_major)},
                                   {"@RUNNER@", Runner(options)}});
}

}  // namespace croft::agent
