"""Data to back up in benchmarks: by default 1 GB, 40 % of it pgbench's rows, 30 % random text, 20 % jsonb and 10 %
large objects. Every run has the same bytes. Text is of words that are drawn from 20,000, so that it compresses about
as well as people's; large objects are documents of such text."""
import random
import subprocess

GIGABYTE = 1_000_000_000

# What one row of each kind takes on disk, as was measured.
_ACCOUNT_BYTES, _DOCUMENT_BYTES = 128, 436
_LINE_BYTES = 800
_LINES_PER_OBJECT = 625

_TABLES = """
CREATE TABLE accounts (aid int NOT NULL, bid int, abalance int, filler char(84));
INSERT INTO accounts SELECT g, g / 100000 + 1, 0, '' FROM generate_series(1, {accounts}) AS g;
ALTER TABLE accounts ADD PRIMARY KEY (aid);

CREATE TABLE orders (id int PRIMARY KEY, document jsonb NOT NULL);
INSERT INTO orders SELECT g, jsonb_build_object(
  'customer', 'customer-' || hashint4(g) % 5000, 'placed', timestamp '2024-01-01' + g * interval '7 seconds',
  'paid', g % 3 = 0, 'total', abs(hashint4(g + 1)) % 100000 / 100.0, 'token', md5(g::text),
  'lines', jsonb_build_array(
    jsonb_build_object('article', 'article-' || abs(hashint4(g + 2)) % 900, 'count', g % 7 + 1, 'price', g % 9973 / 100.0),
    jsonb_build_object('article', 'article-' || abs(hashint4(g + 3)) % 900, 'count', g % 5 + 1, 'price', g % 8887 / 100.0)),
  'address', jsonb_build_object('street', abs(hashint4(g + 4)) % 200 || ' Long Road', 'city', 'city-' || g % 300))
FROM generate_series(1, {documents}) AS g;
CREATE INDEX ON orders ((document ->> 'customer'));

CREATE TABLE letters (id serial, body text NOT NULL);
CREATE TABLE pages (id serial, body text NOT NULL);
"""

_OBJECTS = """
ALTER TABLE letters ADD PRIMARY KEY (id);
SELECT count(lo_from_bytea(0, document)) FROM (
  SELECT convert_to(string_agg(body, E'\\n'), 'UTF8') AS document FROM pages GROUP BY id / {lines}) AS documents;
DROP TABLE pages;
"""


def fill(login, size=GIGABYTE):
    """Makes tables and large objects of `size` bytes in all, indexes not counted, as `login`."""
    chance = random.Random(20)
    vocabulary = _words(chance)
    _psql(login, _TABLES.format(accounts=int(0.4 * size / _ACCOUNT_BYTES), documents=int(0.2 * size / _DOCUMENT_BYTES)))
    _copy(login, "letters", chance, vocabulary, int(0.3 * size / _LINE_BYTES))
    _copy(login, "pages", chance, vocabulary, int(0.1 * size / _LINE_BYTES))
    _psql(login, _OBJECTS.format(lines=_LINES_PER_OBJECT))


def _words(chance):
    letters = "eeeetttaaaooiinnsshhrrddlucmfwypvbgk"
    return ["".join(chance.choices(letters, k=chance.randint(2, 9))) for _ in range(20_000)]


def _copy(login, table, chance, vocabulary, lines):
    with subprocess.Popen(["psql", "-X", "-q", "-c", f"COPY {table} (body) FROM STDIN"], stdin=subprocess.PIPE,
                          env=login.variables(PGOPTIONS="-c statement_timeout=0"), text=True) as copying:
        for _ in range(lines):
            copying.stdin.write(" ".join(chance.choices(vocabulary, k=_LINE_BYTES * 10 // 65)) + "\n")
    assert copying.returncode == 0


def _psql(login, statements):
    subprocess.run(["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", "-"], input=statements,
                   env=login.variables(PGOPTIONS="-c statement_timeout=0"), stdout=subprocess.DEVNULL, text=True, check=True)
