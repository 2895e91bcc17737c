"""The units are locked up as far as docs/installation.md says."""
import os
import re
import subprocess

import pytest

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
UNITS = os.path.join(TOP, "deploy", "systemd")


def exposure(unit):
    """systemd-analyze's figure, from 0 (locked up) to 10."""
    report = subprocess.run(["systemd-analyze", "security", "--offline=true", "--no-pager", os.path.join(UNITS, unit)],
                            capture_output=True, text=True, check=True).stdout
    return float(re.search(r"Overall exposure level for \S+: ([0-9.]+)", report)[1])


@pytest.mark.parametrize("unit", ["croftd.service", "croft-agent.service", "croft-postgres.service"])
def test_exposure_is_what_the_page_says_and_at_most_two(unit):
    with open(os.path.join(TOP, "docs", "installation.md"), encoding="utf-8") as page:
        said = re.search(rf"`{unit.partition('.')[0]}` ([0-9.]+)", page.read())[1]
    assert exposure(unit) == float(said) <= 2.0


def settings(unit):
    with open(os.path.join(UNITS, unit), encoding="utf-8") as file:
        return dict(re.findall(r"^([A-Z][A-Za-z]+)=(.*)$", file.read(), re.MULTILINE))


def test_agent_and_postgres_share_what_the_agent_needs_to_find_its_server():
    agent, postgres = settings("croft-agent.service"), settings("croft-postgres.service")
    assert agent["User"] == postgres["User"]
    # The agent reads /proc/PID/cwd of its server, which another user namespace would forbid; and RemoveIPC= of the agent's
    # unit would take PostgreSQL's shared memory when the agent ends.
    for unit in (agent, postgres):
        assert "PrivateUsers" not in unit and "RemoveIPC" not in unit


def test_daemons_are_watched_and_wrong_configuration_is_not_tried_again():
    for unit in ("croftd.service", "croft-agent.service"):
        assert settings(unit)["Type"] == "notify" and int(settings(unit)["WatchdogSec"]) > 0
        assert settings(unit)["RestartPreventExitStatus"] == "2"


def test_file_that_asks_for_postgres_is_the_one_that_is_watched():
    watched = settings("croft-postgres.path")["PathModified"]
    assert settings("croft-agent.service")["Environment"] == f"CROFT_AGENT_POSTGRES_START_FILE={watched}"
