-- Stores have names; backups have copies in further stores, which tenants' policies name.
ALTER TABLE hosts ADD COLUMN store_names TEXT NOT NULL DEFAULT '{}';
ALTER TABLE tenants ADD COLUMN copy_to TEXT NOT NULL DEFAULT '[]';
ALTER TABLE backups ADD COLUMN copies TEXT NOT NULL DEFAULT '[]';
