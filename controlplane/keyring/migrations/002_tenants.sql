-- Whose key it is: the tenant's id, empty where nobody has said yet. When the catalog is lost, this is the one place
-- left that knows ids whole; names of roles and databases hold their first letters.
ALTER TABLE data_keys ADD COLUMN tenant TEXT NOT NULL DEFAULT '';
