"""The list of end-to-end tests says of each on which hosts it runs, and of nothing else."""
import os
import re
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tests", "harness"))
from suites import E2E, HOSTS, entries, name_of  # noqa: E402


def text_of(file):
    with open(os.path.join(E2E, file + "_test.py"), encoding="utf-8") as source:
        return source.read()


def test_every_end_to_end_test_is_listed_once_and_nothing_else():
    there = sorted(name_of(os.path.join(folder, name)) for folder, _, names in os.walk(E2E) for name in names
                   if name.endswith("_test.py"))
    assert [entry.name for entry in entries() if not entry.test] == there


def test_every_entry_says_which_hosts_and_why_not_others():
    for entry in entries():
        assert entry.hosts in HOSTS, entry.name
        assert bool(entry.why) == (entry.hosts == "managed"), entry.name


def test_single_tests_are_in_their_files():
    for entry in entries():
        if entry.test:
            assert re.search(rf"^def {entry.test}\(", text_of(entry.file), re.MULTILINE), entry.name


def test_what_runs_on_both_names_no_kind_of_host_of_its_own():
    """A cluster that is told its servers does not heed CROFT_TEST_POSTGRES."""
    for entry in entries():
        if entry.hosts == "both" and not entry.test:
            told = re.findall(r"Cluster\([^\n]*postgres=([^\n]*)", text_of(entry.file))
            assert all(re.match(r"\[VERSION\]", one) for one in told), entry.name
