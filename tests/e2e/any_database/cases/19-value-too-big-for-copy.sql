-- The backup fails once and quickly: the text of a value is over 1 GB, which no COPY carries. Table and limit are named.
CREATE TABLE video (frames bytea);
INSERT INTO video SELECT part || part || part FROM (SELECT decode(repeat('5a', 190000000), 'hex')) AS parts (part);
