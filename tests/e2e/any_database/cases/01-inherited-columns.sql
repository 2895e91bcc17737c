-- VERIFIED: a column that a parent gains later stands last in its children and elsewhere after a restore.
CREATE TABLE vehicle (wheels int, colour text);
CREATE TABLE lorry (tonnes numeric) INHERITS (vehicle);
CREATE TABLE tipper (side text) INHERITS (lorry);
ALTER TABLE vehicle ADD built date DEFAULT '2020-02-29';
INSERT INTO vehicle VALUES (4, 'white', '2021-01-01');
INSERT INTO lorry VALUES (6, 'red', 7.5, '2019-12-31');
INSERT INTO tipper VALUES (8, 'green', 20, 'left', NULL);
