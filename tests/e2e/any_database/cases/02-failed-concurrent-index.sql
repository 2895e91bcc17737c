-- VERIFIED_WITH_NOTES: an index that CREATE INDEX CONCURRENTLY left invalid is not restored; a note names it.
CREATE TABLE invoice (number int, customer int);
INSERT INTO invoice VALUES (7, 1), (7, 2), (8, 3);
CREATE INDEX invoice_customer ON invoice (customer);
\set ON_ERROR_STOP off
CREATE UNIQUE INDEX CONCURRENTLY invoice_number_key ON invoice (number);
