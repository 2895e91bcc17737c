#pragma once

// What the server's own record of dependencies on roles (pg_shdepend) tells of every database, without entering it: SQL
// about a role `r` (pg_roles) and, where it says so, a database `d` (pg_database).
namespace croft::agent {

// Whether the reader `r` has the three default privileges of the tenant's owner in `d`: on schemas, tables, sequences.
inline constexpr char kReaderHasDefaults[] =
    "(SELECT count(*) >= 3 FROM pg_shdepend s WHERE s.dbid = d.oid "
    "AND s.classid = 'pg_default_acl'::regclass AND s.refclassid = 'pg_authid'::regclass "
    "AND s.refobjid = r.oid AND s.deptype = 'a')";

// Whether the reader `r` may use a schema in `d`.
inline constexpr char kReaderHasSchema[] =
    "EXISTS (SELECT FROM pg_shdepend s WHERE s.dbid = d.oid AND s.classid = 'pg_namespace'::regclass "
    "AND s.refclassid = 'pg_authid'::regclass AND s.refobjid = r.oid AND s.deptype = 'a')";

// Names of the databases that name `r`, inside or by a grant on them.
inline constexpr char kHolders[] =
    "ARRAY(SELECT DISTINCT held.datname::text FROM pg_shdepend s JOIN pg_database held "
    "ON held.oid = CASE WHEN s.dbid = 0 AND s.classid = 'pg_database'::regclass THEN s.objid ELSE s.dbid "
    "END "
    "WHERE s.refclassid = 'pg_authid'::regclass AND s.refobjid = r.oid ORDER BY 1)";

}  // namespace croft::agent
