"""Databases that a tenant can make, each of which holds one thing that is hard to back up, through a tenant's whole life.

The first comment of each file in cases/ says what a user should see. `*.superuser.sql` runs as the server's superuser
inside the tenant's database, `*.session.sql` in a session of the tenant's that stays open, all others as its application.
All lives run side by side on two hosts; each test waits for its own.
"""
import concurrent.futures
import glob
import json
import os
import time

import pytest
from cluster import Cluster, wait_until
from course import INCOMPLETE, NOTES, VERIFIED, Case, Course
from external import VERSION
from lives import Life, cordoned, failed, left_on, succeeded

HERE = os.path.dirname(os.path.abspath(__file__))
AT_A_TIME = 3

CASES = {
    "01-inherited-columns": Case(),
    "02-failed-concurrent-index": Case((NOTES,), says=("invoice_number_key",)),
    "03-table-of-an-extension": Case((INCOMPLETE,), says=("outbox",), lost=("rows public.outbox",)),
    "04-policy-for-the-own-role": Case((VERIFIED, NOTES), ask={"SELECT entry FROM diary": "rain"}),
    "05-publication-of-a-schema": Case((NOTES,), says=("all_events", "everything"), warns=("all_events", "everything"),
                                       lost=("publication .*",)),
    "06-extension-of-the-dba": Case((VERIFIED, NOTES), warns=("pg_stat_statements",)),
    "07-table-of-another-owner": Case((INCOMPLETE,), says=("support_log.*(croft|postgres).*ALTER TABLE .*support_log.* OWNER TO",),
                                      warns=("support_log",), lost=(r".* public\.support_log.*",)),
    "09-generated-column-and-search-path": Case((NOTES, INCOMPLETE), says=("sort_key", "place.*key"),
                                                lost=(r"(rows|generated values) public\.place",)),
    "10-index-and-search-path": Case((NOTES, INCOMPLETE), says=("folded", "author"), lost=(r"index public\.author_folded",)),
    "11-materialized-view-and-search-path": Case((VERIFIED, NOTES, INCOMPLETE), says=("word_count",),
                                                 lost=(r"(relation|rows) public\.word_count",)),
    "12-check-that-reads-a-table": Case((NOTES,), says=("delivery",)),
    "13-settings": Case((VERIFIED, NOTES)),
    "14-large-objects": Case(),
    "15-hash-partitions-on-an-enum": Case((VERIFIED, NOTES)),
    "16-new-function-of-a-generated-column": Case((NOTES,), says=("bill.*anew",), lost=(r"generated values public\.bill",)),
    "17-trigger-on-a-temporary-table": Case(),
    "18-older-extension": Case((VERIFIED, NOTES)),
    "20-errors-that-mislead": Case((INCOMPLETE,), says=("restless", "cramped", "waiting"),
                                   lost=(r"rows public\.(restless|cramped|waiting)",)),
    "21-rights-that-the-owner-gave-up": Case((VERIFIED, NOTES)),
    "23-planner-statistics": Case((VERIFIED, NOTES), ask={"SELECT count(*) > 0 FROM pg_stats WHERE tablename = 'reading'": "t"}),
    "24-table-that-nobody-may-read": Case((VERIFIED, NOTES)),
}

# Where they show otherwise on servers that somebody else keeps.
EXTERNAL = {
    # Nobody who could install it is there.
    "06-extension-of-the-dba": Case((INCOMPLETE,), says=("pg_stat_statements",), warns=("pg_stat_statements",),
                                    lost=(r"extension .*pg_stat_statements",)),
    "24-table-that-nobody-may-read": Case((INCOMPLETE,), says=("vault.*GRANT SELECT ON TABLE .*vault",), warns=("vault",),
                                          lost=(r".* public\.vault.*",)),
}

# From 17 on PostgreSQL looks up nothing in the public schema while it builds an index or fills a view, so nobody can make these.
REFUSED_FROM_17 = {
    "10-index-and-search-path": "function unaccent.* does not exist",
    "11-materialized-view-and-search-path": 'relation "page" does not exist',
}


def course_of(cluster, name):
    """The case's life, to be called."""
    tenant = "case-" + name[:2]
    if cluster.external() and int(VERSION) >= 17 and name in REFUSED_FROM_17:
        return lambda: refused_by_the_server(Life(cluster, tenant), name)
    case = EXTERNAL.get(name, CASES[name]) if cluster.external() else CASES[name]
    return Course(cluster, tenant, case, file_of(name)).run


def refused_by_the_server(life, name):
    with pytest.raises(AssertionError, match=REFUSED_FROM_17[name]):
        life.load(file_of(name))


def file_of(case):
    return glob.glob(os.path.join(HERE, "cases", case + ".*"))[0]


@pytest.fixture(scope="module", name="cluster")
def running_cluster():
    with Cluster(agents=2) as cluster:
        with cordoned(cluster, "h2"):
            made = [cluster.call("TenantService.CreateTenant", tenant_id="case-" + name[:2]) for name in [*CASES, "19", "22"]]
            for operation in made:
                cluster.succeed(operation)
        yield cluster


@pytest.fixture(scope="module", name="lives")
def lives_side_by_side(cluster, request):
    """{case: its future}, of the cases that are asked for."""
    wanted = [item.callspec.params["name"] for item in request.session.items if "name" in getattr(item, "callspec", NoCase).params]
    with concurrent.futures.ThreadPoolExecutor(AT_A_TIME) as threads:
        yield {name: threads.submit(course_of(cluster, name)) for name in wanted}


class NoCase:
    params = {}


@pytest.mark.parametrize("name", CASES)
def test_a_database_outlives_backup_restore_rotation_and_retirement(lives, name):
    lives[name].result()


def test_a_value_too_big_for_copy_fails_quickly_and_its_tenant_can_be_ended(cluster):
    life = Life(cluster, "case-19")
    life.load(file_of("19-value-too-big-for-copy"), "MIGRATE")
    start = time.monotonic()
    ended = life.back_up()
    said = failed(ended)
    assert time.monotonic() - start < 60 and ended.steps[0].attempt == 1, ended
    assert "video" in said.message and "1 GB" in said.message, said

    succeeded(life.rotate())
    assert life.retire().state == ended.STATE_FAILED
    assert life.state() == "RETIRED" and "FINAL_BACKUP_FAILED" in life.conditions()
    succeeded(life.undelete())
    assert cluster.psql(life.id, "SELECT count(*) FROM video") == "1"
    stem = life.database().stem
    life.retire()
    assert cluster.refused("TenantService.PurgeTenant", name=life.name, confirm=life.name).reason == "BACKUP_NOT_PROVEN"
    succeeded(life.purge(waive_backup_reason="the video is kept elsewhere"))
    assert not left_on(cluster, "h1", stem)


def missing_grants(cluster, tenant):
    return [finding for finding in json.loads(cluster.croftctl("admin", "check-fleet", "-o", "json", check=False).stdout).get("findings", [])
            if finding["kind"] == "KIND_GRANT_MISSING" and finding.get("tenant") == "tenants/" + tenant]


def test_rights_that_a_reset_dropped_are_found_and_given_back(cluster):
    life = Life(cluster, "case-22")
    life.load(file_of("22-grants-that-a-reset-dropped"))
    wait_until(lambda: missing_grants(cluster, life.id), "check-fleet names what is gone")
    cluster.croftctl("admin", "repair-fleet", "--yes")
    wait_until(lambda: not missing_grants(cluster, life.id), "repair-fleet gave it back")
    cluster.psql(life.id, "CREATE TABLE greeting (t text); INSERT INTO greeting VALUES ('hello')")
    with cluster.login(life.id, "READ_ONLY") as login, login.session() as session:
        assert session.run("SELECT t FROM greeting").ok, "readers read what was made since"
    Course(cluster, life.id, Case((VERIFIED, NOTES), ask={"SELECT t FROM greeting": "hello"}), None).run(loaded=True)


def test_every_case_is_tried():
    files = {os.path.basename(path).split(".")[0] for path in glob.glob(os.path.join(HERE, "cases", "*.sql"))}
    elsewhere = {"19-value-too-big-for-copy", "22-grants-that-a-reset-dropped"}
    assert files == set(CASES) | elsewhere
