"""Large schemas, with the kinds of objects of public applications, through a tenant's whole life."""
import os

import pytest
from cluster import Cluster
from course import NOTES, VERIFIED, Case, Course
from lives import cordoned
from schemas import atlas, forum, library

SCHEMAS = {"library": library, "atlas": atlas, "forum": forum}
# Materialized views are refreshed by a restore.
WHOLE = Case((VERIFIED, NOTES), lost=("materialized rows .*",))


@pytest.fixture(scope="module", name="cluster")
def running_cluster():
    with Cluster(agents=2) as cluster:
        with cordoned(cluster, "h2"):
            for schema in SCHEMAS:
                cluster.create_tenant(schema)
        yield cluster


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_large_schema_outlives_backup_restore_rotation_and_retirement(cluster, name):
    path = os.path.join(cluster.state, name + ".sql")
    with open(path, "w", encoding="utf-8") as file:
        file.write(SCHEMAS[name].build())
    course = Course(cluster, name, WHOLE, path)
    course.run()
    assert course.relations >= 300
