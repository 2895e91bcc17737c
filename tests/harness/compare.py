"""Whether two databases hold the same, asked of their own catalogs and rows and of nothing of Croft's.

A database is described by facts, (kind, name, value) each. Names of the tenant's roles are written without the part
that differs between tenants, and its logins without the part that rotations change; everything else is as PostgreSQL says
it.
"""
import collections
import json
import os
import subprocess

from login import PSQL_PROGRAM

# Facts of these kinds hold expressions, whose text PostgreSQL may write differently after a restore.
EXPRESSIONS = ("check", "default", "view", "rule", "policy expression", "index", "statistics")

# Objects of extensions come with CREATE EXTENSION. `{member}` is true for those.
_MEMBER = ("EXISTS (SELECT FROM pg_depend m WHERE m.deptype = 'e' AND m.classid = '{catalog}'::regclass AND m.objid = {oid})")
_USERS = "{schema} !~ '^(pg_|information_schema$)'"

# (kind, catalog of the object, SELECT of oid, schema, name, value). `role(oid)` and `rights(acl, kind, owner)` are
# functions of the describing session.
_FACTS = [
    ("schema", "pg_namespace", "SELECT oid, nspname, nspname, concat_ws(' ', pg_temp.role(nspowner), pg_temp.rights(nspacl, 'n', nspowner)) FROM pg_namespace"),
    ("relation", "pg_class", """
        SELECT c.oid, n.nspname, c.relname, concat_ws(' ', c.relkind, c.relpersistence, pg_temp.role(c.relowner),
               pg_temp.rights(c.relacl, CASE c.relkind WHEN 'S' THEN 's' ELSE 'r' END::"char", c.relowner), pg_temp.sorted(c.reloptions),
               c.relrowsecurity, c.relforcerowsecurity, c.relreplident, c.relispartition, am.amname,
               CASE WHEN c.reloftype <> 0 THEN c.reloftype::regtype END, pg_get_partkeydef(c.oid),
               pg_get_expr(c.relpartbound, c.oid), c.relkind = 'm' AND c.relispopulated)
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace LEFT JOIN pg_am am ON am.oid = c.relam
        WHERE c.relkind NOT IN ('i', 'I', 't')"""),
    ("column", "pg_class", """
        SELECT c.oid, n.nspname, c.relname || '.' || a.attname, concat_ws(' ', format_type(a.atttypid, a.atttypmod),
               CASE WHEN a.attcollation <> t.typcollation THEN a.attcollation::regcollation END, a.attnotnull, a.attidentity,
               a.attgenerated, a.attstorage, a.attcompression, a.attstattarget, pg_temp.rights(a.attacl, 'c', c.relowner),
               pg_temp.sorted(a.attoptions), a.attislocal, a.attinhcount)
        FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
        JOIN pg_type t ON t.oid = a.atttypid
        WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p', 'v', 'm', 'c', 'f')"""),
    ("default", "pg_class", """
        SELECT c.oid, n.nspname, c.relname || '.' || a.attname, pg_get_expr(d.adbin, d.adrelid)
        FROM pg_attrdef d JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
        JOIN pg_class c ON c.oid = d.adrelid JOIN pg_namespace n ON n.oid = c.relnamespace"""),
    ("parent", "pg_class", """
        SELECT c.oid, n.nspname, c.relname || ' ' || i.inhseqno, i.inhparent::regclass::text
        FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relkind NOT IN ('i', 'I')"""),
    ("constraint", "pg_class", """
        SELECT c.oid, n.nspname, c.relname || '.' || CASE WHEN o.contype = 'n' AND o.conname ~ '_not_null[0-9]*$'
               THEN (SELECT a.attname || ' NOT NULL' FROM pg_attribute a WHERE a.attrelid = o.conrelid AND a.attnum = o.conkey[1])
               ELSE o.conname END, concat_ws(' ', o.contype, o.convalidated, o.condeferrable,
               o.condeferred, o.conislocal, o.coninhcount, o.contype = 'c' AND o.connoinherit,
               CASE WHEN o.contype <> 'c' THEN pg_get_constraintdef(o.oid) END)
        FROM pg_constraint o JOIN pg_class c ON c.oid = o.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE o.contype <> 't'"""),
    ("check", "pg_class", """
        SELECT c.oid, n.nspname, c.relname || '.' || o.conname, pg_get_constraintdef(o.oid)
        FROM pg_constraint o JOIN pg_class c ON c.oid = o.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE o.contype = 'c'"""),
    ("index", "pg_class", """
        SELECT c.oid, n.nspname, x.relname, concat_ws(' ', pg_get_indexdef(i.indexrelid), i.indisprimary, i.indisclustered,
               i.indisreplident, (SELECT string_agg(a.attnum || ':' || a.attstattarget, ',' ORDER BY a.attnum) FROM pg_attribute a
               WHERE a.attrelid = x.oid AND a.attstattarget <> -1), (SELECT h.inhparent::regclass::text FROM pg_inherits h WHERE h.inhrelid = x.oid))
        FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_class c ON c.oid = i.indrelid
        JOIN pg_namespace n ON n.oid = c.relnamespace WHERE i.indisvalid AND c.relkind <> 't'"""),
    ("sequence", "pg_class", """
        SELECT c.oid, n.nspname, c.relname, concat_ws(' ', s.seqtypid::regtype, s.seqstart, s.seqincrement, s.seqmax, s.seqmin,
               s.seqcache, s.seqcycle, (SELECT concat_ws(' ', d.deptype, d.refobjid::regclass, a.attname) FROM pg_depend d
               LEFT JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
               WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')))
        FROM pg_sequence s JOIN pg_class c ON c.oid = s.seqrelid JOIN pg_namespace n ON n.oid = c.relnamespace"""),
    ("view", "pg_class", """
        SELECT c.oid, n.nspname, c.relname, pg_get_viewdef(c.oid) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relkind IN ('v', 'm')"""),
    ("rule", "pg_class", """
        SELECT c.oid, n.nspname, c.relname || '.' || r.rulename, concat_ws(' ', r.ev_enabled, pg_get_ruledef(r.oid))
        FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE r.rulename <> '_RETURN'"""),
    ("trigger", "pg_class", """
        SELECT c.oid, n.nspname, c.relname || '.' || t.tgname, concat_ws(' ', t.tgenabled, pg_get_triggerdef(t.oid))
        FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE NOT t.tgisinternal"""),
    ("policy", "pg_class", """
        SELECT c.oid, n.nspname, c.relname || '.' || p.polname, concat_ws(' ', p.polcmd, p.polpermissive,
               (SELECT string_agg(pg_temp.role(r), ',' ORDER BY pg_temp.role(r)) FROM unnest(p.polroles) r))
        FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid JOIN pg_namespace n ON n.oid = c.relnamespace"""),
    ("policy expression", "pg_class", """
        SELECT c.oid, n.nspname, c.relname || '.' || p.polname,
               concat_ws(' / ', pg_get_expr(p.polqual, c.oid), pg_get_expr(p.polwithcheck, c.oid))
        FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid JOIN pg_namespace n ON n.oid = c.relnamespace"""),
    ("statistics", "pg_statistic_ext", """
        SELECT s.oid, n.nspname, s.stxname, concat_ws(' ', pg_temp.role(s.stxowner), s.stxstattarget, pg_get_statisticsobjdef(s.oid))
        FROM pg_statistic_ext s JOIN pg_namespace n ON n.oid = s.stxnamespace"""),
    ("routine", "pg_proc", """
        SELECT p.oid, n.nspname, p.oid::regprocedure::text, concat_ws(' ', p.prokind, pg_temp.role(p.proowner),
               pg_temp.rights(p.proacl, 'f', p.proowner), CASE WHEN p.prokind <> 'a' THEN pg_get_functiondef(p.oid) END)
        FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace"""),
    ("aggregate", "pg_proc", """
        SELECT p.oid, n.nspname, p.oid::regprocedure::text, concat_ws(' ', a.aggkind, a.aggnumdirectargs, a.aggtransfn, a.aggfinalfn,
               a.aggcombinefn, a.aggserialfn, a.aggdeserialfn, a.aggmtransfn, a.aggminvtransfn, a.aggmfinalfn, a.aggfinalextra,
               a.aggfinalmodify, a.aggsortop::regoperator, a.aggtranstype::regtype, a.agginitval, p.proparallel)
        FROM pg_aggregate a JOIN pg_proc p ON p.oid = a.aggfnoid JOIN pg_namespace n ON n.oid = p.pronamespace"""),
    ("type", "pg_type", """
        SELECT t.oid, n.nspname, t.typname, concat_ws(' ', t.typtype, pg_temp.role(t.typowner), pg_temp.rights(t.typacl, 'T', t.typowner),
               CASE WHEN t.typbasetype <> 0 THEN format_type(t.typbasetype, t.typtypmod) END, t.typnotnull, t.typdefault, t.typinput, t.typlen,
               t.typbyval, t.typalign, t.typstorage, t.typcategory, t.typispreferred, t.typdelim,
               (SELECT string_agg(e.enumlabel, ',' ORDER BY e.enumsortorder) FROM pg_enum e WHERE e.enumtypid = t.oid),
               (SELECT concat_ws(' ', r.rngsubtype::regtype, r.rngmultitypid::regtype, r.rngcanonical, r.rngsubdiff,
                                 r.rngcollation::regcollation) FROM pg_range r WHERE r.rngtypid = t.oid))
        FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace LEFT JOIN pg_class c ON c.oid = t.typrelid
        WHERE (t.typrelid = 0 OR c.relkind = 'c') AND t.typelem = 0"""),
    ("domain constraint", "pg_type", """
        SELECT t.oid, n.nspname, t.typname || '.' || o.conname, concat_ws(' ', o.convalidated, pg_get_constraintdef(o.oid))
        FROM pg_constraint o JOIN pg_type t ON t.oid = o.contypid JOIN pg_namespace n ON n.oid = t.typnamespace"""),
    ("operator", "pg_operator", """
        SELECT o.oid, n.nspname, o.oid::regoperator::text, concat_ws(' ', o.oprkind, o.oprcanmerge, o.oprcanhash, pg_temp.role(o.oprowner),
               o.oprresult::regtype, o.oprcom::regoperator, o.oprnegate::regoperator, o.oprcode, o.oprrest, o.oprjoin)
        FROM pg_operator o JOIN pg_namespace n ON n.oid = o.oprnamespace"""),
    ("operator class", "pg_opclass", """
        SELECT c.oid, n.nspname, c.opcname, concat_ws(' ', a.amname, c.opcintype::regtype, c.opcdefault, pg_temp.role(c.opcowner), f.opfname,
               (SELECT string_agg(concat_ws(' ', o.amopstrategy, o.amoppurpose, o.amopopr::regoperator), ',' ORDER BY o.amopstrategy, o.amopopr::regoperator::text)
                FROM pg_amop o WHERE o.amopfamily = c.opcfamily),
               (SELECT string_agg(concat_ws(' ', p.amprocnum, p.amproc::regprocedure), ',' ORDER BY p.amprocnum, p.amproc::regprocedure::text)
                FROM pg_amproc p WHERE p.amprocfamily = c.opcfamily))
        FROM pg_opclass c JOIN pg_namespace n ON n.oid = c.opcnamespace JOIN pg_am a ON a.oid = c.opcmethod
        JOIN pg_opfamily f ON f.oid = c.opcfamily"""),
    ("cast", "pg_cast", """
        SELECT c.oid, '', format_type(c.castsource, NULL) || ' AS ' || format_type(c.casttarget, NULL),
               concat_ws(' ', c.castcontext, c.castmethod, CASE WHEN c.castfunc <> 0 THEN c.castfunc::regprocedure END)
        FROM pg_cast c WHERE c.oid >= 16384"""),
    ("collation", "pg_collation", """
        SELECT c.oid, n.nspname, c.collname, concat_ws(' ', pg_temp.role(c.collowner), c.collprovider, c.collisdeterministic, c.collcollate,
               c.collctype, pg_temp.locale(to_jsonb(c)))
        FROM pg_collation c JOIN pg_namespace n ON n.oid = c.collnamespace"""),
    ("conversion", "pg_conversion", """
        SELECT c.oid, n.nspname, c.conname, concat_ws(' ', pg_temp.role(c.conowner), pg_encoding_to_char(c.conforencoding),
               pg_encoding_to_char(c.contoencoding), c.conproc, c.condefault)
        FROM pg_conversion c JOIN pg_namespace n ON n.oid = c.connamespace"""),
    ("text search dictionary", "pg_ts_dict", """
        SELECT d.oid, n.nspname, d.dictname, concat_ws(' ', pg_temp.role(d.dictowner), t.tmplname, d.dictinitoption)
        FROM pg_ts_dict d JOIN pg_namespace n ON n.oid = d.dictnamespace JOIN pg_ts_template t ON t.oid = d.dicttemplate"""),
    ("text search configuration", "pg_ts_config", """
        SELECT c.oid, n.nspname, c.cfgname, concat_ws(' ', pg_temp.role(c.cfgowner), p.prsname,
               (SELECT string_agg(concat_ws(' ', m.maptokentype, m.mapseqno, m.mapdict::regdictionary), ',' ORDER BY m.maptokentype, m.mapseqno)
                FROM pg_ts_config_map m WHERE m.mapcfg = c.oid))
        FROM pg_ts_config c JOIN pg_namespace n ON n.oid = c.cfgnamespace JOIN pg_ts_parser p ON p.oid = c.cfgparser"""),
    ("extension", "", "SELECT e.oid, '', e.extname, concat_ws(' ', e.extversion, e.extnamespace::regnamespace) FROM pg_extension e"),
    ("publication", "", """
        SELECT p.oid, '', p.pubname, concat_ws(' ', pg_temp.role(p.pubowner), p.puballtables, p.pubinsert, p.pubupdate, p.pubdelete,
               p.pubtruncate, p.pubviaroot,
               (SELECT string_agg(concat_ws(' ', r.prrelid::regclass, pg_get_expr(r.prqual, r.prrelid),
                       (SELECT string_agg(a.attname, ',' ORDER BY a.attname) FROM pg_attribute a WHERE a.attrelid = r.prrelid AND a.attnum = ANY (r.prattrs))),
                       ';' ORDER BY r.prrelid::regclass::text) FROM pg_publication_rel r WHERE r.prpubid = p.oid),
               (SELECT string_agg(s.pnnspid::regnamespace::text, ';' ORDER BY s.pnnspid::regnamespace::text) FROM pg_publication_namespace s WHERE s.pnpubid = p.oid))
        FROM pg_publication p"""),
    ("event trigger", "", """
        SELECT e.oid, '', e.evtname, concat_ws(' ', e.evtevent, e.evtenabled, e.evtfoid::regprocedure, e.evttags) FROM pg_event_trigger e"""),
    ("default privileges", "", """
        SELECT d.oid, '', concat_ws(' ', pg_temp.role(d.defaclrole), CASE WHEN d.defaclnamespace <> 0 THEN d.defaclnamespace::regnamespace END, d.defaclobjtype),
               pg_temp.rights(d.defaclacl, 'r', d.defaclrole) FROM pg_default_acl d"""),
    ("large object", "", """
        SELECT m.oid, '', m.oid::text, concat_ws(' ', pg_temp.role(m.lomowner), pg_temp.rights(m.lomacl, 'L', m.lomowner),
               encode(sha256(lo_get(m.oid)), 'hex')) FROM pg_largeobject_metadata m"""),
    ("comment", "", """
        SELECT d.objoid, '', concat_ws(' ', i.type, i.identity), d.description
        FROM pg_description d, pg_identify_object(d.classoid, d.objoid, d.objsubid) i
        WHERE NOT EXISTS (SELECT FROM pg_depend m WHERE m.deptype = 'e' AND m.classid = d.classoid AND m.objid = d.objoid)
          AND coalesce(i.schema, '') !~ '^(pg_|information_schema$)' AND i.identity !~ '(^| on )pg_catalog[.]'
          AND (d.objoid >= 16384 OR i.type = 'large object' OR i.type = 'schema') AND i.type <> 'extension' AND i.identity <> 'public'"""),
    ("database", "", """
        SELECT oid, '', 'database', concat_ws(' ', pg_encoding_to_char(encoding), datlocprovider, datcollate, datctype, pg_temp.locale(to_jsonb(d)))
        FROM pg_database d WHERE datname = current_database()"""),
    ("setting", "", """
        SELECT 0::oid, '', concat_ws(' ', CASE WHEN s.setdatabase <> 0 THEN 'database' END, CASE WHEN s.setrole <> 0 THEN pg_temp.role(s.setrole) END, split_part(one, '=', 1)),
               replace(one, current_setting('compare.stem'), '~')
        FROM pg_db_role_setting s, unnest(s.setconfig) one
        WHERE s.setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database())
           OR s.setdatabase = 0 AND s.setrole IN (SELECT oid FROM pg_roles WHERE rolname ^@ current_setting('compare.stem') AND (rolcanlogin OR rolname !~ '[ab]$'))"""),
]

_PRELUDE = """
SET search_path = ''; SET extra_float_digits = 3; SET datestyle = 'ISO'; SET timezone = 'UTC'; SET intervalstyle = 'postgres';
SET bytea_output = 'hex'; SET lc_monetary = 'C'; SET xmloption = 'content'; SET statement_timeout = 0; SET row_security = off;
SET client_min_messages = error; SET check_function_bodies = off;
SELECT set_config('compare.stem', :'stem', false) \\g /dev/null
CREATE FUNCTION pg_temp.role(oid) RETURNS text LANGUAGE sql AS $$
  SELECT CASE WHEN $1 = 0 THEN 'PUBLIC' WHEN rolname ^@ current_setting('compare.stem')
              THEN '~' || regexp_replace(substr(rolname, length(current_setting('compare.stem')) + 1), '[ab]$', 'login', '') ELSE rolname END
  FROM pg_catalog.pg_roles WHERE oid = $1 UNION ALL SELECT 'PUBLIC' WHERE $1 = 0 $$;
CREATE FUNCTION pg_temp.rights(aclitem[], "char", oid) RETURNS text LANGUAGE sql AS $$
  SELECT string_agg(text, ',' ORDER BY text) FROM (
    SELECT concat(pg_temp.role(grantee), '=', privilege_type, CASE WHEN is_grantable THEN '*' END, '/', pg_temp.role(grantor)) AS text
    FROM pg_catalog.aclexplode(coalesce($1, pg_catalog.acldefault($2, $3)))) AS rights $$;
CREATE FUNCTION pg_temp.sorted(text[]) RETURNS text LANGUAGE sql AS $$ SELECT string_agg(one, ',' ORDER BY one) FROM unnest($1) one $$;
-- Of a row of pg_collation or pg_database: the columns have other names from PostgreSQL 17 on.
CREATE FUNCTION pg_temp.locale(jsonb) RETURNS text LANGUAGE sql AS $$
  SELECT coalesce($1 ->> 'colllocale', $1 ->> 'colliculocale', $1 ->> 'datlocale', $1 ->> 'daticulocale') $$;
"""

# Tables whose rows are asked for: partitioned tables as a whole, others alone; columns by name, generated ones apart.
_TABLES = """
SELECT coalesce(json_agg(json_build_object('name', format('%I.%I', n.nspname, c.relname), 'kind', c.relkind,
  'columns', (SELECT json_agg(quote_ident(a.attname) ORDER BY a.attname) FROM pg_catalog.pg_attribute a
              WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''),
  'generated', (SELECT json_agg(quote_ident(a.attname) ORDER BY a.attname) FROM pg_catalog.pg_attribute a
                WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated <> ''))), '[]')
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE (c.relkind IN ('r', 'p') AND NOT c.relispartition OR c.relkind = 'm' AND c.relispopulated)
  AND n.nspname !~ '^(pg_|information_schema$)'
  AND (NOT EXISTS (SELECT FROM pg_catalog.pg_depend m WHERE m.deptype = 'e' AND m.classid = 'pg_catalog.pg_class'::regclass AND m.objid = c.oid) OR {members})
"""


class Database:
    """A tenant's database, reached as the server's superuser. `stem` is how all its roles' names begin."""

    def __init__(self, socket, port, name, user):
        self.name = name
        self.stem = name.rpartition("_g")[0]
        self._environment = {"PGHOST": socket, "PGPORT": str(port), "PGUSER": user, "PGDATABASE": name,
                             "PATH": os.environ["PATH"], "PGOPTIONS": "-c search_path="}

    def facts(self):
        """{(kind, name): value} of all objects, rows and large objects."""
        return {**self._objects(), **self._sequences(), **self._rows()}

    def run(self, sql):
        done = subprocess.run([PSQL_PROGRAM, "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-v", f"stem={self.stem}", "-f", "-"],
                              input=sql, env=self._environment, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"{self.name}: {done.stderr}")
        return done.stdout.strip()

    # --- inside ----------------------------------------------------------------------------------------------

    def _objects(self):
        parts = []
        for kind, catalog, query in _FACTS:
            conditions = [_USERS.format(schema="f.schema")]
            if catalog:
                conditions.append("NOT " + _MEMBER.format(catalog=catalog, oid="f.oid"))
            parts.append(f"SELECT '{kind}', f.schema || '.' || f.name, f.value FROM ({query}) AS f(oid, schema, name, value) "
                         f"WHERE {' AND '.join(conditions)}")
        union = "\nUNION ALL ".join(parts)
        answer = self.run(_PRELUDE + f"SELECT json_agg(json_build_array(kind, name, value)) FROM ({union}) AS all_facts(kind, name, value);")
        facts = {}
        for kind, name, value in json.loads(answer):
            # Two logins are open while a rotation is under way.
            assert facts.get((kind, name), value) == value, f"two facts of {kind} {name}"
            facts[kind, name] = value
        return facts

    def _sequences(self):
        names = [name[1] for name in self._listed(
            "SELECT coalesce(json_agg(json_build_array(0, format('%I.%I', n.nspname, c.relname))), '[]') FROM pg_catalog.pg_class c "
            "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'S' AND n.nspname !~ '^pg_'")]
        return self._asked("sequence value", {name: f"SELECT concat_ws(' ', last_value, is_called) FROM {name}" for name in names})

    def _rows(self, members="true"):
        asked, generated, materialized = {}, {}, {}
        for table in self._listed(_TABLES.format(members=members)):
            name, only = table["name"], "" if table["kind"] == "p" else "ONLY "
            (materialized if table["kind"] == "m" else asked)[name] = _digest(name, only, table["columns"] or [])
            if table["generated"]:
                generated[name] = _digest(name, only, table["columns"] + table["generated"] if table["columns"] else table["generated"])
        return {**self._asked("rows", asked), **self._asked("generated values", generated),
                **self._asked("materialized rows", materialized)}

    def _listed(self, query):
        return json.loads(self.run(_PRELUDE + query + ";"))

    def _asked(self, kind, queries):
        if not queries:
            return {}
        # The planner looks into index expressions, whose functions may rely on the tenant's usual search path.
        script = _PRELUDE + "SET search_path = public;\n" + "".join(query + ";\n" for query in queries.values())
        return {(kind, name): value for name, value in zip(queries, self.run(script).splitlines(), strict=True)}


def _digest(name, only, columns):
    """Order-free and sensitive to how often a row is there."""
    text = f"ARRAY[{', '.join(column + '::text' for column in columns)}]::text" if columns else "''"
    # md5 halves as numbers: sums of them do not depend on the order.
    return (f"SELECT concat_ws(' ', count(*), sum(('x' || substr(h, 1, 15))::bit(60)::bigint), sum(('x' || substr(h, 16, 15))::bit(60)::bigint)) "
            f"FROM (SELECT md5({text}) AS h FROM {only}{name}) AS hashed")


Difference = collections.namedtuple("Difference", "kind name before after")


def differences(before, after, but=()):
    """What differs between facts, as Differences; None stands for a fact that is not there. Kinds in `but` are not
    looked at."""
    return [Difference(kind, name, before.get((kind, name)), after.get((kind, name)))
            for kind, name in sorted(set(before) | set(after))
            if kind not in but and before.get((kind, name)) != after.get((kind, name))]
