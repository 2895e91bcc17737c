#include "tests/agent/dump_format/oracle/real_dump.h"

namespace croft::agent {

const char kManyKinds[] = R"sql(
DO $do$ BEGIN
  CREATE ROLE app; CREATE ROLE "odd ""role"""; CREATE ROLE reader;
EXCEPTION WHEN duplicate_object THEN NULL; END $do$;
SET client_min_messages = warning;

CREATE SCHEMA shop AUTHORIZATION app;
CREATE SCHEMA "Odd; schema ""q"" $$ \ é
next";
COMMENT ON SCHEMA shop IS 'a comment; with ''quotes'', "more", $$ and \backslashes';

CREATE TYPE shop.colour AS ENUM ('red', 'green', 'it''s "blue"', 'grey');
CREATE TYPE shop.pair AS (a int, "b c" text);
CREATE TYPE shop.span AS RANGE (subtype = int4);
CREATE DOMAIN shop.code AS varchar(5) DEFAULT 'x' CHECK (VALUE IN ('x', 'y', 'zz')) NOT NULL;
CREATE COLLATION shop.plain FROM "C";
CREATE SEQUENCE shop.counter START 7 INCREMENT 3 CYCLE MAXVALUE 1000;
SELECT nextval('shop.counter'), nextval('shop.counter');

CREATE TABLE shop.customers (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name text NOT NULL DEFAULT 'nobody; -- "here"',
  kind varchar(10) CHECK (kind IN ('a', 'b', 'it''s')),
  amount numeric(10, 2) CHECK (amount > 0 AND amount < 1000 OR amount IS NULL),
  doubled numeric GENERATED ALWAYS AS (amount * 2) STORED,
  tags text[] DEFAULT ARRAY['x', 'y']::text[],
  made timestamptz NOT NULL DEFAULT '2026-01-01 00:00:00+00',
  colour shop.colour, code shop.code, raw bytea, extra jsonb,
  CONSTRAINT "odd ""constraint""" UNIQUE (name, kind));
INSERT INTO shop.customers (name, kind, amount, colour, raw, extra)
  SELECT 'n' || g || E'\t\\.\n"' || chr(233), (ARRAY['a', 'b', NULL])[1 + g % 3], g,
         (enum_range(NULL::shop.colour))[1 + g % 4], decode(md5(g::text), 'hex'), jsonb_build_object('g', g)
  FROM generate_series(1, 200) g;
INSERT INTO shop.customers (name) VALUES (''), ('\N'), (E'\\.');
ALTER TABLE shop.customers OWNER TO app;
CREATE INDEX customers_lower ON shop.customers (lower(name)) WHERE kind IN ('a', 'b');
CREATE STATISTICS shop.customers_stats (dependencies) ON kind, amount FROM shop.customers;
COMMENT ON COLUMN shop.customers.name IS E'line\nbreak';

CREATE TABLE "Odd; schema ""q"" $$ \ é
next"."odd
table ""x"" $$ ' \ ü -- no" ("a
b" int, "c""d" text, "e,f" text, "UPPER (x)" text, "plain" int);
INSERT INTO "Odd; schema ""q"" $$ \ é
next"."odd
table ""x"" $$ ' \ ü -- no" SELECT g, 'c' || g, NULL, '\N', g FROM generate_series(1, 20) g;
CREATE TABLE shop.nothing ();
INSERT INTO shop.nothing DEFAULT VALUES;
INSERT INTO shop.nothing DEFAULT VALUES;
CREATE TABLE shop.empty (i int);

CREATE TABLE shop.orders (id int PRIMARY KEY, customer bigint REFERENCES shop.customers ON DELETE CASCADE,
                          note text, at date NOT NULL) ;
INSERT INTO shop.orders SELECT g, g, 'order ' || g, '2026-01-01'::date + g FROM generate_series(1, 50) g;

CREATE TABLE shop.base (f1 int, f2 int);
CREATE TABLE shop.child (f3 int) INHERITS (shop.base);
ALTER TABLE shop.base ADD f4 int;
INSERT INTO shop.child SELECT g, g + 1000, g + 2000, g + 3000 FROM generate_series(1, 30) g;

CREATE TABLE shop.paint (c shop.colour, n int) PARTITION BY HASH (c);
CREATE TABLE shop.paint_0 PARTITION OF shop.paint FOR VALUES WITH (MODULUS 3, REMAINDER 0);
CREATE TABLE shop.paint_1 PARTITION OF shop.paint FOR VALUES WITH (MODULUS 3, REMAINDER 1) PARTITION BY RANGE (n);
CREATE TABLE shop.paint_1a PARTITION OF shop.paint_1 FOR VALUES FROM (MINVALUE) TO (40);
CREATE TABLE shop.paint_1b PARTITION OF shop.paint_1 DEFAULT;
CREATE TABLE shop.paint_2 PARTITION OF shop.paint FOR VALUES WITH (MODULUS 3, REMAINDER 2);
INSERT INTO shop.paint SELECT (enum_range(NULL::shop.colour))[1 + g % 4], g FROM generate_series(1, 80) g;
CREATE TABLE shop.events (at date, what text) PARTITION BY RANGE (at);
CREATE TABLE shop.events_a PARTITION OF shop.events FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
CREATE TABLE shop.events_b PARTITION OF shop.events FOR VALUES FROM ('2026-02-01') TO ('2026-03-01');
INSERT INTO shop.events SELECT '2026-01-01'::date + g, 'e' || g FROM generate_series(1, 50) g;
CREATE INDEX ON shop.events (at);

CREATE FUNCTION shop.guard() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  -- GRANT SELECT ON x TO "app"; 'app' "app"
  RETURN NEW;
END $body$;
CREATE FUNCTION shop.add(a int, b int DEFAULT 1) RETURNS int LANGUAGE sql IMMUTABLE RETURN a + b;
CREATE PROCEDURE shop.run(INOUT x int) LANGUAGE plpgsql AS 'BEGIN x := x + 1; END';
CREATE AGGREGATE shop.total(int) (SFUNC = int4pl, STYPE = int, INITCOND = '0');
CREATE OPERATOR shop.<+> (LEFTARG = int, RIGHTARG = int, FUNCTION = shop.add);
CREATE CAST (shop.pair AS text) WITH INOUT;
CREATE TRIGGER guarded BEFORE INSERT ON shop.orders FOR EACH ROW EXECUTE FUNCTION shop.guard();
ALTER TABLE shop.orders DISABLE TRIGGER guarded;
CREATE RULE quiet AS ON DELETE TO shop.empty DO INSTEAD NOTHING;

CREATE VIEW shop.sums AS SELECT kind, sum(amount) AS total FROM shop.customers WHERE kind <> 'z' GROUP BY kind;
CREATE MATERIALIZED VIEW shop.cached AS SELECT count(*) AS n FROM shop.orders;

ALTER TABLE shop.customers ENABLE ROW LEVEL SECURITY;
CREATE POLICY mine ON shop.customers FOR SELECT TO app, "odd ""role""" USING (name <> 'TO "app"' AND kind = 'a');
CREATE POLICY "all of ""them""" ON shop.customers USING (true) WITH CHECK (current_user = 'app');

GRANT USAGE ON SCHEMA shop TO reader, "odd ""role""";
GRANT SELECT, INSERT ON shop.orders TO reader;
GRANT SELECT (id, note) ON shop.orders TO "odd ""role""" WITH GRANT OPTION;
GRANT EXECUTE ON FUNCTION shop.add(int, int) TO reader;
REVOKE EXECUTE ON FUNCTION shop.add(int, int) FROM PUBLIC;
GRANT SELECT ON shop.sums TO PUBLIC;
ALTER DEFAULT PRIVILEGES FOR ROLE app IN SCHEMA shop GRANT SELECT ON TABLES TO reader;
ALTER DEFAULT PRIVILEGES FOR ROLE app REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;

SELECT lo_from_bytea(2000, decode(repeat('00ff', 300000), 'hex'));
SELECT lo_from_bytea(1000, 'small');
SELECT lo_from_bytea(4000000000, 'a high number');
SELECT lo_create(1500);
COMMENT ON LARGE OBJECT 1000 IS 'a large object';
GRANT SELECT ON LARGE OBJECT 1000 TO reader;
CREATE PUBLICATION orders FOR TABLE shop.orders WHERE (id > 3);
CREATE TEXT SEARCH CONFIGURATION shop.words (COPY = simple);
CREATE EXTENSION citext SCHEMA shop;
CREATE FOREIGN DATA WRAPPER nothing;
CREATE SERVER elsewhere FOREIGN DATA WRAPPER nothing OPTIONS (host 'it''s');
)sql";

}  // namespace croft::agent
