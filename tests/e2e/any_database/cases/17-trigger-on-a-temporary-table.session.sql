-- VERIFIED: what another session has in its temporary schema does not count.
CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TEMP TABLE basket (item text, CHECK (item <> ''));
CREATE TRIGGER kept BEFORE INSERT OR UPDATE ON basket FOR EACH ROW EXECUTE FUNCTION keep();
CREATE TEMP VIEW full_basket AS SELECT * FROM basket;
