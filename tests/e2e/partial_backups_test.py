"""Backups without the rows of some tables, and restores of some tables or schemas alone.

Whether a restored database holds what it should is asked of its own catalogs and rows, of nothing of Croft's.
"""
import pytest
from cluster import Cluster
from compare import differences
from lives import Life, failed, left_on, succeeded

# A shop with a queue, a cache, and names that have to be quoted.
SHOP = r"""
CREATE EXTENSION citext;
CREATE SCHEMA cache;
CREATE SCHEMA "Bill.ing";
CREATE TYPE public.mood AS ENUM ('low', 'high');
CREATE FUNCTION public.noticed() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TABLE people (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name citext NOT NULL);
INSERT INTO people (name) VALUES ('Ann'), ('Bob');
CREATE TABLE jobs (id bigserial PRIMARY KEY, what text, mood mood);
INSERT INTO jobs (what, mood) SELECT 'mail ' || i, 'low' FROM generate_series(1, 300) AS i;
CREATE TABLE cache."100% ""Sold"".Out" (k text PRIMARY KEY, v text);
INSERT INTO cache."100% ""Sold"".Out" VALUES ('a', 'b');
CREATE TABLE cache.pages (at date NOT NULL, v text) PARTITION BY RANGE (at);
CREATE TABLE cache.pages_2025 PARTITION OF cache.pages FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE TABLE public."Pages 2026" PARTITION OF cache.pages FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
INSERT INTO cache.pages VALUES ('2025-06-01', 'x'), ('2026-06-01', 'y');
CREATE TABLE base (i int); CREATE TABLE heir (j int) INHERITS (base);
INSERT INTO base VALUES (1); INSERT INTO heir VALUES (2, 3);
CREATE TABLE "Bill.ing"."In""voice" (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  buyer int NOT NULL CONSTRAINT buyer REFERENCES people, follows bigint REFERENCES "Bill.ing"."In""voice",
  mood mood DEFAULT 'high', note citext, CHECK (note <> 'Größe %s'));
INSERT INTO "Bill.ing"."In""voice" (buyer, note) SELECT 1, 'Ü ' || i FROM generate_series(1, 40) AS i;
CREATE INDEX "by note" ON "Bill.ing"."In""voice" (lower(note::text)) WHERE mood = 'high';
CREATE TRIGGER noticed BEFORE UPDATE ON "Bill.ing"."In""voice" FOR EACH ROW EXECUTE FUNCTION public.noticed();
ALTER TABLE "Bill.ing"."In""voice" ENABLE ROW LEVEL SECURITY;
CREATE POLICY "all of 'them'" ON "Bill.ing"."In""voice" USING (true);
GRANT SELECT (id) ON "Bill.ing"."In""voice" TO PUBLIC;
COMMENT ON COLUMN "Bill.ing"."In""voice".note IS 'for the buyer';
CREATE VIEW "Bill.ing".buyers AS SELECT p.name, count(*) FROM "Bill.ing"."In""voice" v JOIN people p ON p.id = v.buyer GROUP BY 1;
SELECT lo_from_bytea(4711, 'large');
"""
SKIP = 'public.jobs,cache.*,public.base,public.no_such'
EMPTY = {("rows", name) for name in ("public.jobs", 'cache."100% ""Sold"".Out"', "cache.pages", "public.base")}
INVOICE = 'Bill.ing.In"voice'


@pytest.fixture(scope="module", name="shop")
def one_shop():
    with Cluster(agents=1) as cluster:
        cluster.create_tenant("shop")
        cluster.psql("shop", SHOP)
        yield Life(cluster, "shop")


@pytest.fixture(scope="module", name="whole")
def a_backup_of_all_rows(shop):
    return succeeded(shop.back_up()).result


def said(findings):
    return {(finding.reason, finding.object) for finding in findings}


def changed(before, life):
    """What another database has otherwise: {(kind, name)} that it lacks, and that differ or are there alone."""
    found = differences(before, life.facts())
    lacking = {(one.kind, one.name) for one in found if one.after is None}
    return lacking, {(one.kind, one.name) for one in found} - lacking


def test_rows_of_a_policys_tables_are_left_out_of_backups_and_no_others(shop, whole):
    cluster, before = shop.cluster, shop.facts()
    assert whole
    cluster.croftctl("tenant", "update", "shop", "--backup-skip-rows", SKIP)
    assert "without the rows of public.jobs, cache.*" in cluster.croftctl("tenant", "get", "shop", "-o", "wide").stdout + \
        cluster.croftctl("tenant", "describe", "shop").stdout
    made = succeeded(shop.back_up())
    left_out = {("ROWS_LEFT_OUT", f"TABLE {name}") for name in (
        '"public"."jobs"', '"public"."base"', '"cache"."100% ""Sold"".Out"', '"cache"."pages"')}
    assert said(made.warnings) == left_out | {("SKIP_MATCHES_NOTHING", "public.no_such")}
    assert left_out <= {(one["reason"], one["object"]) for one in shop.backup(made.result)["findings"]}

    proof = succeeded(shop.verify(made.result))
    assert left_out <= said(proof.warnings)
    backup = cluster.call("BackupService.GetBackup", name=made.result)
    assert backup.state == backup.STATE_VERIFIED_WITH_NOTES, backup

    restored = succeeded(shop.restore(made.result, new_tenant_id="lean"))
    assert left_out <= said(restored.warnings)
    lean = Life(cluster, "lean")
    assert changed(before, lean) == (set(), EMPTY), "the definitions, the sequences and the large objects are all there"
    assert cluster.psql("lean", "SELECT count(*) FROM jobs") == "0"
    assert cluster.psql("lean", "INSERT INTO jobs (what) VALUES ('next') RETURNING id") == "301"
    assert list(cluster.tenant("lean").backup_policy.skip_rows) == SKIP.split(","), "a copy is backed up like its source"


def test_a_lost_row_of_any_other_table_is_damage_all_the_same(shop):
    cluster = shop.cluster
    cluster.create_tenant("lossy")
    cluster.psql("lossy", """
        CREATE TABLE jobs (i int); INSERT INTO jobs VALUES (1); CREATE TABLE orders (i int); INSERT INTO orders VALUES (1), (2);
        CREATE FUNCTION lose() RETURNS int LANGUAGE plpgsql AS $$ BEGIN
          IF current_database() !~ '_g[0-9]+$' THEN DELETE FROM public.orders WHERE i = 2; END IF; RETURN 1; END $$;
        CREATE MATERIALIZED VIEW trap AS SELECT public.lose() AS lost""")
    cluster.croftctl("tenant", "update", "lossy", "--backup-skip-rows", "public.jobs")
    life = Life(cluster, "lossy")
    backup = succeeded(life.back_up()).result
    assert failed(life.verify(backup)).reason == "BACKUP_DAMAGED"
    found = cluster.call("BackupService.GetBackup", name=backup)
    assert found.state == found.STATE_DAMAGED
    assert [one.object for one in found.findings if one.severity == one.SEVERITY_DIFFERENT] == ['TABLE "public"."orders"']


def test_a_final_backup_holds_all_rows(shop):
    cluster = shop.cluster
    cluster.create_tenant("leaving")
    cluster.psql("leaving", "CREATE TABLE jobs (i int); INSERT INTO jobs VALUES (1), (2)")
    life = Life(cluster, "leaving")
    for flags, rows in ((("--backup-skip-rows", "public.jobs"), 0), (("--backup-all-rows",), 2), (("--backup-skip-rows", "public.jobs"), 0)):
        cluster.croftctl("tenant", "update", "leaving", *flags)
        assert cluster.call("BackupService.GetBackup", name=succeeded(life.back_up()).result).row_count == rows
    succeeded(life.retire())
    final, = [one for one in life.backups() if one.origin == one.ORIGIN_FINAL]
    assert final.row_count == 2, final
    assert not final.findings


def test_a_schema_is_restored_alone_with_what_it_needs(shop, whole):
    cluster, before = shop.cluster, shop.facts()
    cluster.croftctl("tenant", "restore", "shop", "--backup", whole.rpartition("/")[2], "--as", "billing", "--only", '"Bill.ing".*')
    operation, = [one for one in cluster.call("OperationService.ListOperations", page_size=1000).operations
                  if one.result == "tenants/billing"]
    assert said(operation.warnings) >= {
        ("FOREIGN_KEY_LEFT_OUT", 'FK CONSTRAINT "buyer" ON "Bill.ing"."In""voice"'),
        ("NEEDED_WITHOUT_ROWS", 'TABLE "public"."people"'), ("RESTORED_IN_PART", "DATABASE")}
    lacking, other = changed(before, Life(cluster, "billing"))
    assert {(kind, name) for kind, name in lacking if "Bill.ing" in name} == {("constraint", INVOICE + ".buyer")}
    needed = {("relation", "public.people"), ("type", "public.mood"), ("routine", ".public.noticed()"), ("extension", ".citext")}
    assert not lacking & needed
    assert {("relation", "public.jobs"), ("relation", "cache.pages"), ("schema", "cache.cache"), ("large object", ".4711")} <= lacking
    assert other == {("rows", "public.people")}, "all that is there is as it was, but for the rows that were not chosen"
    assert cluster.psql("billing", 'INSERT INTO "Bill.ing"."In""voice" (buyer) VALUES (7) RETURNING id') == "41"


def test_tables_are_restored_alone_with_their_partitions_and_keys(shop, whole):
    cluster, before = shop.cluster, shop.facts()
    operation = succeeded(shop.restore(whole, new_tenant_id="tables",
                                       only=['"Bill.ing"."In""voice"', "public.people", "cache.pages", "public.heir"]))
    assert said(operation.warnings) >= {("NEEDED_WITHOUT_ROWS", 'TABLE "public"."base"')}
    assert not [one for one in operation.warnings if one.reason in ("FOREIGN_KEY_LEFT_OUT", "PARTITION_DETACHED")]
    lacking, other = changed(before, Life(cluster, "tables"))
    assert not [name for _, name in lacking if "voice" in name or "pages" in name.lower() or "people" in name or "heir" in name]
    assert ("relation", "Bill.ing.buyers") in lacking and ("relation", "public.jobs") in lacking
    assert other == {("rows", "public.base")}


def test_one_partition_becomes_a_table_of_its_own(shop, whole):
    operation = succeeded(shop.restore(whole, new_tenant_id="partition", only=['public."Pages 2026"']))
    assert ("PARTITION_DETACHED", 'TABLE "public"."Pages 2026"') in said(operation.warnings)
    assert shop.cluster.psql("partition", 'SELECT v FROM "Pages 2026"') == "y"


def test_a_part_that_matches_nothing_makes_nothing(shop, whole):
    error = failed(shop.restore(whole, new_tenant_id="nothing", only=["public.people", 'public."Jobs"']))
    assert error.reason == "ONLY_MATCHES_NOTHING" and 'public."Jobs"' in error.message, error
    assert left_on(shop.cluster, "h1", "t_nothing_") == ""
    refused = shop.cluster.croftctl("tenant", "restore", "shop", "--backup", "latest", "--only", "public.jobs", "--yes", check=False)
    assert refused.returncode == 2 and "--as" in refused.stderr
