"""Every key that a line of the log can have is on its page."""
import glob
import os
import re

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# What the log writes by itself.
ALWAYS = {"time", "level", "message", "operation", "request_id", "trace_id", "lines"}


def keys_in_sources():
    keys = set()
    for folder in ("agent", "common", "controlplane"):
        for path in glob.glob(os.path.join(TOP, folder, "**", "*.cc"), recursive=True):
            with open(path, encoding="utf-8") as file:
                for call in re.findall(r"log::(?:Debug|Info|Warning|Error)\((.*?)\);", file.read(), re.DOTALL):
                    keys |= set(re.findall(r'\{"([a-z_]+)",', call))
    return keys


def test_page_has_every_key_and_no_other():
    with open(os.path.join(TOP, "docs", "logs.md"), encoding="utf-8") as page:
        rows = re.findall(r"^\| (`.*?`) \|", page.read(), re.MULTILINE)
    assert {key for row in rows for key in re.findall(r"`([a-z_]+)`", row)} == keys_in_sources() | ALWAYS
