-- How a tenant's database stands to its storage quota.
ALTER TABLE tenants ADD COLUMN storage_level TEXT NOT NULL DEFAULT 'NORMAL';
ALTER TABLE tenants ADD COLUMN storage_closed INTEGER NOT NULL DEFAULT 0 CHECK (storage_closed IN (0, 1));
ALTER TABLE tenants ADD COLUMN storage_size_bytes INTEGER NOT NULL DEFAULT 0;
ALTER TABLE tenants ADD COLUMN storage_grace_time INTEGER;

-- Those whose size is looked at.
CREATE INDEX tenants_with_storage_quota ON tenants (id) WHERE quota_storage_bytes > 0 OR storage_closed;
