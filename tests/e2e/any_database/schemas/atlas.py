"""A map with its history: partitions of partitions, tables that inherit, ranges that may not overlap, operators and
classes of its own, and large objects."""

REGIONS = ["africa", "america", "antarctica", "asia", "europe", "oceania"]
LAYERS = ["roads", "rivers", "rails", "houses", "woods", "borders", "peaks", "lakes", "walls", "lifts", "farms",
          "parks", "ports", "signs", "cliffs"]

HEAD = r"""
CREATE EXTENSION hstore;
CREATE EXTENSION btree_gist;
CREATE EXTENSION btree_gin;
CREATE EXTENSION intarray;
CREATE SCHEMA tiles;
CREATE SCHEMA log;
CREATE DOMAIN latitude AS int CHECK (VALUE BETWEEN -900000000 AND 900000000);
CREATE DOMAIN longitude AS int CHECK (VALUE BETWEEN -1800000000 AND 1800000000);
CREATE DOMAIN name_or_none AS varchar(80) COLLATE "C" CHECK (VALUE IS NULL OR btrim(VALUE) <> '');
CREATE TYPE spot AS (lat latitude, lon longitude);
CREATE TYPE region AS ENUM ('africa', 'america', 'antarctica', 'asia', 'europe', 'oceania');
CREATE TYPE heights AS RANGE (subtype = float8, subtype_diff = float8mi, multirange_type_name = many_heights);
CREATE TYPE state AS ENUM ('visible', 'hidden', 'gone');
CREATE SEQUENCE global_id AS bigint INCREMENT 7 START 100 CACHE 20 CYCLE MAXVALUE 1000000;

CREATE FUNCTION tile_of(spot) RETURNS bigint LANGUAGE sql IMMUTABLE STRICT AS
  $$ SELECT (($1).lat::bigint + 900000000) / 1000000 * 10000 + (($1).lon::bigint + 1800000000) / 1000000 $$;
CREATE FUNCTION spot_less(spot, spot) RETURNS boolean LANGUAGE sql IMMUTABLE STRICT AS $$ SELECT public.tile_of($1) < public.tile_of($2) $$;
CREATE FUNCTION spot_more(spot, spot) RETURNS boolean LANGUAGE sql IMMUTABLE STRICT AS $$ SELECT public.tile_of($1) > public.tile_of($2) $$;
CREATE FUNCTION same_tile(spot, spot) RETURNS boolean LANGUAGE sql IMMUTABLE STRICT AS $$ SELECT public.tile_of($1) = public.tile_of($2) $$;
CREATE OPERATOR <<<< (LEFTARG = spot, RIGHTARG = spot, FUNCTION = spot_less, COMMUTATOR = >>>>, RESTRICT = scalarltsel);
CREATE OPERATOR >>>> (LEFTARG = spot, RIGHTARG = spot, FUNCTION = spot_more, COMMUTATOR = <<<<);
CREATE OPERATOR === (LEFTARG = spot, RIGHTARG = spot, FUNCTION = same_tile, COMMUTATOR = ===, NEGATOR = !==, HASHES, MERGES);
CREATE FUNCTION other_tile(spot, spot) RETURNS boolean LANGUAGE sql IMMUTABLE STRICT AS $$ SELECT NOT public.same_tile($1, $2) $$;
CREATE OPERATOR !== (LEFTARG = spot, RIGHTARG = spot, FUNCTION = other_tile, COMMUTATOR = !==, NEGATOR = ===);
CREATE CAST (spot AS bigint) WITH FUNCTION tile_of(spot) AS ASSIGNMENT;
CREATE FUNCTION longest(text, text) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT CASE WHEN (length($2), $2) > (coalesce(length($1), -1), coalesce($1, '')) THEN $2 ELSE $1 END $$;
CREATE AGGREGATE longest (text) (SFUNC = longest, STYPE = text, COMBINEFUNC = longest, PARALLEL = SAFE);

CREATE TABLE mapper (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name name_or_none UNIQUE NULLS NOT DISTINCT, home spot, tags hstore,
  languages text[] DEFAULT '{}', seen int4multirange, born date CHECK (born > '1850-01-01'));
INSERT INTO mapper (name, home, tags, seen) SELECT 'mapper ' || g, ROW(g * 1000, -g * 2000)::spot, hstore('k' || g, NULL), int4multirange(int4range(1, g), int4range(g + 5, g + 9))
FROM generate_series(2, 40) AS g;
CREATE TABLE changeset (id int PRIMARY KEY, mapper bigint NOT NULL REFERENCES mapper, open tstzrange NOT NULL,
  EXCLUDE USING gist (mapper WITH =, open WITH &&) WHERE (NOT isempty(open)) DEFERRABLE INITIALLY DEFERRED);
INSERT INTO changeset SELECT g, 1 + g % 39, tstzrange(timestamptz '2024-01-01' + g * interval '1 day', timestamptz '2024-01-01' + g * interval '1 day' + interval '1 hour')
FROM generate_series(1, 200) AS g;

CREATE TABLE node (id bigint DEFAULT nextval('global_id'), region region NOT NULL, at timestamptz NOT NULL, place spot, tags hstore,
  tile bigint GENERATED ALWAYS AS (public.tile_of(place)) STORED, state state NOT NULL DEFAULT 'visible', height heights, CONSTRAINT node_key PRIMARY KEY (region, at, id))
  PARTITION BY LIST (region);
CREATE INDEX node_tile ON node (tile) WHERE state = 'visible';
CREATE INDEX node_tags ON node USING gin (tags);
CREATE TABLE way (id bigint, version int, nodes bigint[] NOT NULL, name text, PRIMARY KEY (id, version)) PARTITION BY HASH (id);
CREATE INDEX way_nodes ON way USING gin (nodes);
CREATE TABLE note (id int, author text NOT NULL, body text) PARTITION BY RANGE (author COLLATE "C", id);
CREATE TABLE note_a PARTITION OF note FOR VALUES FROM (MINVALUE, MINVALUE) TO ('m', 0);
CREATE TABLE note_b PARTITION OF note (CHECK (length(author) < 100)) FOR VALUES FROM ('m', 0) TO (MAXVALUE, MAXVALUE);
CREATE TABLE layer (id serial PRIMARY KEY, name name_or_none, drawn timestamptz DEFAULT '2024-01-01');
CREATE FUNCTION log.count() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN UPDATE log.counts SET n = n + (SELECT count(*) FROM fresh) WHERE of_table = TG_TABLE_NAME; RETURN NULL; END $$;
CREATE TABLE log.counts (of_table name PRIMARY KEY, n bigint NOT NULL DEFAULT 0);
"""

# {r} a region, {y} a year, {q} a number.
REGION = r"""
CREATE TABLE node_{r} PARTITION OF node FOR VALUES IN ('{r}') PARTITION BY RANGE (at);
"""
YEAR = r"""
CREATE TABLE node_{r}_{y} PARTITION OF node_{r} FOR VALUES FROM ('{y}-01-01 00:00+00') TO ('{next}-01-01 00:00+00') WITH (fillfactor = 80);
"""
HASHED = r"""
CREATE TABLE way_{q} PARTITION OF way FOR VALUES WITH (MODULUS 32, REMAINDER {q});
"""
LAYER = r"""
CREATE TABLE {l} (kind text NOT NULL, width numeric(6,2) DEFAULT 1.5) INHERITS (layer);
CREATE TABLE {l}_{r} (CHECK (kind <> 'of another region'), extent box, outline path, bits bit varying(64)) INHERITS ({l});
ALTER TABLE {l}_{r} ALTER COLUMN kind SET DEFAULT '{r}', ADD PRIMARY KEY (id), INHERIT log.stamped;
CREATE INDEX ON {l}_{r} USING gist (extent);
CREATE INDEX ON {l}_{r} USING brin (id) WITH (pages_per_range = 32);
INSERT INTO {l}_{r} (name, width, extent, outline, bits) SELECT '{l} ' || g, g / 3.0, box(point(g, g), point(0, 1.0 / g)), '[(0,0),(1,1)]', B'1011' FROM generate_series(1, 12) AS g;
CREATE VIEW tiles.{l}_{r} AS SELECT id, name, width FROM ONLY public.{l}_{r} WHERE width > 1 WITH LOCAL CHECK OPTION;
"""

TAIL = r"""
ALTER TABLE layer ADD COLUMN source text DEFAULT 'survey';
UPDATE layer SET source = 'photo' WHERE id % 3 = 0;
CREATE TABLE node_later PARTITION OF node DEFAULT;
INSERT INTO node (region, at, place, tags, height) SELECT (enum_range(NULL::region))[1 + g % 6], timestamptz '2015-06-01' + g * interval '3 days', ROW(g * 12345, g * -54321)::spot,
  hstore(ARRAY['name', 'é ' || g, 'kind', 'x=>y"']), heights(g, g + 0.1) FROM generate_series(1, 900) AS g;
INSERT INTO way SELECT g, v, ARRAY[g, g + 1, g * 3], repeat('way ', g % 50) FROM generate_series(1, 300) AS g, generate_series(1, 2) AS v;
INSERT INTO note SELECT g, chr(97 + g % 26), E'line\nbreak\r\\. ' || g FROM generate_series(1, 100) AS g;
INSERT INTO log.counts (of_table) VALUES ('changeset');
CREATE TRIGGER counted AFTER INSERT ON changeset REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION log.count();
CREATE CONSTRAINT TRIGGER checked AFTER INSERT OR UPDATE ON node DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.id < 0) EXECUTE FUNCTION log.refuse();
ALTER TABLE changeset DISABLE TRIGGER counted;
CREATE MATERIALIZED VIEW tiles.busy AS SELECT tile, count(*) AS n, longest(tags -> 'name') AS name FROM node GROUP BY tile;
CREATE INDEX busy_n ON tiles.busy (n DESC);
CREATE VIEW tiles.busiest AS SELECT * FROM tiles.busy ORDER BY n DESC LIMIT 10;
CREATE VIEW tiles.recursive_ways AS WITH RECURSIVE w(id, depth) AS (SELECT id, 1 FROM way WHERE id = 1 UNION SELECT way.id, depth + 1 FROM way, w WHERE way.id = w.id + 1 AND depth < 5) SELECT * FROM w;
CREATE STATISTICS node_spread (mcv) ON (public.tile_of(place)), state FROM node;
SELECT lo_from_bytea(500000 + g, decode(repeat('e29883', g * 1000), 'hex')) FROM generate_series(1, 8) AS g;
CREATE TABLE picture (id int PRIMARY KEY, file oid);
INSERT INTO picture SELECT g, 500000 + g FROM generate_series(1, 8) AS g;
COMMENT ON LARGE OBJECT 500001 IS 'a snowman';
CREATE POLICY own_changes ON changeset USING (mapper = 1) WITH CHECK (true);
ALTER TABLE changeset ENABLE ROW LEVEL SECURITY;
ALTER TABLE note DISABLE ROW LEVEL SECURITY;
COMMENT ON CONSTRAINT node_key ON node IS 'by region';
COMMENT ON OPERATOR === (spot, spot) IS 'in one tile';
ALTER TABLE note DETACH PARTITION note_a;
ALTER TABLE mapper ALTER COLUMN id RESTART WITH 9000;
CREATE RULE no_delete AS ON DELETE TO log.counts DO INSTEAD NOTHING;
"""


def build():
    parts = [HEAD, "CREATE TABLE log.stamped (stamp timestamptz);",
             "CREATE FUNCTION log.refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''no''; END';"]
    for region in REGIONS:
        parts.append(REGION.format(r=region))
        parts += [YEAR.format(r=region, y=year, next=year + 1) for year in range(2014, 2024)]
    parts += [HASHED.format(q=number) for number in range(32)]
    for layer in LAYERS:
        table, *rest = LAYER.strip().split("\n")
        parts.append(table.format(l=layer))
        for region in REGIONS:
            lines = "\n".join(rest).format(l=layer, r=region)
            parts.append(lines.replace("INHERITS (" + layer + ");", "INHERITS (" + layer + ");\nALTER TABLE "
                                       f"{layer}_{region} ADD COLUMN stamp timestamptz;"))
    return "\n".join([*parts, TAIL])
