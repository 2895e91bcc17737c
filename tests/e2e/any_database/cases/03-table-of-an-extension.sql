-- INCOMPLETE: pg_dump leaves out the rows of a table that belongs to an extension; the table is named.
CREATE EXTENSION hstore;
CREATE TABLE outbox (id int PRIMARY KEY, payload hstore);
INSERT INTO outbox VALUES (1, 'kind=>mail'), (2, 'kind=>call');
CREATE TABLE other (id int);
INSERT INTO other VALUES (10);
ALTER EXTENSION hstore ADD TABLE outbox;
