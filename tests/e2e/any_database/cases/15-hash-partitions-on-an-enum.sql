-- VERIFIED: rows change partitions in a restore because hashes of an enum follow OIDs; the whole table is the same.
CREATE TYPE planet AS ENUM ('mercury', 'venus', 'earth', 'mars', 'jupiter');
CREATE TABLE landing (p planet, n int) PARTITION BY HASH (p);
CREATE TABLE landing_a PARTITION OF landing FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE landing_b PARTITION OF landing FOR VALUES WITH (MODULUS 2, REMAINDER 1) PARTITION BY HASH (p);
CREATE TABLE landing_b0 PARTITION OF landing_b FOR VALUES WITH (MODULUS 4, REMAINDER 1);
CREATE TABLE landing_b1 PARTITION OF landing_b FOR VALUES WITH (MODULUS 4, REMAINDER 3);
INSERT INTO landing SELECT (enum_range(NULL::planet))[1 + n % 5], n FROM generate_series(1, 200) AS n;
