-- Patterns of tables whose rows a tenant's backups leave out.
ALTER TABLE tenants ADD COLUMN skip_rows TEXT NOT NULL DEFAULT '[]';
