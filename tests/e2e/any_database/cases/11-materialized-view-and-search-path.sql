-- VERIFIED_WITH_NOTES or INCOMPLETE: the view's query names a table in a string; the view is named.
CREATE TABLE page (words tsvector);
INSERT INTO page VALUES (to_tsvector('simple', 'sun moon moon')), (to_tsvector('simple', 'moon star'));
CREATE MATERIALIZED VIEW word_count AS SELECT word, ndoc FROM ts_stat('SELECT words FROM page');
