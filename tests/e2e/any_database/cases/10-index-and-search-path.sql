-- VERIFIED_WITH_NOTES or INCOMPLETE: the planner inlines the function of an index; index, function and remedy are named.
CREATE EXTENSION unaccent;
CREATE FUNCTION folded(word text) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT lower(unaccent('unaccent', word)) $$;
CREATE TABLE author (id int PRIMARY KEY, name text);
INSERT INTO author VALUES (1, 'Zoë'), (2, 'José');
CREATE INDEX author_folded ON author (folded(name));
