"""A new user's first hour, in the words of the documentation: what is run here stands in docs/ or was printed by a command
before. Only addresses, folders and names are replaced."""
import glob
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile

import generic
import generic_clients_test as generic_calls
import pytest
from cluster import BIN, TOP, wait_until

DOCS = os.path.join(TOP, "docs")


def blocks(page):
    """The indented and fenced code of a page of docs/."""
    with open(os.path.join(DOCS, page), encoding="utf-8") as file:
        return re.findall(r"```(?:sh|python|sql)\n(.*?)```", file.read(), re.DOTALL)


def block(page, first):
    """The block in which a line starts with `first`, from that line on."""
    for code in blocks(page):
        at = re.search("^" + re.escape(first), code, re.MULTILINE)
        if at:
            return code[at.start():]
    raise LookupError(f"docs/{page} has no code that starts with {first!r}")


def command(page, first):
    """One command of a page, its continued lines included."""
    lines = block(page, first).split("\n")
    end = next(i for i, line in enumerate(lines) if not line.endswith("\\"))
    return "\n".join(lines[:end + 1])


class Machine:
    """One machine for all, with a folder where the docs have /var/lib and the like."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="croft-hour.", dir="/var/tmp")
        os.chmod(self.folder, 0o711)
        self.desk = os.path.join(self.folder, "desk")
        os.makedirs(self.desk)
        os.makedirs(os.path.join(self.folder, "backups"), mode=0o700)
        self.env = {"PATH": BIN + ":" + os.environ["PATH"], "HOME": self.desk, "LANG": "C.UTF-8"}
        self._daemons = []
        self._replaced = {"/var/lib/croftd": os.path.join(self.folder, "croftd"),
                          "/var/lib/croft-agent": os.path.join(self.folder, "agent"),
                          "/mnt/backups": os.path.join(self.folder, "backups"),
                          "croft.example.com": "localhost", "db1.example.com:5432": "localhost:7500",
                          "db1.example.com": "localhost",
                          "DB1.EXAMPLE.COM": "localhost", "croft:7443": "localhost:7443",
                          "--listen ADDRESS": "--listen 127.0.0.1", "10.0.0.11": "127.0.0.1", "--port 5432": "--port 7500"}

    def words(self, text):
        for said, here in self._replaced.items():
            text = text.replace(said, here)
        return text

    def run(self, text, **env):
        """The output of a command of the docs, run in bash on the desk."""
        done = subprocess.run(["bash", "-euo", "pipefail", "-c", self.words(text)], cwd=self.desk, env={**self.env, **env},
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=300)
        assert done.returncode == 0, f"{text}\n{done.stdout}{done.stderr}"
        return done.stdout

    def start(self, text, name):
        """A daemon, until the hour is over."""
        with open(os.path.join(self.folder, name + ".log"), "ab") as log:
            self._daemons.append(subprocess.Popen(  # pylint: disable=consider-using-with
                ["bash", "-euc", "exec " + self.words(text)], cwd=self.desk, env=self.env, stdin=subprocess.DEVNULL,
                stdout=log, stderr=log))

    def end(self):
        for daemon in reversed(self._daemons):
            daemon.send_signal(signal.SIGTERM)
            daemon.wait(30)
        if os.path.exists(os.path.join(self.folder, "agent")):
            self.run(command("operators-guide.md", "croft-agent stop-postgres"))
        shutil.rmtree(self.folder)

    def logs(self):
        text = ""
        for path in glob.glob(os.path.join(self.folder, "*.log")):
            with open(path, encoding="utf-8") as file:
                text += f"--- {path}\n" + "".join(file.readlines()[-30:])
        return text


@pytest.fixture(scope="module", name="machine")
def a_machine():
    machine = Machine()
    try:
        yield machine
    finally:
        print(machine.logs())
        machine.end()


def printed(steps, first):
    """The command that `croftd init` printed, its continued lines included."""
    lines = steps.split("\n")
    at = next(i for i, line in enumerate(lines) if line.strip().startswith(first))
    end = next(i for i in range(at, len(lines)) if not lines[i].endswith("\\"))
    return "\n".join(line.strip() for line in lines[at:end + 1])


def test_a_control_plane_by_hand(machine):
    steps = machine.run(command("operators-guide.md", "croftd init"))
    assert machine.run(command("operators-guide.md", "croftd serve") + " --help")  # the options of the docs are there
    machine.start(printed(steps, "croftd serve"), "croftd")
    for name in ("ca.crt", "admin.crt", "admin.key"):
        shutil.copy(os.path.join(machine.folder, "croftd", "tls", name), machine.desk)
    machine.run(printed(steps, "croftctl config set"))
    wait_until(lambda: serves(machine), "the control plane serves")
    assert "admin" in machine.run(printed(steps, "croftctl status"))
    export = printed(steps, "croftd keyring export").replace("FILE", os.path.join(machine.desk, "keyring.copy"))
    machine.run(export)
    exported = block("operators-guide.md", "export CROFT_SERVER").split("\ncroftctl")[0]
    machine.run(exported + "\ncroftctl status")


def serves(machine):
    done = subprocess.run([os.path.join(BIN, "croftctl"), "status"], cwd=machine.desk, env=machine.env,
                          capture_output=True, check=False)
    return done.returncode == 0


def test_a_managed_host(machine):
    machine.run(command("operators-guide.md", "croftctl host create-join-token db1"))
    machine.start(command("operators-guide.md", "croft-agent --state /var/lib/croft-agent --server"), "agent")
    machine.run(command("operators-guide.md", "until croftctl host get db1"))
    assert "UP" in machine.run("croftctl host list")


def test_a_tenant_and_how_applications_reach_it(machine):
    machine.run("croftctl tenant create acme --labels app=shop --alias shop.acme.com")
    lookup = block("operators-guide.md", "croftctl tenant lookup acme")
    assert "7500" in machine.run(lookup.split("\n")[0])
    assert machine.run(lookup.split("\n")[1] + "\npsql -XAtc 'SELECT 40 + 2'").strip() == "42"
    assert machine.run(lookup.split("\n")[2]).startswith("postgresql://")
    machine.run("croftctl backup create acme")
    assert "acme" in machine.run("croftctl audit list --resource tenants/acme --since 7d")


def test_a_principal_a_token_and_a_context(machine):
    commands = block("operators-guide.md", "croftctl access principal create shop")
    told = machine.run(commands)
    assert "connector on app=shop" in told
    assert machine.run("croftctl --context shop tenant dsn acme").startswith("postgresql://")
    assert machine.run("croftctl status"), "the administrator's context is still the current one"


def test_python_from_the_built_wheel(machine, tmp_path):
    shutil.copytree(TOP, os.path.join(machine.desk, "checkout"), symlinks=True,
                    ignore=lambda folder, names: [name for name in names if folder == TOP and name not in
                                                  ("client", "proto", "CMakeLists.txt", "README.md", "LICENSE")])
    venv = os.path.join(machine.desk, "venv")
    machine.run(f"{sys.executable} -m venv --system-site-packages {venv}")
    machine.run("cd checkout\n" + block("clients.md", "python3 -m build"), PATH=os.path.join(venv, "bin") + ":" + machine.env["PATH"])
    program = block("clients.md", "import croft\nimport psycopg").replace("import psycopg\n", "")
    program = re.sub(r"    connection = .*\n", "    print(placement.dsn())\n", program)
    assert "placement.dsn()" in program
    script = tmp_path / "application.py"
    script.write_text(program)
    told = machine.run(f"{venv}/bin/python {script}", CROFT_SERVER="localhost:7443",
                       CROFT_CA=os.path.join(machine.desk, "ca.crt"),
                       CROFT_TOKEN_FILE=os.path.join(machine.desk, "shop.token"))
    assert told.startswith("postgresql://")


@pytest.mark.parametrize("kind", generic_calls.CLIENTS)
def test_generic_clients_over_every_method(machine, kind, tmp_path):
    env = {"CROFT_SERVER": "localhost:7443", **{"CROFT_" + variable: os.path.join(machine.desk, name) for variable, name in
                                                (("CA", "ca.crt"), ("CERT", "admin.crt"), ("KEY", "admin.key"))}}
    client = generic_calls.Caller(generic.Buf(env) if kind == "buf" else generic.Generated(env), kind)
    generic_calls.call_everything(client, tmp_path)
