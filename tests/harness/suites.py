"""The tests of tests/e2e and the hosts that each runs on, as tests/external/suites lists them."""
import os

from cluster import TOP

LIST = os.path.join(TOP, "tests", "external", "suites")
E2E = os.path.join(TOP, "tests", "e2e")
HOSTS = ("both", "external", "managed")


class Entry:
    """One line of the list."""

    def __init__(self, line):
        self.name, self.hosts, self.why = (line.split(None, 2) + ["", ""])[:3]
        self.file, _, self.test = self.name.partition("::")


def entries():
    with open(LIST, encoding="utf-8") as file:
        return [Entry(line) for line in file.read().splitlines() if line and not line.startswith("#")]


def name_of(path):
    """As the list names a file of tests/e2e."""
    return os.path.relpath(path, E2E).removesuffix("_test.py")


def only_managed():
    """Names FILE::TEST of those that cannot run with servers that somebody else keeps, while the rest of their file can."""
    return {entry.name for entry in entries() if entry.test and entry.hosts == "managed"}
