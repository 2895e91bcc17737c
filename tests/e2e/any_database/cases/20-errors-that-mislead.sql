-- INCOMPLETE: errors that the tenant raises, with any text and any SQLSTATE, are never taken for an outage.
CREATE FUNCTION says(what text, code text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN
  IF current_setting('search_path') IN ('', '""', 'pg_catalog') OR current_database() !~ '_g1$' THEN
    RAISE EXCEPTION '%', what USING ERRCODE = code;
  END IF;
  RETURN true;
END $$;
CREATE TABLE restless (i int CHECK (public.says('terminating connection due to administrator command', '57P01')));
INSERT INTO restless VALUES (1);
CREATE TABLE cramped (i int CHECK (public.says('could not extend file: No space left on device', '53100')));
INSERT INTO cramped VALUES (1);
CREATE TABLE waiting (i int CHECK (public.says('canceling statement due to lock timeout', '55P03')));
INSERT INTO waiting VALUES (1);
CREATE TABLE calm (i int);
INSERT INTO calm VALUES (1);
