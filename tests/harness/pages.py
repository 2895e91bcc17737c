"""Commands of a page of docs/, to be run as they stand there with values of this machine in its settings."""
import os
import re

from cluster import TOP


def blocks(page, section=None):
    """(whether these are the settings, commands) of each block of commands; with `section`, of those under that heading."""
    with open(os.path.join(TOP, "docs", page), encoding="utf-8") as file:
        text = file.read()
    if section:
        _, found, text = text.partition(f"# {section}\n")
        assert found, section
        text = re.split(r"^#+ ", text, maxsplit=1, flags=re.MULTILINE)[0]
    for indent, kind, code in re.findall(r"^( *)```sh( settings)?\n(.*?)^ *```$", text, re.MULTILINE | re.DOTALL):
        yield bool(kind), re.sub(f"^{indent}", "", code, flags=re.MULTILINE)


def with_values(settings, values):
    """The page's settings, each with a value of this machine; every one must be there."""
    for name, value in values.items():
        settings, count = re.subn(rf"\b{name}=(\"[^\"]*\"|\S+)", f"{name}={value}", settings)
        assert count == 1, name
    return settings
