-- VERIFIED_WITH_NOTES or INCOMPLETE: the function needs a search path; column, function and remedy are named.
CREATE EXTENSION unaccent;
CREATE FUNCTION sort_key(name text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS
  'BEGIN RETURN upper(unaccent(name)); END';
CREATE TABLE place (name text, key text GENERATED ALWAYS AS (public.sort_key(name)) STORED);
INSERT INTO place (name) VALUES ('Göteborg'), ('Łódź');
