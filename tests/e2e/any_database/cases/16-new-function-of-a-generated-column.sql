-- VERIFIED_WITH_NOTES: the stored value is an older function's; a restore computes it anew, which a note says.
CREATE FUNCTION with_tax(net int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT net * 119 / 100';
CREATE TABLE bill (net int, gross int GENERATED ALWAYS AS (public.with_tax(net)) STORED);
INSERT INTO bill (net) VALUES (100), (200);
CREATE OR REPLACE FUNCTION with_tax(net int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT net * 107 / 100';
