-- One data key for each tenant, as text that the keyring sealed (context `data-key/<uid>`). A key that was
-- destroyed leaves its row without the key, so that it is never made, or brought back from a copy, again.
CREATE TABLE data_keys (
  uid TEXT NOT NULL PRIMARY KEY,
  wrapped TEXT
) STRICT;
