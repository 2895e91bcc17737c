-- VERIFIED: after a restore the planner has statistics when the tenant is opened.
CREATE TABLE reading (at int, value text);
INSERT INTO reading SELECT g, md5(g::text) FROM generate_series(1, 100000) AS g;
CREATE STATISTICS reading_both ON at, value FROM reading;
ANALYZE reading;
