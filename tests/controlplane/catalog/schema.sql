CREATE TABLE aliases (
  alias TEXT NOT NULL,
  tenant TEXT NOT NULL REFERENCES tenants (id),
  PRIMARY KEY (alias)
) STRICT, WITHOUT ROWID;
CREATE TABLE audit (
  sequence INTEGER PRIMARY KEY,
  time INTEGER NOT NULL,
  caller TEXT NOT NULL,
  peer TEXT NOT NULL,
  method TEXT NOT NULL,
  resource TEXT NOT NULL,
  result TEXT NOT NULL,
  request_id TEXT NOT NULL,
  previous_hash TEXT NOT NULL CHECK (length(previous_hash) = 64),
  hash TEXT NOT NULL CHECK (length(hash) = 64)
, count INTEGER NOT NULL DEFAULT 1 CHECK (count > 0)) STRICT;
CREATE TABLE "backups" (
  tenant TEXT NOT NULL,
  id TEXT NOT NULL CHECK (id <> ''),
  tenant_uid TEXT NOT NULL,
  create_time INTEGER NOT NULL,
  update_time INTEGER NOT NULL,
  version INTEGER NOT NULL,
  state TEXT NOT NULL CHECK (state IN (
    'CREATING', 'AVAILABLE', 'VERIFIED', 'FAILED', 'DELETING', 'VERIFIED_WITH_NOTES', 'INCOMPLETE', 'DAMAGED')),
  origin TEXT NOT NULL CHECK (origin IN ('MANUAL', 'FINAL', 'SCHEDULED')),
  store TEXT NOT NULL,
  size_bytes INTEGER NOT NULL,
  sha256 TEXT NOT NULL,
  generation INTEGER NOT NULL,
  server_version TEXT NOT NULL,
  table_count INTEGER NOT NULL,
  row_count INTEGER NOT NULL,
  verify_time INTEGER,
  wrapped_key BLOB NOT NULL,
  findings TEXT NOT NULL,
  finding_count INTEGER NOT NULL,
  proof_findings TEXT NOT NULL,
  proof_finding_count INTEGER NOT NULL,
  PRIMARY KEY (tenant, id)
) STRICT, WITHOUT ROWID;
CREATE TABLE bindings (
  principal TEXT NOT NULL REFERENCES principals (id),
  position INTEGER NOT NULL,
  role TEXT NOT NULL CHECK (role IN ('ADMIN', 'OPERATOR', 'VIEWER', 'CONNECTOR', 'LOCATOR', 'AGENT')),
  scope TEXT NOT NULL CHECK (scope IN ('ALL', 'NAMED', 'LABELLED')),
  scope_contents TEXT NOT NULL,
  PRIMARY KEY (principal, position)
) STRICT, WITHOUT ROWID;
CREATE TABLE credentials (
  tenant TEXT NOT NULL REFERENCES tenants (id),
  position INTEGER NOT NULL,
  login TEXT NOT NULL,
  role TEXT NOT NULL CHECK (role IN ('APP', 'READ_ONLY')),
  sealed_password BLOB NOT NULL,
  verifier TEXT NOT NULL,
  create_time INTEGER NOT NULL,
  published INTEGER NOT NULL CHECK (published IN (0, 1)),
  disable_time INTEGER,
  PRIMARY KEY (tenant, position)
) STRICT, WITHOUT ROWID;
CREATE TABLE hosts (
  id TEXT NOT NULL CHECK (id <> ''),
  uid TEXT NOT NULL,
  create_time INTEGER NOT NULL,
  update_time INTEGER NOT NULL,
  version INTEGER NOT NULL,
  labels TEXT NOT NULL,
  limit_databases INTEGER NOT NULL,
  limit_connections INTEGER NOT NULL,
  limit_reserve_bytes INTEGER NOT NULL,
  cordoned INTEGER NOT NULL CHECK (cordoned IN (0, 1)),
  missing INTEGER NOT NULL CHECK (missing IN (0, 1)),
  certificate_fingerprint TEXT NOT NULL,
  previous_fingerprint TEXT NOT NULL,
  join_secret_hash BLOB NOT NULL,
  join_expire_time INTEGER,
  server_names TEXT NOT NULL,
  up INTEGER NOT NULL CHECK (up IN (0, 1)),
  last_seen_time INTEGER,
  agent_version TEXT NOT NULL,
  postgres_up INTEGER NOT NULL CHECK (postgres_up IN (0, 1)),
  postgres_version TEXT NOT NULL,
  system_identifier TEXT NOT NULL,
  timeline INTEGER NOT NULL,
  advertise_endpoints TEXT NOT NULL,
  free_bytes INTEGER NOT NULL,
  stores TEXT NOT NULL,
  tls INTEGER NOT NULL CHECK (tls IN (0, 1)),
  root_certificate TEXT NOT NULL,
  problem TEXT NOT NULL,
  task_kinds TEXT NOT NULL,
  accepted_system_identifier TEXT NOT NULL,
  databases_reserved INTEGER NOT NULL,
  connections_reserved INTEGER NOT NULL, awaited INTEGER NOT NULL DEFAULT 0 CHECK (awaited IN (0, 1)), unconfirmed INTEGER NOT NULL DEFAULT 0 CHECK (unconfirmed IN (0, 1)), free_bytes_unknown INTEGER NOT NULL DEFAULT 0 CHECK (free_bytes_unknown IN (0, 1)), managed INTEGER NOT NULL DEFAULT 0 CHECK (managed IN (0, 1)), max_connections INTEGER NOT NULL DEFAULT 0, missing_rights TEXT NOT NULL DEFAULT '[]',
  PRIMARY KEY (id)
) STRICT, WITHOUT ROWID;
CREATE TABLE meta (
  singleton INTEGER PRIMARY KEY CHECK (singleton = 1),
  epoch INTEGER NOT NULL CHECK (epoch > 0),
  revision INTEGER NOT NULL CHECK (revision >= 0),
  machine_id TEXT NOT NULL,
  inode INTEGER NOT NULL,
  audit_sequence INTEGER NOT NULL CHECK (audit_sequence >= 0),
  audit_hash TEXT NOT NULL CHECK (length(audit_hash) = 64)
, tenants INTEGER NOT NULL DEFAULT 0 CHECK (tenants >= 0)) STRICT;
CREATE TABLE operations (
  position INTEGER PRIMARY KEY,  -- rises in the order they began
  id TEXT NOT NULL UNIQUE CHECK (id <> ''),
  kind TEXT NOT NULL CHECK (kind IN (
    'CREATE', 'CONFIGURE', 'SUSPEND', 'RESUME', 'RETIRE', 'UNDELETE', 'PURGE', 'RESTORE', 'ROTATE', 'BACK_UP',
    'VERIFY', 'DELETE_BACKUP', 'CLEAN_UP')),
  tenant TEXT NOT NULL,
  source_tenant TEXT NOT NULL,
  backup TEXT NOT NULL,
  caller TEXT NOT NULL,
  create_time INTEGER NOT NULL,
  update_time INTEGER NOT NULL,
  version INTEGER NOT NULL,
  end_time INTEGER,
  deadline INTEGER NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('RUNNING', 'UNDOING', 'SUCCEEDED', 'FAILED', 'CANCELLED')),
  operation_order INTEGER NOT NULL,
  point_of_no_return INTEGER NOT NULL,
  cancel_requested INTEGER NOT NULL CHECK (cancel_requested IN (0, 1)),
  error_code INTEGER,
  error_reason TEXT,
  error_message TEXT,
  overlap INTEGER NOT NULL,
  waiver TEXT NOT NULL,
  previous_quota_connections INTEGER,
  previous_quota_storage_bytes INTEGER,
  previous_quota_statement_timeout INTEGER,
  previous_state TEXT NOT NULL
    CHECK (previous_state IN ('CREATING', 'READY', 'SUSPENDED', 'RETIRED', 'FAILED', 'PURGED')),
  previous_suspend_mode TEXT NOT NULL CHECK (previous_suspend_mode IN ('NONE', 'BLOCKED', 'READ_ONLY')),
  current_host TEXT NOT NULL  -- of the current step; empty when there is none
, allow_incomplete INTEGER NOT NULL DEFAULT 0 CHECK (allow_incomplete IN (0, 1)), max_duration INTEGER NOT NULL DEFAULT 0, warnings TEXT NOT NULL DEFAULT '[]', warning_count INTEGER NOT NULL DEFAULT 0) STRICT;
CREATE TABLE principal_certificates (
  principal TEXT NOT NULL REFERENCES principals (id),
  position INTEGER NOT NULL,
  fingerprint TEXT NOT NULL,
  expire_time INTEGER,
  PRIMARY KEY (principal, position)
) STRICT, WITHOUT ROWID;
CREATE TABLE principals (
  id TEXT NOT NULL CHECK (id <> ''),
  uid TEXT NOT NULL,
  create_time INTEGER NOT NULL,
  update_time INTEGER NOT NULL,
  version INTEGER NOT NULL,
  display_name TEXT NOT NULL,
  PRIMARY KEY (id)
) STRICT, WITHOUT ROWID;
CREATE TABLE requests (
  caller TEXT NOT NULL,
  request_id TEXT NOT NULL,
  method TEXT NOT NULL,
  payload_hash BLOB NOT NULL,
  answer TEXT NOT NULL,
  time INTEGER NOT NULL,
  PRIMARY KEY (caller, request_id)
) STRICT, WITHOUT ROWID;
CREATE TABLE steps (
  operation INTEGER NOT NULL REFERENCES operations (position),
  number INTEGER NOT NULL,
  task TEXT NOT NULL CHECK (task IN (
    'CREATE', 'CONFIGURE', 'FENCE', 'UNFENCE', 'DROP', 'BACK_UP', 'VERIFY', 'RESTORE', 'ROTATE', 'DELETE_BACKUP',
    'ERASE_KEY')),
  host TEXT NOT NULL,
  landing TEXT NOT NULL CHECK (landing IN (
    'NONE', 'TENANT_READY', 'TENANT_RESUMED', 'TENANT_UNDELETED', 'TENANT_FENCED', 'PLACEMENT_MOVED',
    'CREDENTIALS_PUBLISHED', 'LOGIN_DISABLED', 'BACKUP_AVAILABLE', 'BACKUP_VERIFIED', 'BACKUP_DELETED',
    'COPY_DROPPED', 'TENANT_ERASED')),
  undo INTEGER NOT NULL CHECK (undo IN (0, 1)),
  generation INTEGER NOT NULL,
  database_name TEXT NOT NULL,
  backup TEXT NOT NULL,
  backup_tenant TEXT NOT NULL,
  logins TEXT NOT NULL,
  flag INTEGER NOT NULL CHECK (flag IN (0, 1)),
  databases TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('PENDING', 'DISPATCHED', 'DONE', 'FAILED')),
  attempt INTEGER NOT NULL,
  not_before INTEGER,
  start_time INTEGER,
  end_time INTEGER,
  message TEXT NOT NULL, refusals INTEGER NOT NULL DEFAULT 0, refusal_reason TEXT NOT NULL DEFAULT '', same_refusals INTEGER NOT NULL DEFAULT 0, short_since INTEGER,
  PRIMARY KEY (operation, number)
) STRICT, WITHOUT ROWID;
CREATE TABLE tenant_labels (
  key TEXT NOT NULL,
  tenant TEXT NOT NULL REFERENCES tenants (id),
  value TEXT NOT NULL,
  PRIMARY KEY (key, tenant)
) STRICT, WITHOUT ROWID;
CREATE TABLE tenants (
  id TEXT NOT NULL CHECK (id <> ''),
  uid TEXT NOT NULL,
  create_time INTEGER NOT NULL,
  update_time INTEGER NOT NULL,
  version INTEGER NOT NULL,
  delete_time INTEGER,
  purge_time INTEGER,
  expire_time INTEGER,
  display_name TEXT NOT NULL,
  aliases TEXT NOT NULL,
  labels TEXT NOT NULL,
  extensions TEXT NOT NULL,
  locale TEXT NOT NULL,
  settings TEXT NOT NULL,
  features TEXT NOT NULL,
  quota_connections INTEGER NOT NULL,
  quota_storage_bytes INTEGER NOT NULL,
  quota_statement_timeout INTEGER NOT NULL,
  backups_kept INTEGER NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('CREATING', 'READY', 'SUSPENDED', 'RETIRED', 'FAILED', 'PURGED')),
  suspend_mode TEXT NOT NULL CHECK (suspend_mode IN ('NONE', 'BLOCKED', 'READ_ONLY')),
  state_before_retire TEXT NOT NULL
    CHECK (state_before_retire IN ('CREATING', 'READY', 'SUSPENDED', 'RETIRED', 'FAILED', 'PURGED')),
  host TEXT NOT NULL,
  database_name TEXT NOT NULL,
  generation INTEGER NOT NULL,
  owner_role TEXT NOT NULL,
  reader_role TEXT NOT NULL,
  operation_order INTEGER NOT NULL,
  last_generation INTEGER NOT NULL,
  fence_time INTEGER,
  last_backup TEXT NOT NULL,
  current_operation TEXT NOT NULL,
  create_operation TEXT NOT NULL,
  due_time INTEGER, unconfirmed INTEGER NOT NULL DEFAULT 0 CHECK (unconfirmed IN (0, 1)), delete_protection INTEGER NOT NULL DEFAULT 0 CHECK (delete_protection IN (0, 1)), final_backup_failure TEXT NOT NULL DEFAULT '', purge_parked INTEGER NOT NULL DEFAULT 0 CHECK (purge_parked IN (0, 1)),  -- of what is coming and nothing works on yet
  PRIMARY KEY (id)
) STRICT, WITHOUT ROWID;
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
CREATE INDEX backups_by_id ON backups (id, tenant);
CREATE INDEX operations_by_kind ON operations (kind, position);
CREATE INDEX operations_by_state ON operations (state, position);
CREATE INDEX operations_by_tenant ON operations (tenant, position);
CREATE INDEX operations_running ON operations (tenant) WHERE state IN ('RUNNING', 'UNDOING');
CREATE INDEX operations_running_by_host ON operations (current_host) WHERE state IN ('RUNNING', 'UNDOING');
CREATE INDEX operations_running_by_source ON operations (source_tenant)
  WHERE state IN ('RUNNING', 'UNDOING') AND source_tenant <> '';
CREATE UNIQUE INDEX principal_certificates_by_fingerprint ON principal_certificates (fingerprint);
CREATE INDEX requests_by_time ON requests (time);
CREATE INDEX tenant_labels_by_value ON tenant_labels (key, value, tenant);
CREATE INDEX tenants_by_create_time ON tenants (create_time, id);
CREATE INDEX tenants_by_host ON tenants (host, id, state) WHERE state <> 'PURGED';
CREATE INDEX tenants_by_state ON tenants (state, id, host);
CREATE UNIQUE INDEX tenants_by_uid ON tenants (uid);
CREATE INDEX tenants_due ON tenants (due_time, id) WHERE due_time IS NOT NULL;
CREATE INDEX tenants_live ON tenants (id, state, host) WHERE state NOT IN ('PURGED', 'RETIRED');
CREATE INDEX tenants_present ON tenants (id, state, host) WHERE state <> 'PURGED';
CREATE INDEX tenants_unconfirmed ON tenants (id) WHERE unconfirmed;
CREATE UNIQUE INDEX tokens_by_hash ON tokens (hash);
CREATE INDEX tokens_by_id ON tokens (principal, id);
