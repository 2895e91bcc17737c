-- VERIFIED: the owner took rights from itself; the rows are backed up and the rights are missing in the copy, too.
CREATE TABLE archive (year int, total numeric);
INSERT INTO archive VALUES (1999, 12.50), (2000, 13);
REVOKE SELECT, UPDATE, DELETE, TRUNCATE ON archive FROM CURRENT_USER;
CREATE SEQUENCE ticket;
SELECT setval('ticket', 41);
REVOKE ALL ON SEQUENCE ticket FROM CURRENT_USER;
