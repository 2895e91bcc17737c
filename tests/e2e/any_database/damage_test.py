"""What a proof restores is changed before it is compared: every kind of change is found, and the backup is DAMAGED.

The tenant itself makes the change: a materialized view, which a restore refreshes last of all, calls a function that
does it in the scratch database and nowhere else.
"""
import concurrent.futures

import pytest
from cluster import Cluster
from lives import Life, failed, succeeded, text_of

AT_A_TIME = 3

# One of each that can be changed.
DATABASE = r"""
CREATE EXTENSION citext;
CREATE TYPE mood AS ENUM ('low', 'high');
CREATE DOMAIN positive AS int CHECK (VALUE > 0);
CREATE TABLE account (id int PRIMARY KEY, name text DEFAULT 'nobody', balance float8, mood mood, worth positive);
INSERT INTO account SELECT g, 'account ' || g, g + 0.1, 'low', g FROM generate_series(1, 500) AS g;
CREATE TABLE entry (id bigint GENERATED ALWAYS AS IDENTITY, account int REFERENCES account, amount numeric CHECK (amount <> 0));
INSERT INTO entry (account, amount) SELECT g, g FROM generate_series(1, 500) AS g;
CREATE TABLE other (v int);
INSERT INTO other VALUES (1);
CREATE TABLE part (k int, v text) PARTITION BY LIST (k);
CREATE TABLE part_1 PARTITION OF part FOR VALUES IN (1);
CREATE TABLE part_2 PARTITION OF part FOR VALUES IN (2);
INSERT INTO part VALUES (1, 'one'), (2, 'two');
CREATE INDEX account_name ON account (name);
CREATE VIEW rich AS SELECT id FROM account WHERE balance > 100;
CREATE FUNCTION double(i int) RETURNS int LANGUAGE sql AS 'SELECT i * 2';
CREATE FUNCTION noticed() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER noticed BEFORE UPDATE ON account FOR EACH ROW EXECUTE FUNCTION noticed();
ALTER TABLE account ENABLE ROW LEVEL SECURITY;
CREATE POLICY mine ON account TO CURRENT_USER USING (true);
GRANT SELECT (id) ON account TO PUBLIC;
CREATE SEQUENCE counter; SELECT setval('counter', 77);
SELECT lo_from_bytea(4711, decode(repeat('ab', 700000), 'hex')); SELECT lo_from_bytea(4712, 'second');
CREATE PUBLICATION sent FOR TABLE account;
CREATE STATISTICS together ON name, balance FROM account;
COMMENT ON TABLE account IS 'money';
CREATE TEXT SEARCH CONFIGURATION words (COPY = simple);
"""

TRAP = r"""
CREATE FUNCTION in_scratch() RETURNS boolean LANGUAGE sql STABLE AS $$ SELECT current_database() !~ '_g[0-9]+(_f)?$' $$;
CREATE FUNCTION change() RETURNS int LANGUAGE plpgsql SET search_path = public AS $change$
BEGIN
  IF in_scratch() THEN
    {change};
  END IF;
  RETURN 1;
END $change$;
CREATE MATERIALIZED VIEW trap AS SELECT public.change() AS changed;
"""

# What is changed, and the object that the proof must name.
CHANGES = {
    "a row is gone": ("DELETE FROM entry WHERE account = 500", "entry"),
    "a row more": ("INSERT INTO other VALUES (2)", "other"),
    "a row twice": ("INSERT INTO other SELECT * FROM other", "other"),
    "a value by one bit": ("UPDATE account SET balance = balance + 1e-13 WHERE id = 7", "account"),
    "a letter": ("UPDATE account SET name = 'Account 8' WHERE id = 8", "account"),
    "NULL for an empty text": ("UPDATE account SET name = NULL WHERE id = 9", "account"),
    "two values swapped": ("UPDATE account SET name = CASE id WHEN 1 THEN 'account 2' ELSE 'account 1' END WHERE id IN (1, 2)", "account"),
    "a value moved to another row": ("UPDATE entry SET amount = amount + CASE account WHEN 1 THEN 1 ELSE -1 END WHERE account IN (1, 3)", "entry"),
    "all rows gone": ("TRUNCATE other", "other"),
    "swapped partitions": ("ALTER TABLE part DETACH PARTITION part_1; ALTER TABLE part DETACH PARTITION part_2; UPDATE part_1 SET k = 2; UPDATE part_2 SET k = 1; "
                           "ALTER TABLE part ATTACH PARTITION part_1 FOR VALUES IN (2); ALTER TABLE part ATTACH PARTITION part_2 FOR VALUES IN (1)", "part"),
    "a row moved to another partition": ("UPDATE part SET k = 2 WHERE k = 1", "part"),
    "the last byte of a large object": (r"PERFORM lo_put(4711, 699999, '\x00')", "4711"),
    "a large object longer by a byte": (r"PERFORM lo_put(4712, 6, '\x00')", "4712"),
    "a large object is gone": ("PERFORM lo_unlink(4712)", "4712"),
    "a large object more": ("PERFORM lo_create(4713)", "4713"),
    "a sequence": ("PERFORM setval('counter', 78)", "counter"),
    "an identity's sequence": ("PERFORM setval('entry_id_seq', 9)", "entry_id_seq"),
    "a policy's role": ("ALTER POLICY mine ON account TO PUBLIC", "mine"),
    "a policy is gone": ("DROP POLICY mine ON account", "mine"),
    "row security off": ("ALTER TABLE account DISABLE ROW LEVEL SECURITY", "account"),
    "a grant more": ("GRANT SELECT ON other TO PUBLIC", "other"),
    "a grant gone": ("REVOKE SELECT (id) ON account FROM PUBLIC", "account"),
    "a default": ("ALTER TABLE account ALTER name SET DEFAULT 'somebody'", "account"),
    "a missing table": ("DROP TABLE other", "other"),
    "a table more": ("CREATE TABLE surplus (i int)", "surplus"),
    "a column's type": ("ALTER TABLE other ALTER v TYPE bigint", "other"),
    "a column more": ("ALTER TABLE other ADD w int", "other"),
    "a missing index": ("DROP INDEX account_name", "account_name"),
    "a missing constraint": ("ALTER TABLE entry DROP CONSTRAINT entry_account_fkey", "entry_account_fkey"),
    "a missing check": ("ALTER TABLE entry DROP CONSTRAINT entry_amount_check", "entry"),
    "a function's body": ("CREATE OR REPLACE FUNCTION double(i int) RETURNS int LANGUAGE sql AS 'SELECT i * 3'", "double"),
    "a disabled trigger": ("ALTER TABLE account DISABLE TRIGGER noticed", "noticed|account"),
    "a label of an enum": ("ALTER TYPE mood RENAME VALUE 'high' TO 'higher'", "mood"),
    "a comment": ("COMMENT ON TABLE account IS 'more money'", "account"),
    "a publication": ("ALTER PUBLICATION sent SET (publish = 'insert')", "sent"),
    "statistics": ("DROP STATISTICS together", "together"),
    "a view": ("DROP VIEW rich; CREATE VIEW rich AS SELECT id FROM other, account", "rich"),
}


def proof_of(cluster, tenant, change):
    """(operation, backup) after the proof."""
    life = Life(cluster, tenant)
    cluster.psql(tenant, DATABASE + TRAP.format(change=change))
    made = succeeded(life.back_up())
    return life.verify(made.result), cluster.call("BackupService.GetBackup", name=made.result)


@pytest.fixture(scope="module", name="proofs")
def proofs_side_by_side(request):
    wanted = ["nothing", *(item.callspec.params["what"] for item in request.session.items if hasattr(item, "callspec"))]
    with Cluster(agents=1) as cluster, concurrent.futures.ThreadPoolExecutor(AT_A_TIME) as threads:
        tenants = {what: f"damage-{number}" for number, what in enumerate(wanted)}
        for tenant in tenants.values():
            cluster.create_tenant(tenant)
        yield {what: threads.submit(proof_of, cluster, tenant, CHANGES.get(what, ("PERFORM 1", ""))[0])
               for what, tenant in tenants.items()}


@pytest.mark.parametrize("what", CHANGES)
def test_a_change_of_what_was_restored_is_found(proofs, what):
    operation, backup = proofs[what].result()
    failed(operation)
    assert backup.state == backup.STATE_DAMAGED, f"{operation}\n{backup}"
    different = [text_of(finding) for finding in backup.findings if finding.severity == finding.SEVERITY_DIFFERENT]
    named = CHANGES[what][1].split("|")
    assert any(name in text for name in named for text in different), different


def test_the_same_database_without_a_change_is_verified(proofs):
    operation, backup = proofs["nothing"].result()
    succeeded(operation)
    assert backup.state in (backup.STATE_VERIFIED, backup.STATE_VERIFIED_WITH_NOTES), backup
