-- INCOMPLETE: the table is named with its owner and ALTER ... OWNER TO; all else restores with --allow-incomplete.
CREATE TABLE public.support_log (line text);
INSERT INTO public.support_log VALUES ('called back');
