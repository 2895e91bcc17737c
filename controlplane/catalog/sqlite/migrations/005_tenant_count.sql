-- How many tenants there are, tombstones left out: kept by every commit, for counting a million takes the better part
-- of a second when the control plane starts.
ALTER TABLE meta ADD COLUMN tenants INTEGER NOT NULL DEFAULT 0 CHECK (tenants >= 0);
UPDATE meta SET tenants = (SELECT count(*) FROM tenants WHERE state <> 'PURGED');
