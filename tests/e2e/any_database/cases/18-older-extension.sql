-- VERIFIED: an extension comes back at the version that it had, or a note names the difference.
CREATE EXTENSION hstore VERSION '1.6';
CREATE EXTENSION pg_trgm VERSION '1.4';
