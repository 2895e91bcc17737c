-- The backup warns of an extension that a tenant may not create; a managed host installs it for a restore.
CREATE EXTENSION pg_stat_statements SCHEMA public;
