"""The packages on machines of their own: docs/installation.md word for word, then upgrade, removal and purge.

The tests of this file are one story and run in their order. Started by tests/packages/run.
"""
import glob
import json
import os
import re
import shutil
import subprocess
import tempfile
import time

import pytest
from machine import Machine, make_bridge, run, wait_until

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PACKAGES = {"now": os.environ["CROFT_PACKAGES"], "next": os.environ["CROFT_PACKAGES_NEXT"]}


def debs(which, *names):
    return [path for name in names for path in glob.glob(os.path.join(PACKAGES[which], name + "_*.deb"))]


def guide():
    """{heading: [shell blocks]} of the page."""
    with open(os.path.join(TOP, "docs", "installation.md"), encoding="utf-8") as page:
        parts = re.split(r"^## (.*)$", page.read(), flags=re.MULTILINE)
    return {heading: re.findall(r"^```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
            for heading, text in zip(parts[1::2], parts[2::2])}


@pytest.fixture(scope="module", name="machines")
def booted():
    folder = tempfile.mkdtemp(prefix="croft-machines.", dir="/var/tmp")
    shared = os.path.join(folder, "shared")
    os.makedirs(shared)
    make_bridge()
    try:
        with Machine("croft", folder, shared) as croft, Machine("db1", folder, shared) as db1, \
                Machine("db2", folder, shared) as db2:
            yield {"croft": croft, "db1": db1, "db2": db2}
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def ctl(machines, command):
    return json.loads(machines["croft"].sh(f"croftctl {command} -o json").stdout)


def host_states(machines):
    return {host["name"]: host["state"] for host in ctl(machines, "host list").get("hosts", [])}


def test_lintian_finds_no_error():
    ran = subprocess.run(["lintian", "--fail-on=error", *debs("now", "*")], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_control_plane_is_installed_by_the_guide(machines):
    croft = machines["croft"]
    croft.put(*debs("now", "croftd", "croftctl"))
    for block in guide()["The control plane"]:
        croft.sh(block)
    assert croft.sh("systemctl is-active croftd").stdout.strip() == "active"
    user = croft.sh(f"stat -c %U /proc/{croft.main_pid('croftd')}").stdout.strip()
    assert user == "croftd"


@pytest.mark.parametrize("name", ["db1", "db2"])
def test_hosts_are_installed_by_the_guide(machines, name):
    host, croft = machines[name], machines["croft"]
    # The page is written for db1.
    if name != "db1":
        croft.sh(guide()["The control plane"][-1].replace("db1", name))
    host.put(*debs("now", "croft-agent"), croft.file(f"/root/{name}.token"))
    for block in guide()["A database host"]:
        host.sh(block.replace("db1", name))
    wait_until(lambda: host_states(machines).get(f"hosts/{name}") == "STATE_UP", f"{name} is up", 180)
    # The host is up when its agent is, before its server has started.
    wait_until(lambda: host.main_pid("croft-postgres"), "PostgreSQL is up", 120)
    for unit in ("croft-agent", "croft-postgres"):
        assert host.sh(f"stat -c %U /proc/{host.main_pid(unit)}").stdout.strip() == "croft-agent"


def test_first_tenant_is_created_by_the_guide(machines):
    for block in guide()["The first tenant"]:
        machines["croft"].sh(block)
    assert ctl(machines, "tenant get acme")["state"] == "STATE_READY"


@pytest.fixture(scope="module", name="token")
def made_token(machines):
    """A file on the machine of the control plane with the identity of an application."""
    machines["croft"].sh("croftctl access principal create shop && croftctl access bind shop locator --all-tenants &&"
                         "croftctl access token create shop --out /root/croft/token")
    return "/root/croft/token"


def example(page, heading, language):
    with open(os.path.join(TOP, "docs", page), encoding="utf-8") as text:
        part = text.read().split(f"\n## {heading}\n")[1]
    return re.search(rf"^```{language}\n(.*?)^```$", part, re.MULTILINE | re.DOTALL)[1]


def test_cpp_library_is_used_as_its_page_says(machines, token):
    croft = machines["croft"]
    croft.put(*debs("now", "libcroft-client", "libcroft-client-dev"))
    croft.sh("apt-get install --yes ./libcroft-client*.deb")
    include, body = example("clients.md", "C++", "cpp").split("\n\n", 1)
    body = body.replace("croft.internal", "croft.example.com").replace('"ca.crt"', '"/root/croft/ca.crt"').replace(
        '"token"', f'"{token}"')
    with open(croft.file("/root/shop.cc"), "w", encoding="utf-8") as file:
        file.write(f"{include}\n#include <iostream>\n#include <libpq-fe.h>\nint main() {{\nPGconn* connection = nullptr;\n{body}"
                   "std::cout << (located.ok() ? (*located)->conninfo : located.status().ToString());\n"
                   "PQfinish(connection);\nreturn located.ok() ? 0 : 1;\n}\n")
    croft.sh("g++ -std=c++20 -Wall -Wextra -Werror -I/usr/include/postgresql shop.cc -o shop "
             "$(pkg-config --cflags --libs croft-client) -lpq")
    assert "db" in croft.sh("./shop").stdout


def test_python_library_is_used_from_its_package(machines, token):
    croft = machines["croft"]
    croft.put(*debs("now", "python3-croft"))
    croft.sh("apt-get install --yes ./python3-croft_*.deb")
    said = croft.sh(f"CROFT_SERVER=croft.example.com:7443 CROFT_CA=/root/croft/ca.crt CROFT_TOKEN_FILE={token} python3 -c '"
                    "import croft\nwith croft.Locator() as locator: print(locator.locate(\"acme\").dsn())'").stdout
    assert said.startswith("postgres") and ".example.com:7500/" in said


def test_logs_of_units_are_json_lines(machines):
    lines = machines["croft"].sh("journalctl -u croftd -o cat | grep '^{'").stdout.splitlines()
    assert any(json.loads(line)["message"] == "croftd ready" for line in lines)


class OpenConnection:
    """A session of a program of its own on the server where acme lives."""

    def __init__(self, machines):
        self._home = machines[ctl(machines, "tenant get acme")["placement"]["host"].removeprefix("hosts/")]
        self.host = self._home.name
        self._pid = None

    def open(self):
        self._home.sh("systemd-run --quiet --unit=application --uid=croft-agent /bin/sh -c 'exec psql -X -h "
                      "/var/lib/croft-agent/pg/socket -p 7500 -U croft -d postgres -c \"SELECT pg_sleep(3600)\"'")
        self._pid = wait_until(self._backend, "the session is open")

    def _backend(self):
        ran = self._home.sh("runuser -u croft-agent -- psql -X -A -t -h /var/lib/croft-agent/pg/socket -p 7500 -U croft "
                            "-d postgres -c \"SELECT pid FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%'\"",
                            check=False)
        return ran.stdout.strip()

    def is_the_same(self):
        return self._backend() == self._pid and self._home.sh("systemctl is-active application").stdout.strip() == "active"


@pytest.fixture(scope="module", name="connection")
def opened(machines):
    connection = OpenConnection(machines)
    connection.open()
    return connection


def test_restart_of_the_agent_ends_no_connection(machines, connection):
    host = machines[connection.host]
    before = host.main_pid("croft-postgres")
    host.sh("systemctl restart croft-agent")
    wait_until(lambda: host_states(machines)[f"hosts/{connection.host}"] == "STATE_UP", "it is up again")
    assert host.main_pid("croft-postgres") == before and connection.is_the_same()


def test_kill_of_the_agent_ends_no_connection_and_it_comes_back(machines, connection):
    host = machines[connection.host]
    before = host.main_pid("croft-agent")
    host.sh("systemctl kill --kill-who=main --signal=KILL croft-agent")
    wait_until(lambda: host.main_pid("croft-agent") not in (0, before), "systemd starts it again")
    assert connection.is_the_same()


def test_upgrade_with_work_under_way_ends_no_connection_and_no_operation(machines, connection):
    """The machine of the control plane first, then the hosts; backups and creations go on meanwhile."""
    croft = machines["croft"]
    under_way = [croft.sh(f"croftctl --no-wait -o json {command}").stdout
                 for command in ("tenant create globex", "backup create acme")]
    before = {name: machines[name].main_pid("croft-postgres") for name in ("db1", "db2")}
    for name, packages in (("croft", ("croftd", "croftctl")), ("db1", ("croft-agent",)), ("db2", ("croft-agent",))):
        machines[name].put(*debs("next", *packages))
        machines[name].sh("apt-get install --yes ./*+next*.deb")
    assert croft.sh("dpkg-query -W -f '${Version}' croftd").stdout.endswith("+next")
    wait_until(lambda: set(host_states(machines).values()) == {"STATE_UP"}, "both hosts are up again")
    for answer in under_way:
        croft.sh(f"croftctl op wait {json.loads(answer)['name']}")
    assert {name: machines[name].main_pid("croft-postgres") for name in before} == before
    assert connection.is_the_same()


def test_upgrade_that_is_killed_at_any_moment_is_finished_by_dpkg(machines):
    """dpkg and its scripts end at ever later moments; each time its own remedy leaves a control plane that runs."""
    croft = machines["croft"]
    croft.put(*debs("now", "croftd", "croftctl"))
    killed = 0
    for attempt in range(12):
        version = ("0*[0-9]_amd64", "*+next_amd64")[attempt % 2]
        killed += croft.sh(f"timeout --signal=KILL {0.2 + 0.3 * attempt:.1f} dpkg --install croftd_{version}.deb",
                           check=False).returncode != 0
        croft.sh(f"dpkg --configure --pending && dpkg --install croftd_{version}.deb && test -z \"$(dpkg --audit)\"")
        assert croft.sh("systemctl is-active croftd").stdout.strip() == "active"
        assert ctl(machines, "tenant get acme")["state"] == "STATE_READY"
    assert killed
    croft.sh("dpkg --install ./croftd_*+next_amd64.deb")


def test_configuration_that_was_changed_survives_the_upgrade(machines):
    assert "croft.example.com:7443" in machines["croft"].sh("croftd config dump").stdout


def test_wrong_configuration_is_not_tried_again(machines):
    croft = machines["croft"]
    croft.sh("echo 'lisen = 1' >/etc/croft/croftd.conf.d/wrong.toml")
    croft.sh("systemctl restart croftd", check=False)
    wait_until(lambda: croft.sh("systemctl is-failed croftd", check=False).stdout.strip() == "failed", "it has failed")
    time.sleep(3)
    assert croft.sh("systemctl is-failed croftd", check=False).stdout.strip() == "failed"
    assert "did you mean 'listen'?" in croft.sh("journalctl -u croftd -o cat").stdout
    croft.sh("rm /etc/croft/croftd.conf.d/wrong.toml; systemctl reset-failed croftd; systemctl start croftd")


def test_hosts_and_their_servers_come_back_after_a_reboot(machines):
    db1 = machines["db1"]
    db1.power_off()
    db1.boot()
    wait_until(lambda: host_states(machines).get("hosts/db1") == "STATE_UP", "db1 is up again", 120)


def test_keyring_can_be_a_credential(machines):
    croft = machines["croft"]
    croft.sh("cp -a /var/lib/croftd/keyring /root/keyring; mkdir -p /etc/systemd/system/croftd.service.d;"
             "printf '[Service]\\nLoadCredential=keyring:/etc/croft/keyring\\n' >/etc/systemd/system/croftd.service.d/keyring.conf;"
             "install -m 0600 /root/keyring /etc/croft/keyring; mv /var/lib/croftd/keyring /root/keyring.away;"
             "systemctl daemon-reload; systemctl restart croftd")
    assert ctl(machines, "tenant get acme")["state"] == "STATE_READY"
    croft.sh("croftctl tenant lookup acme --with-password -o json | grep -q password")
    croft.sh("mv /root/keyring.away /var/lib/croftd/keyring; rm -r /etc/systemd/system/croftd.service.d /etc/croft/keyring;"
             "systemctl daemon-reload; systemctl restart croftd")


def test_removal_stops_and_keeps_the_data_and_purge_says_what_it_keeps(machines):
    croft, db1 = machines["croft"], machines["db1"]
    croft.sh("apt-get remove --yes croftd")
    assert croft.sh("systemctl is-active croftd", check=False).stdout.strip() != "active"
    assert os.path.exists(croft.file("/var/lib/croftd/catalog.db")) and os.path.exists(croft.file("/etc/croft/croftd.toml"))
    assert "holds the keyring" in croft.sh("apt-get purge --yes croftd 2>&1").stdout
    assert os.path.exists(croft.file("/var/lib/croftd/keyring"))
    assert not os.path.exists(croft.file("/etc/croft/croftd.toml"))
    db1.sh("apt-get remove --yes croft-agent")
    assert db1.sh("pgrep -u croft-agent || true").stdout == ""
    assert "holds the databases of tenants" in db1.sh("apt-get purge --yes croft-agent 2>&1").stdout
    assert os.path.exists(db1.file("/var/lib/croft-agent/pg/data/PG_VERSION"))


def test_purge_of_what_was_never_used_leaves_nothing(machines):
    db2 = machines["db2"]
    db2.put(*debs("now", "croftd"))
    db2.sh("apt-get install --yes ./croftd_*.deb && apt-get purge --yes croftd")
    assert not os.path.exists(db2.file("/var/lib/croftd"))
    assert db2.sh("getent passwd croftd || true").stdout == ""


def test_machines_have_the_programs_pages_and_completions(machines):
    croft = machines["croft"]
    for path in ("/usr/share/man/man1/croftctl.1.gz", "/usr/share/bash-completion/completions/croftctl"):
        assert os.path.exists(croft.file(path)), path
    assert run("man", "--local-file", "--warnings", croft.file("/usr/share/man/man1/croftctl.1.gz")).stderr == ""
