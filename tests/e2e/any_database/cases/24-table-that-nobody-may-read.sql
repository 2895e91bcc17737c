-- VERIFIED on a managed host. INCOMPLETE where the agent is no superuser: the table and the GRANT that helps are named.
CREATE TABLE vault (secret text);
INSERT INTO vault VALUES ('one'), ('two');
DO $$
DECLARE
  one record;
BEGIN
  FOR one IN SELECT DISTINCT a.grantee::regrole AS who FROM pg_class c, aclexplode(c.relacl) a WHERE c.relname = 'vault' LOOP
    EXECUTE format('REVOKE ALL ON vault FROM %s', one.who);
  END LOOP;
  REVOKE ALL ON vault FROM CURRENT_USER;
END $$;
