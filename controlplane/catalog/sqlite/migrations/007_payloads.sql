-- What only one kind of task or operation remembers becomes one column of JSON, and which kinds there are is the
-- program's to know: a new one needs no new table. What a step makes true when it is done follows from the kind of its
-- operation, so that steps no longer say it.
CREATE TABLE new_operations (
  position INTEGER PRIMARY KEY,  -- rises in the order they began
  id TEXT NOT NULL UNIQUE CHECK (id <> ''),
  kind TEXT NOT NULL,
  tenant TEXT NOT NULL,
  source_tenant TEXT NOT NULL,
  backup TEXT NOT NULL,
  caller TEXT NOT NULL,
  create_time INTEGER NOT NULL,
  update_time INTEGER NOT NULL,
  version INTEGER NOT NULL,
  end_time INTEGER,
  deadline INTEGER NOT NULL,
  state TEXT NOT NULL,
  operation_order INTEGER NOT NULL,
  point_of_no_return INTEGER NOT NULL,
  cancel_requested INTEGER NOT NULL CHECK (cancel_requested IN (0, 1)),
  error_code INTEGER,
  error_reason TEXT,
  error_message TEXT,
  details TEXT NOT NULL,
  warnings TEXT NOT NULL,
  warning_count INTEGER NOT NULL,
  current_host TEXT NOT NULL  -- of the current step; empty when there is none
) STRICT;

INSERT INTO new_operations
  SELECT position, id, kind, tenant, source_tenant, backup, caller, create_time, update_time, version, end_time,
         deadline, state, operation_order, point_of_no_return, cancel_requested, error_code, error_reason,
         error_message,
         CASE kind
           WHEN 'CONFIGURE' THEN
             CASE WHEN previous_quota_connections IS NULL THEN '{}' ELSE
               '{"configure":{"previous_quota":{"connections":' || previous_quota_connections ||
               ',"storage_bytes":' || previous_quota_storage_bytes ||
               ',"statement_timeout":' || previous_quota_statement_timeout || '}}}' END
           WHEN 'SUSPEND' THEN
             '{"suspend":{"previous_mode":"' || previous_suspend_mode || '","previous_state":"' || previous_state ||
             '"}}'
           WHEN 'ROTATE' THEN '{"rotate":{"overlap":' || overlap || '}}'
           WHEN 'PURGE' THEN '{"purge":{"waiver":' || json_quote(waiver) || '}}'
           ELSE '{}'
         END,
         warnings, warning_count, current_host
  FROM operations;

CREATE TABLE new_steps (
  operation INTEGER NOT NULL REFERENCES new_operations (position),
  number INTEGER NOT NULL,
  task TEXT NOT NULL,
  payload TEXT NOT NULL,
  host TEXT NOT NULL,
  undo INTEGER NOT NULL CHECK (undo IN (0, 1)),
  generation INTEGER NOT NULL,
  database_name TEXT NOT NULL,
  state TEXT NOT NULL,
  attempt INTEGER NOT NULL,
  refusals INTEGER NOT NULL,
  refusal_reason TEXT NOT NULL,
  same_refusals INTEGER NOT NULL,
  short_since INTEGER,
  not_before INTEGER,
  start_time INTEGER,
  end_time INTEGER,
  message TEXT NOT NULL,
  PRIMARY KEY (operation, number)
) STRICT, WITHOUT ROWID;

INSERT INTO new_steps
  SELECT s.operation, s.number, lower(s.task),
         CASE s.task
           WHEN 'FENCE' THEN '{"allow_readers":' || iif(s.flag, 'true', 'false') || '}'
           WHEN 'UNFENCE' THEN '{"logins":' || s.logins || '}'
           WHEN 'DROP' THEN
             '{"databases":' || s.databases || ',"roles":' || iif(s.flag, 'true', 'false') ||
             ',"undo_copy":' || iif(s.landing = 'COPY_DROPPED', 'true', 'false') || '}'
           WHEN 'BACK_UP' THEN
             '{"backup":{"id":' || json_quote(s.backup) || ',"tenant":' || json_quote(s.backup_tenant) ||
             '},"max_duration":' || o.max_duration || ',"sealed":' || iif(s.flag, 'true', 'false') || '}'
           WHEN 'VERIFY' THEN
             '{"backup":{"id":' || json_quote(s.backup) || ',"tenant":' || json_quote(s.backup_tenant) || '}}'
           WHEN 'RESTORE' THEN
             '{"allow_incomplete":' || iif(o.allow_incomplete, 'true', 'false') || ',"backup":{"id":' ||
             json_quote(s.backup) || ',"tenant":' || json_quote(s.backup_tenant) || '}}'
           WHEN 'ROTATE' THEN
             '{"enable":' || iif(s.flag, 'true', 'false') || ',"login":' ||
             json_quote(coalesce(json_extract(s.logins, '$[0]'), '')) || '}'
           WHEN 'DELETE_BACKUP' THEN
             '{"all":' || iif(s.flag, 'true', 'false') || ',"backup":{"id":' || json_quote(s.backup) ||
             ',"tenant":' || json_quote(s.backup_tenant) || '}}'
           ELSE '{}'
         END,
         s.host, s.undo, s.generation, s.database_name, s.state, s.attempt, s.refusals, s.refusal_reason,
         s.same_refusals, s.short_since, s.not_before, s.start_time, s.end_time, s.message
  FROM steps s JOIN operations o ON o.position = s.operation;

DROP TABLE steps;
DROP TABLE operations;
ALTER TABLE new_operations RENAME TO operations;
ALTER TABLE new_steps RENAME TO steps;

CREATE INDEX operations_by_tenant ON operations (tenant, position);
CREATE INDEX operations_by_kind ON operations (kind, position);
CREATE INDEX operations_by_state ON operations (state, position);
CREATE INDEX operations_running ON operations (tenant) WHERE state IN ('RUNNING', 'UNDOING');
CREATE INDEX operations_running_by_source ON operations (source_tenant)
  WHERE state IN ('RUNNING', 'UNDOING') AND source_tenant <> '';
CREATE INDEX operations_running_by_host ON operations (current_host) WHERE state IN ('RUNNING', 'UNDOING');
