import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "harness"))
from external import VERSIONS  # noqa: E402
from suites import name_of, only_managed  # noqa: E402


def pytest_collection_modifyitems(config, items):
    """Leaves out what cannot run with servers that somebody else keeps, where CROFT_TEST_POSTGRES asks for such."""
    if os.environ.get("CROFT_TEST_POSTGRES") not in VERSIONS:
        return
    managed = only_managed()
    left_out = [item for item in items if f"{name_of(item.path)}::{item.name}" in managed]
    items[:] = [item for item in items if item not in left_out]
    config.hook.pytest_deselected(items=left_out)
