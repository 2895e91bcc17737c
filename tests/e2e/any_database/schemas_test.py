"""Large schemas, with the kinds of objects of public applications, through a tenant's whole life."""
import os

import pytest
from cell import Cell
from course import NOTES, VERIFIED, Case, Course
from lives import cordoned
from schemas import atlas, forum, library

SCHEMAS = {"library": library, "atlas": atlas, "forum": forum}
# Materialized views are refreshed by a restore.
WHOLE = Case((VERIFIED, NOTES), lost=("materialized rows .*",))


@pytest.fixture(scope="module", name="cell")
def running_cell():
    with Cell(agents=2) as cell:
        with cordoned(cell, "h2"):
            for schema in SCHEMAS:
                cell.create_tenant(schema)
        yield cell


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_large_schema_outlives_backup_restore_rotation_and_retirement(cell, name):
    path = os.path.join(cell.state, name + ".sql")
    with open(path, "w", encoding="utf-8") as file:
        file.write(SCHEMAS[name].build())
    course = Course(cell, name, WHOLE, path)
    course.run()
    assert course.relations >= 300
