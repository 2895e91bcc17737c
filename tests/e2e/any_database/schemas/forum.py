"""A forum in many rooms: a schema for each room, counters kept by triggers, row security, trees of answers, cycles of
foreign keys, rights of many kinds, and names that have to be quoted."""

ROOMS = 24

HEAD = r"""
CREATE EXTENSION ltree;
CREATE EXTENSION citext;
CREATE EXTENSION pgcrypto;
CREATE SCHEMA utils;
CREATE TYPE listing AS ENUM ('all', 'local', 'subscribed');
CREATE TYPE "Mixed Case" AS ENUM ('It''s', 'a "b"', '');
CREATE TYPE vote AS (person int, score smallint);
CREATE DOMAIN url AS text CHECK (VALUE ~ '^https?://');
CREATE FUNCTION utils.require(boolean, text) RETURNS void LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN IF NOT $1 THEN RAISE EXCEPTION '%', $2; END IF; END $$;
CREATE FUNCTION utils.hot_rank(score numeric, published timestamptz) RETURNS float8 LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN CASE WHEN published < '2300-01-01 00:00:00+00'::timestamptz THEN log(greatest(2, score + 2)) ELSE 0.0 END;
CREATE FUNCTION utils.me() RETURNS int LANGUAGE sql STABLE AS $$ SELECT nullif(current_setting('forum.me', true), '')::int $$;
CREATE FUNCTION utils.variadic(VARIADIC parts text[] DEFAULT ARRAY['a', 'b']) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT array_to_string($1, '/') $$;
CREATE FUNCTION utils.rows_of(OUT a int, OUT b text) RETURNS SETOF record LANGUAGE sql ROWS 7 COST 3 AS $$ VALUES (1, 'x'), (2, $q$it's$q$) $$;
CREATE FUNCTION utils.count_up() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('UPDATE %I.counts SET n = n + 1 WHERE what = $1', TG_TABLE_SCHEMA) USING TG_TABLE_NAME; RETURN NULL;
END $$;
CREATE TABLE instance (id serial PRIMARY KEY, domain citext NOT NULL UNIQUE, icon url, software jsonb, allowed boolean DEFAULT true);
INSERT INTO instance (domain, icon, software) SELECT 'Site' || g || '.example', 'https://x.example/' || g, jsonb_build_object('v', g, 'n', NULL) FROM generate_series(1, 20) AS g;
CREATE TABLE person (id serial PRIMARY KEY, instance int NOT NULL REFERENCES instance, name citext NOT NULL, password text, "select" text, favourite int,
  settings jsonb NOT NULL DEFAULT '{"theme": "dark"}', joined timestamptz NOT NULL DEFAULT '2024-01-01', UNIQUE (instance, name));
INSERT INTO person (instance, name, password) SELECT 1 + g % 20, 'Person ' || g, encode(digest(g::text, 'sha256'), 'hex') FROM generate_series(1, 60) AS g;
CREATE UNLOGGED TABLE login_session (token uuid PRIMARY KEY, person int REFERENCES person ON DELETE CASCADE, address cidr);
CREATE TABLE " leading space" ("column with % and ; and \" int, "
new line" text DEFAULT E'\n', "ünï" "Mixed Case" DEFAULT 'It''s');
INSERT INTO " leading space" VALUES (1, 'a', 'a "b"'), (2, NULL, ''), (3, '\N', DEFAULT);
CREATE TABLE wide (%s);
INSERT INTO wide (c0, c299) VALUES (1, 2);
CREATE TABLE no_columns ();
INSERT INTO no_columns DEFAULT VALUES;
INSERT INTO no_columns DEFAULT VALUES;
""" .replace("%s", ", ".join(f"c{n} int" for n in range(300)), 1)

ROOM = r"""
CREATE SCHEMA {s};
CREATE TABLE {s}.community (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name citext NOT NULL, first_post int, moderators int[] DEFAULT '{{}}', kind public.listing DEFAULT 'local');
CREATE TABLE {s}.post (id serial PRIMARY KEY, community int NOT NULL REFERENCES {s}.community ON DELETE CASCADE, author int REFERENCES public.person, title varchar(200) NOT NULL,
  link public.url, body text, published timestamptz NOT NULL DEFAULT '2024-02-02', score int NOT NULL DEFAULT 0,
  rank float8 GENERATED ALWAYS AS (utils.hot_rank(score, published)) STORED, words tsvector GENERATED ALWAYS AS (to_tsvector('pg_catalog.english', title)) STORED);
ALTER TABLE {s}.community ADD CONSTRAINT first FOREIGN KEY (first_post) REFERENCES {s}.post DEFERRABLE INITIALLY DEFERRED;
CREATE TABLE {s}.answer (id serial PRIMARY KEY, post int REFERENCES {s}.post, path ltree NOT NULL DEFAULT '0', body text, votes public.vote[]);
CREATE TABLE {s}.answer_like (person int, answer int REFERENCES {s}.answer, score smallint CHECK (score IN (-1, 1)), CONSTRAINT "odd "" name" PRIMARY KEY (person, answer));
CREATE TABLE {s}.counts (what name PRIMARY KEY, n bigint NOT NULL DEFAULT 0) WITH (fillfactor = 50);
CREATE TABLE {s}.report (id int, kind public."Mixed Case", note text) PARTITION BY LIST (kind);
CREATE TABLE {s}.report_one PARTITION OF {s}.report FOR VALUES IN ('It''s');
CREATE TABLE {s}.report_rest PARTITION OF {s}.report DEFAULT;
CREATE INDEX post_rank ON {s}.post (rank DESC, id DESC);
CREATE INDEX post_words ON {s}.post USING gin (words);
CREATE INDEX answer_path ON {s}.answer USING gist (path);
CREATE UNIQUE INDEX one_title ON {s}.post (community, lower(title)) WHERE author IS NOT NULL;
INSERT INTO {s}.counts (what) VALUES ('post'), ('answer');
CREATE TRIGGER up AFTER INSERT ON {s}.post FOR EACH ROW EXECUTE FUNCTION utils.count_up();
CREATE TRIGGER up AFTER INSERT ON {s}.answer FOR EACH ROW EXECUTE FUNCTION utils.count_up();
ALTER TABLE {s}.answer ENABLE REPLICA TRIGGER up;
CREATE VIEW {s}.shown WITH (security_invoker) AS SELECT p.*, c.name AS community_name FROM {s}.post p JOIN {s}.community c ON c.id = p.community;
CREATE VIEW {s}.top AS SELECT community_name, max(rank) AS rank, count(*) FILTER (WHERE score > 2) AS good FROM {s}.shown GROUP BY community_name;
CREATE VIEW {s}.editable AS SELECT id, title FROM {s}.post WHERE score >= 0 WITH CASCADED CHECK OPTION;
CREATE FUNCTION {s}.redirected() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN UPDATE {s}.community SET name = NEW.community_name WHERE name = OLD.community_name; RETURN NEW; END $$;
CREATE TRIGGER instead INSTEAD OF UPDATE ON {s}.top FOR EACH ROW EXECUTE FUNCTION {s}.redirected();
CREATE MATERIALIZED VIEW {s}.daily AS SELECT date_trunc('day', published) AS day, count(*) AS n FROM {s}.post GROUP BY 1;
ALTER TABLE {s}.post ENABLE ROW LEVEL SECURITY;
CREATE POLICY "read all" ON {s}.post FOR SELECT TO PUBLIC USING (true);
CREATE POLICY "write own" ON {s}.post AS RESTRICTIVE FOR UPDATE TO CURRENT_USER USING (author = utils.me() OR utils.me() IS NULL);
GRANT SELECT (id, title) ON {s}.post TO PUBLIC;
GRANT USAGE ON SCHEMA {s} TO PUBLIC;
REVOKE DELETE ON {s}.answer_like FROM CURRENT_USER;
REVOKE EXECUTE ON FUNCTION {s}.redirected() FROM PUBLIC;
ALTER DEFAULT PRIVILEGES IN SCHEMA {s} GRANT SELECT ON TABLES TO PUBLIC;
INSERT INTO {s}.community (name) SELECT 'Community ' || g FROM generate_series(1, 5) AS g;
INSERT INTO {s}.post (community, author, title, link, score) SELECT 1 + g % 5, 1 + g % 60, 'Post ' || g, 'http://p.example/' || g, g % 9 FROM generate_series(1, 50) AS g;
UPDATE {s}.community SET first_post = id;
INSERT INTO {s}.answer (post, path, body, votes) SELECT 1 + g % 50, text2ltree('0.' || g), repeat('answer ', g), ARRAY[ROW(g, 1)::public.vote, NULL] FROM generate_series(1, 60) AS g;
INSERT INTO {s}.answer_like SELECT g, g, CASE WHEN g % 2 = 0 THEN 1 ELSE -1 END FROM generate_series(1, 40) AS g;
INSERT INTO {s}.report VALUES (1, 'It''s', 'one'), (2, '', 'two'), (3, NULL, 'three');
COMMENT ON POLICY "read all" ON {s}.post IS 'all';
COMMENT ON TRIGGER up ON {s}.post IS 'counts';
"""

TAIL = r"""
ALTER TABLE person ADD FOREIGN KEY (favourite) REFERENCES room_1.community DEFERRABLE;
CREATE PUBLICATION out FOR TABLE instance, person, room_1.post;
CREATE TABLE closed (v int); INSERT INTO closed VALUES (1); REVOKE ALL ON closed FROM CURRENT_USER;
CREATE SEQUENCE odd_numbers INCREMENT 2 MINVALUE -9 START -9; SELECT nextval('odd_numbers'), nextval('odd_numbers');
CREATE TABLE all_types (b boolean, i2 smallint, f4 real, f8 double precision, n numeric, m money, d date, t time, tz timetz, ts timestamp, i interval, by bytea, ch char(5), mac macaddr8,
  p point, l line, s lseg, c circle, po polygon, j json, jp jsonpath, ts_q tsquery, u uuid, x xml, lsn pg_lsn, snap pg_snapshot, a2 int[][], nr numrange, dm datemultirange, reg regtype, o oid);
INSERT INTO all_types VALUES (true, -32768, 'NaN', '-Infinity', 'NaN', '12.34', 'infinity', '24:00', '01:02:03.456+05:30', '-infinity', '-1 year 2 mons 3 days -04:05:06', '\x00ff5c', 'ab',
  '08:00:2b:01:02:03:04:05', '(1,2)', '{1,2,3}', '((0,0),(1,1))', '<(1,2),3>', '((0,0),(1,0),(1,1))', '{"a":  1}', '$.a ? (@ > 1)', 'fat & !rat', gen_random_uuid(), '<a>b</a>', '16/B374D848',
  '10:20:10,14', '{{1,2},{3,NULL}}', '[1.5,)', '{[2024-01-01,2024-02-01)}', 'int', 4294967295);
INSERT INTO all_types DEFAULT VALUES;
INSERT INTO all_types (f8, f4, n) VALUES (0.1, 0.1, 1e-30), (1e308, 3.4e38, 1e1000 / 3), ('-0', '-0', 0.00);
"""


def build():
    return "\n".join([HEAD, *(ROOM.format(s=f"room_{number}") for number in range(1, ROOMS + 1)), TAIL])
