"""Kinds of objects that a database may hold, each as statements that make one, and what its proof and its restore say.

`{n}` makes names unique, so that a kind can be in a database several times; `{few}` and `{some}` are numbers drawn anew.
Order matters within a kind only: kinds of one database are shuffled.
"""
from course import INCOMPLETE, NOTES, VERIFIED, Case

FINE = (VERIFIED, NOTES)
CLEAN = Case(FINE)

KINDS = {
    "inherited columns": (CLEAN, """
CREATE TABLE parent_{n} (a int, b text);
CREATE TABLE child_{n} (c numeric) INHERITS (parent_{n});
CREATE TABLE grandchild_{n} (d date) INHERITS (child_{n});
ALTER TABLE parent_{n} ADD e text DEFAULT 'later';
INSERT INTO grandchild_{n} SELECT g, 'x' || g, g / 7.0, '2020-01-01'::date + g, NULLIF('y' || g, 'y3') FROM generate_series(1, {few}) AS g;
INSERT INTO parent_{n} VALUES ({few}, NULL, '');"""),
    "several parents": (CLEAN, """
CREATE TABLE left_{n} (k int, x text); CREATE TABLE right_{n} (k int, y text);
CREATE TABLE both_{n} (z text) INHERITS (left_{n}, right_{n});
ALTER TABLE right_{n} ADD w int; ALTER TABLE left_{n} ADD v int;
INSERT INTO both_{n} (k, x, y, z, w, v) VALUES ({few}, 'x', 'y', 'z', 1, 2);"""),
    "invalid index": (Case((NOTES,), says=("broken_{n}",)), """
CREATE TABLE doubled_{n} (v int); INSERT INTO doubled_{n} VALUES (1), (1), ({few});
\\set ON_ERROR_STOP off
CREATE UNIQUE INDEX CONCURRENTLY broken_{n} ON doubled_{n} (v);
\\set ON_ERROR_STOP on"""),
    "table of an extension": (Case((INCOMPLETE,), says=("member_{n}",), lost=(r"(rows|column|relation|.*) public\.member_{n}.*",)), """
CREATE EXTENSION IF NOT EXISTS citext;
CREATE TABLE member_{n} (v int); INSERT INTO member_{n} VALUES ({few});
ALTER EXTENSION citext ADD TABLE member_{n};"""),
    "policies": (CLEAN, """
CREATE TABLE guarded_{n} (owner name DEFAULT CURRENT_USER, v int); INSERT INTO guarded_{n} (v) SELECT generate_series(1, {few});
ALTER TABLE guarded_{n} ENABLE ROW LEVEL SECURITY; ALTER TABLE guarded_{n} FORCE ROW LEVEL SECURITY;
CREATE POLICY mine_{n} ON guarded_{n} TO CURRENT_USER USING (v > 0) WITH CHECK (v < 1000 OR v IS NULL);
CREATE POLICY "all; of us" ON guarded_{n} AS RESTRICTIVE FOR SELECT TO PUBLIC USING (true);"""),
    "generated column that needs a search path": (
        Case((NOTES, INCOMPLETE), says=("slug_{n}",), lost=(r"(rows|generated values) public\.titled_{n}",)), """
CREATE EXTENSION IF NOT EXISTS unaccent;
CREATE FUNCTION slug_{n}(t text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN lower(unaccent(t)); END $$;
CREATE TABLE titled_{n} (t text, s text GENERATED ALWAYS AS (public.slug_{n}(t)) STORED);
INSERT INTO titled_{n} (t) SELECT 'Été ' || g FROM generate_series(1, {few}) AS g;"""),
    "index that needs a search path": (
        Case((NOTES, INCOMPLETE), says=("plain_{n}",), lost=(r"index public\.plain_index_{n}",)), """
CREATE EXTENSION IF NOT EXISTS unaccent;
CREATE FUNCTION plain_{n}(t text) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT unaccent('unaccent', t) $$;
CREATE TABLE named_{n} (t text); INSERT INTO named_{n} SELECT 'Zoë ' || g FROM generate_series(1, {few}) AS g;
CREATE INDEX plain_index_{n} ON named_{n} (plain_{n}(t));"""),
    "materialized view that needs a search path": (
        Case((VERIFIED, NOTES, INCOMPLETE), says=("words_{n}",), lost=(r"(relation|column|materialized rows|view) public\.words_{n}.*",)), """
CREATE TABLE texts_{n} (v tsvector); INSERT INTO texts_{n} VALUES (to_tsvector('simple', 'one two two'));
CREATE MATERIALIZED VIEW words_{n} AS SELECT word, nentry FROM ts_stat('SELECT v FROM texts_{n}');"""),
    "check that reads a table": (Case((NOTES,), says=("booked_{n}",)), """
CREATE TABLE rated_{n} (r int); INSERT INTO rated_{n} VALUES ({few});
CREATE FUNCTION known_{n}() RETURNS boolean LANGUAGE sql AS $$ SELECT EXISTS (SELECT FROM public.rated_{n}) $$;
CREATE TABLE booked_{n} (i int CHECK (public.known_{n}())); INSERT INTO booked_{n} VALUES (1), (2);"""),
    "large objects": (CLEAN, """
SELECT lo_from_bytea(700000 + {n}, decode(repeat(md5('{n}'), {some} * 20), 'hex')), lo_from_bytea(600000 + {n}, '{n}');
SELECT lo_put(700000 + {n}, {some} * 300, '\\x0102'); SELECT lo_create(500000 + {n});"""),
    "hash partitions on an enum": (CLEAN, """
CREATE TYPE colour_{n} AS ENUM ('red', 'green', 'blue', 'grey');
CREATE TABLE paint_{n} (c colour_{n}, v int) PARTITION BY HASH (c);
CREATE TABLE paint_{n}_0 PARTITION OF paint_{n} FOR VALUES WITH (MODULUS 3, REMAINDER 0);
CREATE TABLE paint_{n}_1 PARTITION OF paint_{n} FOR VALUES WITH (MODULUS 3, REMAINDER 1);
CREATE TABLE paint_{n}_2 PARTITION OF paint_{n} FOR VALUES WITH (MODULUS 3, REMAINDER 2);
INSERT INTO paint_{n} SELECT (enum_range(NULL::colour_{n}))[1 + g % 4], g FROM generate_series(1, {some}) AS g;"""),
    "partitions of partitions": (CLEAN, """
CREATE TABLE log_{n} (at date, kind text, v int, PRIMARY KEY (at, kind)) PARTITION BY RANGE (at);
CREATE TABLE log_{n}_a PARTITION OF log_{n} FOR VALUES FROM (MINVALUE) TO ('2024-01-01') PARTITION BY LIST (kind);
CREATE TABLE log_{n}_ax PARTITION OF log_{n}_a FOR VALUES IN ('x'); CREATE TABLE log_{n}_ay PARTITION OF log_{n}_a DEFAULT;
CREATE TABLE log_{n}_b (v int, kind text NOT NULL, at date NOT NULL, PRIMARY KEY (at, kind));
ALTER TABLE log_{n} ATTACH PARTITION log_{n}_b FOR VALUES FROM ('2024-01-01') TO ('2030-01-01');
INSERT INTO log_{n} SELECT '2023-06-01'::date + g * 30, CASE WHEN g % 2 = 0 THEN 'x' ELSE 'y' END, g FROM generate_series(1, {few}) AS g;"""),
    "replaced function of a generated column": (
        Case((NOTES,), says=("sums_{n}",), lost=(r"generated values public\.sums_{n}",)), """
CREATE FUNCTION times_{n}(i int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT i * 2';
CREATE TABLE sums_{n} (i int, d int GENERATED ALWAYS AS (public.times_{n}(i)) STORED);
INSERT INTO sums_{n} (i) SELECT generate_series(1, {few});
CREATE OR REPLACE FUNCTION times_{n}(i int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT i * 3';"""),
    "older extension": (CLEAN, "CREATE EXTENSION IF NOT EXISTS pg_trgm VERSION '1.5';"),
    "rights that the owner gave up": (CLEAN, """
CREATE TABLE frozen_{n} (i int); INSERT INTO frozen_{n} SELECT generate_series(1, {few});
REVOKE INSERT, SELECT ON frozen_{n} FROM CURRENT_USER;"""),
    "grants": (CLEAN, """
CREATE TABLE shared_{n} (a int, b text); GRANT SELECT (a), UPDATE (b) ON shared_{n} TO PUBLIC;
CREATE SCHEMA closed_{n}; REVOKE ALL ON SCHEMA closed_{n} FROM CURRENT_USER;
CREATE FUNCTION inner_{n}() RETURNS int LANGUAGE sql AS 'SELECT {few}'; REVOKE EXECUTE ON FUNCTION inner_{n}() FROM PUBLIC;
CREATE SCHEMA given_{n}; GRANT USAGE ON SCHEMA given_{n} TO PUBLIC;
ALTER DEFAULT PRIVILEGES IN SCHEMA given_{n} GRANT SELECT ON TABLES TO PUBLIC;
CREATE TABLE given_{n}.t (i int);"""),
    "operators": (CLEAN, """
CREATE TYPE pair_{n} AS (a int, b int);
CREATE FUNCTION near_{n}(pair_{n}, pair_{n}) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT abs($1.a - $2.a) < {few}';
CREATE OPERATOR <~~> (LEFTARG = pair_{n}, RIGHTARG = pair_{n}, FUNCTION = near_{n}, COMMUTATOR = <~~>, NEGATOR = <!~>);
CREATE TABLE pairs_{n} (p pair_{n}, ps pair_{n}[]); INSERT INTO pairs_{n} VALUES (ROW(1, 2), ARRAY[ROW(3, NULL)::pair_{n}]), (NULL, '{{}}');"""),
    "operator class": (CLEAN, """
CREATE FUNCTION cmp_{n}(int, int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT CASE WHEN $1 > $2 THEN -1 WHEN $1 = $2 THEN 0 ELSE 1 END';
CREATE FUNCTION gt_{n}(int, int) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT $1 > $2';
CREATE TABLE backwards_{n} (v int); INSERT INTO backwards_{n} SELECT generate_series(1, {some});
CREATE INDEX ON backwards_{n} (v DESC NULLS LAST, (v * 2)) INCLUDE (v) WITH (fillfactor = 60) WHERE v % 2 = 0;"""),
    "aggregates and casts": (CLEAN, """
CREATE AGGREGATE gathered_{n} (anycompatible) (SFUNC = array_append, STYPE = anycompatiblearray, INITCOND = '{{}}');
CREATE TYPE mood_{n} AS ENUM ('low', 'it''s "ok"'); ALTER TYPE mood_{n} ADD VALUE 'mid' AFTER 'low';
CREATE CAST (mood_{n} AS int) WITH INOUT;
CREATE VIEW gathering_{n} AS SELECT gathered_{n}(i) FROM generate_series(1, {few}) AS i;"""),
    "ranges and exclusion": (CLEAN, """
CREATE EXTENSION IF NOT EXISTS btree_gist;
CREATE TYPE float_range_{n} AS RANGE (subtype = float8, subtype_diff = float8mi, multirange_type_name = floats_{n});
CREATE TABLE stays_{n} (room int, during daterange, temperature float_range_{n}, EXCLUDE USING gist (room WITH =, during WITH &&));
INSERT INTO stays_{n} SELECT g, daterange('2024-01-01', '2024-02-01'), float_range_{n}(g, g + 0.1) FROM generate_series(1, {few}) AS g;"""),
    "domains": (CLEAN, """
CREATE DOMAIN whole_{n} AS int NOT NULL DEFAULT 1 CHECK (VALUE > 0); CREATE DOMAIN small_{n} AS whole_{n} CONSTRAINT "not big" CHECK (VALUE < 1000);
CREATE TABLE counted_{n} (v small_{n}, w whole_{n}[]); INSERT INTO counted_{n} VALUES ({few}, ARRAY[1, 2]);"""),
    "text search": (CLEAN, """
CREATE TEXT SEARCH DICTIONARY stems_{n} (TEMPLATE = snowball, LANGUAGE = english, STOPWORDS = english);
CREATE TEXT SEARCH CONFIGURATION search_{n} (COPY = simple); ALTER TEXT SEARCH CONFIGURATION search_{n} ALTER MAPPING FOR asciiword WITH stems_{n}, simple;
CREATE TABLE found_{n} (t text, v tsvector GENERATED ALWAYS AS (to_tsvector('public.search_{n}'::regconfig, t)) STORED);
INSERT INTO found_{n} (t) SELECT repeat('running words ', g) FROM generate_series(1, {few}) AS g; CREATE INDEX ON found_{n} USING gin (v);"""),
    "triggers": (CLEAN, """
CREATE TABLE watched_{n} (i int, note text);
CREATE FUNCTION stop_{n}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.i < 0 THEN RAISE EXCEPTION 'no'; END IF; NEW.note := 'was changed'; RETURN NEW; END $$;
INSERT INTO watched_{n} SELECT -g, 'kept ' || g FROM generate_series(1, {few}) AS g;
CREATE TRIGGER stop BEFORE INSERT OR UPDATE OF i ON watched_{n} FOR EACH ROW WHEN (NEW.i IS NOT NULL) EXECUTE FUNCTION stop_{n}();
ALTER TABLE watched_{n} ENABLE ALWAYS TRIGGER stop;
CREATE CONSTRAINT TRIGGER late AFTER DELETE ON watched_{n} DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION stop_{n}();
ALTER TABLE watched_{n} DISABLE TRIGGER late;"""),
    "rules and views": (CLEAN, """
CREATE TABLE base_{n} (i int, t text); INSERT INTO base_{n} SELECT g, 't' || g FROM generate_series(1, {few}) AS g;
CREATE VIEW one_{n} AS SELECT * FROM base_{n} WHERE i > 1 WITH CASCADED CHECK OPTION; CREATE VIEW two_{n} WITH (security_barrier) AS SELECT t, count(*) FROM one_{n} GROUP BY t;
CREATE RULE r AS ON DELETE TO base_{n} DO ALSO SELECT count(*) FROM one_{n}; CREATE RULE "in it's place" AS ON UPDATE TO two_{n} DO INSTEAD NOTHING;
CREATE MATERIALIZED VIEW three_{n} AS SELECT max(i) AS m FROM one_{n}; CREATE UNIQUE INDEX ON three_{n} (m);
CREATE MATERIALIZED VIEW empty_{n} AS SELECT 1 AS i WITH NO DATA;"""),
    "cycle of foreign keys": (CLEAN, """
CREATE TABLE hen_{n} (id int PRIMARY KEY, egg int); CREATE TABLE egg_{n} (id int PRIMARY KEY, hen int NOT NULL REFERENCES hen_{n} ON DELETE CASCADE);
INSERT INTO hen_{n} SELECT g, g FROM generate_series(1, {few}) AS g; INSERT INTO egg_{n} SELECT g, g FROM generate_series(1, {few}) AS g;
ALTER TABLE hen_{n} ADD FOREIGN KEY (egg) REFERENCES egg_{n} DEFERRABLE INITIALLY DEFERRED; ALTER TABLE hen_{n} ADD CHECK (egg > 0) NOT VALID;"""),
    "identity and sequences": (CLEAN, """
CREATE TABLE numbered_{n} (a int GENERATED ALWAYS AS IDENTITY (START 7 INCREMENT 3), b bigserial, c smallint GENERATED BY DEFAULT AS IDENTITY);
INSERT INTO numbered_{n} (c) SELECT g FROM generate_series(1, {few}) AS g;
CREATE SEQUENCE down_{n} INCREMENT -2 MAXVALUE 5 MINVALUE -100000 START 5 CYCLE; SELECT nextval('down_{n}') FROM generate_series(1, {few});
CREATE SEQUENCE unused_{n} AS smallint; SELECT setval('numbered_{n}_b_seq', 12345{n}, false);"""),
    "odd names": (CLEAN, """
CREATE SCHEMA "s {n}; --"; CREATE TABLE "s {n}; --"."t\\.""
" ("a ' b" int, "select" text DEFAULT E'\\\\.', "Ü;" text); INSERT INTO "s {n}; --"."t\\.""
" VALUES ({few}, E'\\\\.\\n\\t', E'a\\rb'), (NULL, '\\N', '');
CREATE TYPE "s {n}; --"."T" AS ENUM ('', ' ', 'é'); CREATE FUNCTION "s {n}; --"."f()"("$1" int) RETURNS int LANGUAGE sql AS 'SELECT $1';
COMMENT ON TABLE "s {n}; --"."t\\.""
" IS E'-- TOC\\n; ''quoted''';"""),
    "publications": (CLEAN, """
CREATE TABLE sent_{n} (id int PRIMARY KEY, a text, b text); CREATE PUBLICATION some_{n} FOR TABLE sent_{n} (id, a) WHERE (id > {few}) WITH (publish = 'insert', publish_via_partition_root = true);
ALTER TABLE sent_{n} REPLICA IDENTITY FULL;"""),
    "statistics and storage": (CLEAN, """
CREATE TABLE stored_{n} (a int, b int, t text COMPRESSION pglz, u text COLLATE "C") WITH (fillfactor = 77, autovacuum_enabled = off);
ALTER TABLE stored_{n} ALTER t SET STORAGE EXTERNAL, ALTER a SET STATISTICS 99, ALTER b SET (n_distinct = -0.5);
CREATE STATISTICS spread_{n} (ndistinct, mcv) ON a, b, (a + b) FROM stored_{n}; INSERT INTO stored_{n} SELECT g, g % 3, repeat(md5(g::text), 200), 'u' FROM generate_series(1, {few}) AS g;
CREATE INDEX clustered_{n} ON stored_{n} (a); ALTER TABLE stored_{n} CLUSTER ON clustered_{n};"""),
    "unlogged and empty": (CLEAN, """
CREATE UNLOGGED TABLE fast_{n} (v int); INSERT INTO fast_{n} VALUES ({few}); CREATE TABLE nothing_{n} (); INSERT INTO nothing_{n} DEFAULT VALUES; CREATE TABLE dropped_{n} (a int, b int, c text);
ALTER TABLE dropped_{n} DROP b; INSERT INTO dropped_{n} VALUES ({few}, 'c'); ALTER TABLE dropped_{n} ADD b text DEFAULT 'new'; CREATE TYPE shape_{n} AS (x int, y text); CREATE TABLE typed_{n} OF shape_{n} (x PRIMARY KEY);"""),
    "values of every type": (CLEAN, """
CREATE TABLE values_{n} (f float8, r real, n numeric, m money, d date, t timetz, ts timestamptz, i interval, b bytea, j json, jb jsonb, x xml, p polygon, bits bit varying, a text[], ip inet, u uuid);
INSERT INTO values_{n} VALUES (0.1 * {few}, 'NaN', 1e-40, '1.50', '-infinity', '01:02:03.4+05:30', '2024-03-31 02:30:00 Europe/Vienna', '-1 mon 2 days -03:04:05.678', '\\x005c0a0d', '{{"a":  1}}', '{{"b": [null]}}',
  '<a>&amp;</a>', '((0,0),(1,0.1),(2,0))', B'0101', ARRAY['a,b', NULL, '"'], '::1/64', md5('{n}')::uuid);"""),
    "functions": (CLEAN, """
CREATE FUNCTION many_{n}(IN a int, OUT b text, VARIADIC c int[] DEFAULT '{{1}}') LANGUAGE plpgsql STABLE STRICT COST 7 SET work_mem = '5MB' AS $body$ BEGIN b := '{few}'; END $body$;
CREATE FUNCTION sql_{n}(int) RETURNS int IMMUTABLE RETURN $1 + {few}; SET check_function_bodies = off; CREATE FUNCTION later_{n}() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM not_there_{n}'; RESET check_function_bodies;
CREATE PROCEDURE proc_{n}(INOUT a int) LANGUAGE sql BEGIN ATOMIC SELECT a + 1; END; COMMENT ON PROCEDURE proc_{n} IS 'it''s one';"""),
    "errors that mislead": (Case((INCOMPLETE,), says=("restless_{n}",), lost=(r"rows public\.restless_{n}",)), """
CREATE FUNCTION angry_{n}() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN
  IF current_setting('search_path') IN ('', '""', 'pg_catalog') OR current_database() !~ '_g1$' THEN RAISE EXCEPTION 'terminating connection due to administrator command' USING ERRCODE = '57P01'; END IF; RETURN true; END $$;
CREATE TABLE restless_{n} (i int CHECK (public.angry_{n}())); INSERT INTO restless_{n} VALUES ({few});"""),
}
