-- Each tenant's database on each host that told of it: what was told last. `rate` is transactions in a thousand seconds.
-- The counters are PostgreSQL's own and are there to tell what was done since.
CREATE TABLE databases (
  id INTEGER PRIMARY KEY,
  uid TEXT NOT NULL,
  host TEXT NOT NULL,
  generation INTEGER NOT NULL,
  look_time INTEGER NOT NULL,
  size_bytes INTEGER,
  size_time INTEGER,
  connections INTEGER NOT NULL,
  rate INTEGER NOT NULL,
  commits INTEGER NOT NULL,
  rollbacks INTEGER NOT NULL,
  blocks_read INTEGER NOT NULL,
  blocks_hit INTEGER NOT NULL,
  rows_returned INTEGER NOT NULL,
  rows_fetched INTEGER NOT NULL,
  rows_inserted INTEGER NOT NULL,
  rows_updated INTEGER NOT NULL,
  rows_deleted INTEGER NOT NULL,
  deadlocks INTEGER NOT NULL,
  temporary_bytes INTEGER NOT NULL,
  UNIQUE (uid, host)
) STRICT;

CREATE INDEX databases_by_size ON databases (size_bytes) WHERE size_bytes IS NOT NULL;
CREATE INDEX databases_by_connections ON databases (connections) WHERE connections > 0;
CREATE INDEX databases_by_rate ON databases (rate) WHERE rate > 0;

-- What was done in an hour, counted from 1970, of a database that was used or grew in it. By hour first: rows are written
-- at the end and pruned at the beginning.
CREATE TABLE hours (
  hour INTEGER NOT NULL,
  database INTEGER NOT NULL,
  size_bytes INTEGER,
  connections INTEGER NOT NULL,
  commits INTEGER NOT NULL,
  rollbacks INTEGER NOT NULL,
  blocks_read INTEGER NOT NULL,
  blocks_hit INTEGER NOT NULL,
  rows_returned INTEGER NOT NULL,
  rows_fetched INTEGER NOT NULL,
  rows_inserted INTEGER NOT NULL,
  rows_updated INTEGER NOT NULL,
  rows_deleted INTEGER NOT NULL,
  deadlocks INTEGER NOT NULL,
  temporary_bytes INTEGER NOT NULL,
  PRIMARY KEY (hour, database)
) STRICT, WITHOUT ROWID;
