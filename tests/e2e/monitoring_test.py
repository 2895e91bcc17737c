"""A real Prometheus scrapes a real fleet: every panel of every dashboard shows something, no alert fires while all is well,
and a fault fires its own. Scrapers that hang or come by the thousand hold up nobody.

CROFT_TEST_TABLES is another number of tables for a tenant that makes very many, such as 100000.
"""
import csv
import glob
import http.client
import io
import json
import os
import re
import signal
import socket
import ssl
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

import pytest
import wire
from cluster import Cluster, wait_until
from prometheus import MONITORING, Prometheus, read

TENANTS = ["amber", "basalt", "cobalt"]
# That a tenant makes.
TABLES = int(os.environ.get("CROFT_TEST_TABLES", "2000"))


@pytest.fixture(scope="module", name="cluster")
def running_cluster():
    with Cluster(agents=2) as cluster:
        # As often as agents look here, so often they never do in earnest.
        cluster.commands["croftd"] += ["--usage-interval", "1"]
        cluster.kill("croftd", signal.SIGTERM)
        cluster.relaunch("croftd")
        wait_until(lambda: cluster.croftctl("host", "list", check=False).stdout.count(" UP ") == 2, "croftd serves")
        yield cluster


@pytest.fixture(scope="module", name="url")
def url_of_metrics(cluster):
    return cluster.env["CROFT_METRICS_URL"].removesuffix("/metrics")


def token_of(cluster, principal, role, **binding):
    cluster.call("AccessService.CreatePrincipal", principal_id=principal)
    cluster.call("AccessService.BindRole", name=f"principals/{principal}", binding={"role": f"ROLE_{role}", **binding})
    return cluster.call("AccessService.CreateToken", parent=f"principals/{principal}").secret


@pytest.fixture(scope="module", name="dashboards")
def token_of_dashboards(cluster):
    return token_of(cluster, "dashboards", "VIEWER", all_tenants=True)


@pytest.fixture(scope="module", name="prometheus")
def fleet_that_works(cluster, url, dashboards):
    """A Prometheus that has seen tenants come and go, backups, lookups and a subscriber."""
    with Prometheus(url.removeprefix("http://")) as made:
        for tenant in TENANTS:
            cluster.succeed(cluster.call("TenantService.CreateTenant", tenant_id=tenant,
                                         tenant={"quota": {"storage_bytes": 1 << 30}}))
            cluster.call("LookupService.Lookup", tenant=tenant)
            backup = cluster.succeed(cluster.call("BackupService.CreateBackup", parent=f"tenants/{tenant}"))
            assert backup.done
        newest = cluster.call("BackupService.ListBackups", parent=f"tenants/{TENANTS[0]}").backups[0]
        cluster.succeed(cluster.call("BackupService.VerifyBackup", name=newest.name))
        cluster.refused("LookupService.Lookup", tenant="nobody")
        watch = cluster.service("LookupService").WatchPlacements(wire.message("WatchPlacementsRequest")())
        next(iter(watch))
        cluster.succeed(cluster.call("TenantService.RetireTenant", name=f"tenants/{TENANTS[2]}"))
        cluster.succeed(cluster.call("TenantService.PurgeTenant", name=f"tenants/{TENANTS[2]}",
                                     confirm=f"tenants/{TENANTS[2]}"))
        cluster.call("LookupService.Lookup", tenant=TENANTS[0])
        seen = 'sum(croft_operations_ended_total{kind="PURGE",outcome="SUCCEEDED"}) == 1 and sum(croft_watchers) == 1'
        wait_until(lambda: made.query(seen), "what was done is scraped")
        # Those of the purged tenant are not: its final one was proven, too.
        wait_until(lambda: made.query('sum(croft_backups{state=~"AVAILABLE|VERIFIED"}) == 2'), "backups are counted")
        made.scrape_tenants(TENANTS[:2], dashboards)
        wait_until(lambda: len(made.query("croft_tenant_size_bytes")) == 2, "their sizes are known")
        yield made
        watch.cancel()


def panels():
    for path in sorted(glob.glob(os.path.join(MONITORING, "dashboards", "*.json"))):
        with open(path, encoding="utf-8") as file:
            board = json.load(file)
        for panel in board["panels"]:
            for target in panel["targets"]:
                yield f"{board['title']}: {panel['title']}", target["expr"].replace("$tenant", TENANTS[0])


def test_every_panel_shows_something(cluster, prometheus):
    def shows(expression):
        # A scrape that a busy machine answers late leaves a second without any series.
        return any(prometheus.query(expression) or time.sleep(1) for _ in range(5))
    empty = [(title, expression) for title, expression in panels() if not shows(expression)]
    # Of a disk that the agent does not see nothing is told.
    unseen = ["croft_host_free_bytes"] if cluster.external() else []
    assert [expression for _, expression in empty] == unseen, empty


def test_no_alert_fires_while_all_is_well(prometheus):
    time.sleep(2)  # two rounds of the rules over all that was done
    assert prometheus.firing() == set()


def test_figures_say_what_is_there(prometheus):
    def value(expression):
        return {json.dumps(sample["metric"].get("state")): float(sample["value"][1])
                for sample in prometheus.query(expression)}
    assert value('sum by (state) (croft_tenants)') == {
        '"READY"': 2, '"CREATING"': 0, '"SUSPENDED"': 0, '"RETIRED"': 0, '"FAILED"': 0}
    assert value('sum by (state) (croft_host_state)') == {'"UP"': 2}
    assert value('sum by (state) (croft_backups{state=~"VERIFIED|AVAILABLE"})') == {'"VERIFIED"': 1, '"AVAILABLE"': 1}
    assert value('croft_tenants_without_proven_backup') == {"null": 1}
    assert value('sum(croft_calls_total{method="LookupService/Lookup",code="NOT_FOUND"})') == {"null": 1}
    assert value('croft_watchers') == {"null": 1}


def test_no_page_names_a_tenant_or_its_database(cluster, url, prometheus):
    assert prometheus
    uid = cluster.tenant(TENANTS[0]).uid
    for page in ("metrics", "sd"):
        code, text = read(f"{url}/{page}")
        assert code == 200
        assert not [word for word in [*TENANTS, uid] if word in text]


def test_page_of_a_tenant_takes_the_token_of_somebody_who_may_read_it(cluster, url, dashboards):
    name, other = TENANTS[:2]
    mine = token_of(cluster, "mine", "VIEWER", tenants=[name])
    locator = token_of(cluster, "finder", "LOCATOR", all_tenants=True)

    def code(tenant, token):
        return read(f"{url}/tenants/{tenant}", **({"Authorization": f"Bearer {token}"} if token else {}))[0]
    assert [code(name, token) for token in ("", "croft_" + "a" * 43, locator, mine, dashboards)] == [401, 401, 403, 200, 200]
    assert [code(other, token) for token in (mine, dashboards)] == [403, 200]
    assert [code("nobody", token) for token in (mine, dashboards)] == [403, 404]
    assert code("..%2f..%2fmetrics", dashboards) == 404
    page = read(f"{url}/tenants/{name}", Authorization=f"Bearer {dashboards}")[1]
    assert "croft_tenant_size_bytes " in page
    assert not [word for word in (*TENANTS, cluster.tenant(name).uid) if word in page]


def test_discovery_finds_the_control_plane_and_every_server(cluster, url):
    groups = json.loads(read(f"{url}/sd")[1])
    kinds = {group["labels"].get("__meta_croft_host", "croftd"): group["labels"]["__meta_croft_kind"] for group in groups}
    assert kinds == {"croftd": "controlplane", "h1": "postgres", "h2": "postgres"}
    ports = [str(cluster.postgres_address(host)[1]) for host in cluster.hosts()]
    assert [group["targets"][0].rpartition(":")[2] for group in groups[1:]] == ports


def test_other_pages_and_methods_are_refused(url):
    assert read(f"{url}/healthz") == (200, "ok\n")
    assert read(f"{url}/readyz") == (200, "ok\n")
    assert read(f"{url}/../../etc/passwd")[0] == 404
    request = urllib.request.Request(f"{url}/metrics", data=b"x" * 100_000)
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=20)
    assert refused.value.code == 405


def resident_kilobytes(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return int(re.search(r"VmRSS:\s+(\d+) kB", file.read()).group(1))


def test_ten_thousand_scrapes_and_hanging_ones_cost_little_and_hold_up_nobody(cluster, url):
    host, port = urllib.parse.urlsplit(url).netloc.split(":")
    hanging = [socket.create_connection((host, int(port))) for _ in range(20)]
    for one in hanging:
        one.sendall(b"GET /metrics HTTP/1.1\r\nHost:")
    before = resident_kilobytes(cluster.pid("croftd"))

    def scrape():
        connection = http.client.HTTPConnection(host, int(port), timeout=20)
        for _ in range(2500):
            connection.request("GET", "/metrics")
            assert connection.getresponse().read()
    scrapers = [threading.Thread(target=scrape) for _ in range(4)]
    for one in scrapers:
        one.start()
    slowest = 0
    while any(one.is_alive() for one in scrapers):
        begin = time.monotonic()
        cluster.call("LookupService.Lookup", tenant=TENANTS[0])
        slowest = max(slowest, time.monotonic() - begin)
    for one in scrapers:
        one.join()
    assert slowest < 2
    assert resident_kilobytes(cluster.pid("croftd")) - before < 32 * 1024
    for one in hanging:
        one.close()


def test_an_agent_that_is_gone_fires_its_alert_and_no_other(cluster, prometheus):
    cluster.kill("h2")
    wait_until(lambda: prometheus.firing() == {"CroftHostAway"}, "the host is away", 90)
    cluster.start("h2")
    wait_until(lambda: prometheus.firing() == set(), "the host is back", 90)


def test_an_agent_shows_its_own_figures_where_it_is_asked_to(cluster):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
    cluster.stop("h1")
    cluster.relaunch("h1", "--metrics-listen", address)
    wait_until(lambda: cluster.host_state("h1") == "STATE_UP", "the host is up")
    cluster.succeed(cluster.call("BackupService.CreateBackup", parent=f"tenants/{TENANTS[0]}"))
    page = read(f"http://{address}/metrics")[1]
    assert "croft_agent_connected 1" in page and "croft_agent_postgres_up 1" in page
    backups = int(cluster.tenant(TENANTS[0]).placement.host == "hosts/h1")
    assert f'croft_agent_tasks_ended_total{{kind="back_up",outcome="SUCCEEDED"}} {backups}\n' in page
    assert not [tenant for tenant in TENANTS if tenant in page]
    assert read(f"http://{address}/healthz") == (200, "ok\n")
    assert read(f"http://{address}/sd")[0] == 404
    cluster.stop("h1")
    ran = subprocess.run([*cluster.commands["h1"], "--metrics-listen", "0.0.0.0:0"], stdin=subprocess.DEVNULL, capture_output=True,
                         text=True, timeout=60, check=False)
    assert ran.returncode == 2 and "on loopback alone" in ran.stderr, ran
    cluster.start("h1")
    wait_until(lambda: cluster.host_state("h1") == "STATE_UP", "the host is up again")


def test_a_control_plane_that_hangs_fires_its_alert_and_no_other(cluster, prometheus):
    os.kill(cluster.pid("croftd"), signal.SIGSTOP)
    try:
        wait_until(lambda: prometheus.firing() == {"CroftDown"}, "the control plane is down", 90)
    finally:
        os.kill(cluster.pid("croftd"), signal.SIGCONT)
    wait_until(lambda: prometheus.firing() == set(), "the control plane is back", 90)


def test_beyond_loopback_it_takes_tls_and_a_token_that_may_read_the_fleet(cluster, url):
    viewer, locator = (token_of(cluster, *who, all_tenants=True) for who in (("prometheus", "VIEWER"), ("app", "LOCATOR")))
    port = url.rpartition(":")[2]
    at = cluster.commands["croftd"].index("--metrics-listen") + 1
    cluster.commands["croftd"][at] = f"0.0.0.0:{port}"
    cluster.kill("croftd", signal.SIGTERM)
    cluster.relaunch("croftd")
    trust = ssl.create_default_context(cafile=os.path.join(cluster.state, "croftd", "tls", "ca.crt"))

    def code(page, **headers):
        connection = http.client.HTTPSConnection("127.0.0.1", int(port), context=trust, timeout=20)
        connection.request("GET", page, headers=headers)
        return connection.getresponse().status

    def answers():
        try:
            return code("/healthz") == 200
        except OSError:
            return False
    wait_until(answers, "croftd serves with TLS")
    assert code("/readyz") == 200
    assert code("/metrics") == 401
    assert code("/metrics", Authorization="Bearer croft_" + "a" * 43) == 401
    assert code("/metrics", Authorization=f"Bearer {locator}") == 403
    assert code("/metrics", Authorization=f"Bearer {viewer}") == 200
    assert code("/sd", Authorization=f"Bearer {viewer}") == 200
    assert code(f"/tenants/{TENANTS[0]}") == 401
    assert code(f"/tenants/{TENANTS[0]}", Authorization=f"Bearer {viewer}") == 200
    with pytest.raises((OSError, http.client.HTTPException)):
        read(f"http://127.0.0.1:{port}/metrics")


def load_statements(cluster, host):
    """Has the host's server, which its agent keeps, load pg_stat_statements."""
    pid = cluster.postgres_pid(host)
    conf = os.path.join(cluster.state, "agents", host, "pg", "conf", "local.conf")
    with open(conf, "w", encoding="utf-8") as file:
        file.write("shared_preload_libraries = 'pg_stat_statements'\n")
    os.kill(pid, signal.SIGINT)

    def is_back():
        try:
            return cluster.postgres_pid(host) != pid and cluster.superuser(host, "SELECT 1") == "1"
        except (OSError, LookupError, ValueError, RuntimeError):
            return False
    wait_until(is_back, "its agent has started the server again", 60)
    wait_until(lambda: cluster.host_state(host) == "STATE_UP", "the host is up")


def test_statements_that_took_the_most_time_are_shown_without_what_they_held(cluster, prometheus):
    assert prometheus  # its tenants are there
    name, other = TENANTS[:2]

    def listed(tenant):
        ran = cluster.croftctl("tenant", "usage", tenant, "--statements", "-o", "json", check=False)
        return json.loads(ran.stdout)["statements"] if ran.returncode == 0 else ran.stderr
    refused = listed(name)
    assert "the server does not count statements" in refused or "pg_read_all_stats" in refused, refused
    if cluster.external():
        return  # somebody else's server, which does not load it
    host = cluster.tenant(name).placement.host.removeprefix("hosts/")
    load_statements(cluster, host)
    assert isinstance(listed(name), list), "its agent has made the extension"
    cluster.psql(name, "SELECT count(*) FROM generate_series(1, 300000) AS n WHERE n::text <> 'hush-hush'")
    cluster.psql(name, "SELECT 'hush-hush' AS word INTO copied")
    cluster.psql(name, "SET application_name TO 'hush-hush'")
    cluster.psql(name, "SET search_path TO hushed")
    cluster.psql(name, "DO $$ BEGIN PERFORM 'hush-hush'; END $$")
    cluster.psql(name, 'SELECT 1 AS "\x1b[2J\nb"')
    statements = listed(name)
    assert statements[0]["text"] == "SELECT count(*) FROM generate_series($1, $2) AS n WHERE n::text <> $3", statements
    assert statements[0]["calls"] == "1" and statements[0]["rows"] == "1" and statements[0]["totalTime"]
    texts = {one["text"] for one in statements}
    assert {"SELECT", "SET application_name", "SET search_path", "DO", 'SELECT $1 AS " [2J b"'} <= texts, texts
    assert not [text for text in texts if "hush" in text], texts
    for number in range(30):
        cluster.psql(name, f"SELECT {', '.join(['1'] * (number + 2))}")
    assert len(listed(name)) == 20
    table = cluster.croftctl("tenant", "usage", name, "--statements").stdout
    assert "THE TENANT'S STATEMENT" in table.splitlines()[0] and "generate_series" in table
    if cluster.tenant(other).placement.host == f"hosts/{host}":
        assert not [one for one in listed(other) if "generate_series" in one["text"]]


# The last: it begins croftd anew.
def test_usage_follows_a_tenant_that_grows_and_outlives_damage_to_its_file(cluster):
    name = TENANTS[0]

    def restart():
        cluster.relaunch("croftd")
        wait_until(lambda: cluster.croftctl("tenant", "get", name, check=False).returncode == 0, "croftd serves")

    def usage():
        return cluster.call("UsageService.GetUsage", name=f"tenants/{name}")

    def listed(*options):
        return cluster.croftctl("tenant", *options).stdout

    cluster.kill("croftd", signal.SIGTERM)
    restart()
    before = wait_until(lambda: usage().size_bytes, "the size is known")
    cluster.psql(name, "CREATE TABLE grown AS SELECT n, repeat(md5(n::text), 30) AS text FROM generate_series(1, 8000) AS n")
    grown = wait_until(lambda: usage().size_bytes > before + 8_000_000 and usage(), "its growth is seen")
    assert grown.host == cluster.tenant(name).placement.host
    wait_until(lambda: usage().counts.rows_inserted >= 8000, "its rows are counted")
    assert [hour.size_bytes for hour in usage().hours][-1] >= grown.size_bytes
    text = f"{usage().size_bytes / 2**20:.1f} MiB"
    assert text in next(line for line in listed("list", "-o", "wide").splitlines() if line.startswith(name))
    assert text in listed("describe", name)
    rows = list(csv.DictReader(io.StringIO(listed("usage", "-o", "csv"))))
    assert rows[0]["tenant"] == name and int(rows[0]["size_bytes"]) == usage().size_bytes, rows
    assert {row["tenant"] for row in rows} == set(TENANTS[:2]), "a purged tenant is not among them"
    hours = list(csv.DictReader(io.StringIO(listed("usage", name, "-o", "csv"))))
    assert sum(int(hour["rows_inserted"]) for hour in hours) >= 8000

    hostile = ["'; DROP TABLE grown; --", 'a"b', "\\", "%s%n", "a\nb", "\x1b[2J", "t_acme_aaaabbbbccccdddd_g1", "é" * 31]
    cluster.psql(name, "".join('CREATE TABLE "{}" ();'.format(table.replace('"', '""')) for table in hostile))
    cluster.psql(name, f"DO $$ BEGIN FOR i IN 1..{TABLES} LOOP EXECUTE format('CREATE TABLE many_%s (n int)', i); "
                       "IF i % 1000 = 0 THEN COMMIT; END IF; END LOOP; END $$")
    wait_until(lambda: usage().size_bytes > grown.size_bytes, "so many tables are no obstacle", 120)

    cluster.kill("croftd", signal.SIGTERM)
    file = os.path.join(cluster.state, "croftd", "usage.db")
    with open(file, "r+b") as damaged:
        damaged.write(b"\x5a" * os.path.getsize(file))
    restart()
    wait_until(lambda: usage().size_bytes > before + 8_000_000, "usage is told anew")
    assert os.path.exists(file + ".set-aside")
