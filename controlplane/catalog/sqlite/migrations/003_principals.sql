-- People, services and scripts.
CREATE TABLE principals (
  id TEXT NOT NULL CHECK (id <> ''),
  uid TEXT NOT NULL,
  create_time INTEGER NOT NULL,
  update_time INTEGER NOT NULL,
  version INTEGER NOT NULL,
  display_name TEXT NOT NULL,
  PRIMARY KEY (id)
) STRICT, WITHOUT ROWID;

-- What each may be, for which tenants: a list of ids where they are NAMED, a map of labels where LABELLED.
CREATE TABLE bindings (
  principal TEXT NOT NULL REFERENCES principals (id),
  position INTEGER NOT NULL,
  role TEXT NOT NULL CHECK (role IN ('ADMIN', 'OPERATOR', 'VIEWER', 'CONNECTOR', 'LOCATOR', 'AGENT')),
  scope TEXT NOT NULL CHECK (scope IN ('ALL', 'NAMED', 'LABELLED')),
  scope_contents TEXT NOT NULL,
  PRIMARY KEY (principal, position)
) STRICT, WITHOUT ROWID;

-- Of each bearer token the hash of its secret, never its text.
CREATE TABLE tokens (
  principal TEXT NOT NULL REFERENCES principals (id),
  position INTEGER NOT NULL,
  id TEXT NOT NULL,
  hash TEXT NOT NULL,
  create_time INTEGER NOT NULL,
  expire_time INTEGER,
  last_used_time INTEGER,
  PRIMARY KEY (principal, position)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX tokens_by_hash ON tokens (hash);
CREATE INDEX tokens_by_id ON tokens (principal, id);

CREATE TABLE principal_certificates (
  principal TEXT NOT NULL REFERENCES principals (id),
  position INTEGER NOT NULL,
  fingerprint TEXT NOT NULL,
  expire_time INTEGER,
  PRIMARY KEY (principal, position)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX principal_certificates_by_fingerprint ON principal_certificates (fingerprint);

-- Calls that a row stands for.
ALTER TABLE audit ADD COLUMN count INTEGER NOT NULL DEFAULT 1 CHECK (count > 0);
