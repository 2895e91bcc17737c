-- The host whose tenants an operation's children are about, and the operation whose child one is.
ALTER TABLE operations ADD COLUMN host TEXT NOT NULL DEFAULT '';
ALTER TABLE operations ADD COLUMN parent TEXT NOT NULL DEFAULT '';
CREATE INDEX operations_by_parent ON operations (parent) WHERE parent <> '';
