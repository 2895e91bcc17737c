-- The backup fails once and quickly: the text of a value is over 1 GB, which no COPY carries. Table and limit are named.
CREATE TABLE video (frames bytea);
INSERT INTO video SELECT decode(repeat('5a', 560000000), 'hex');
