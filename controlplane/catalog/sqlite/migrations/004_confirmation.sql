-- Hosts that were up when the control plane ended, and have time to come back before they are called away.
ALTER TABLE hosts ADD COLUMN awaited INTEGER NOT NULL DEFAULT 0 CHECK (awaited IN (0, 1));

-- After the catalog was restored from a copy or rebuilt: what a host holds was not compared with it yet; no host has
-- shown yet that the tenant lives where its row says.
ALTER TABLE hosts ADD COLUMN unconfirmed INTEGER NOT NULL DEFAULT 0 CHECK (unconfirmed IN (0, 1));
ALTER TABLE tenants ADD COLUMN unconfirmed INTEGER NOT NULL DEFAULT 0 CHECK (unconfirmed IN (0, 1));
CREATE INDEX tenants_unconfirmed ON tenants (id) WHERE unconfirmed;
