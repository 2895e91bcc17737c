-- check-fleet names the rights of Croft's that a reset of the schema dropped; repair-fleet gives them back.
DROP SCHEMA public CASCADE;
CREATE SCHEMA public;
CREATE TABLE greeting (t text);
INSERT INTO greeting VALUES ('hello');
DROP OWNED BY CURRENT_USER CASCADE;
