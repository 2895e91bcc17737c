"""The programs' configuration as people write it: what is wrong is named by line and column, what is in force by its place."""
import os
import re
import subprocess

import pytest

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BIN = os.environ.get("CROFT_BIN", os.path.join(TOP, "build", "bin"))
PREFIXES = {"croftd": "CROFTD_", "croft-agent": "CROFT_AGENT_"}


def run(program, *arguments, **variables):
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("CROFTD_", "CROFT_AGENT_"))}
    return subprocess.run([os.path.join(BIN, program), *arguments], env={**environment, **variables},
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30, check=False)


def write(folder, text, name="croft.toml", mode=0o644):
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    path.chmod(mode)
    return str(path)


def dump(program, *arguments, **variables):
    """{key: (value, place)}"""
    ran = run(program, "config", "dump", *arguments, **variables)
    assert ran.returncode == 0, ran.stderr
    return {key: (value, place) for key, value, place in re.findall(r"^(\w+) = (.*)  # (.*)$", ran.stdout, re.MULTILINE)}


@pytest.mark.parametrize("program", PREFIXES)
def test_check_config_needs_nothing_else(program):
    ran = run(program, "--check-config", "--config", "/dev/null")
    assert ran.returncode == 0 and "the configuration is good" in ran.stdout, ran


@pytest.mark.parametrize("program", PREFIXES)
def test_all_that_is_wrong_is_said_with_line_column_and_suggestion(program, tmp_path):
    path = write(tmp_path, "state = '/srv'\nlog_levl = 'info'\n\n  log_level = 'inof'\n")
    ran = run(program, "--check-config", "--config", path)
    assert ran.returncode == 2
    assert ran.stderr.splitlines() == [
        f"{program}: {path}:2:1: there is no option 'log_levl'; did you mean 'log_level'?",
        f"{program}: {path}:4:15: log_level: 'inof' is none of debug, info, warning, error; did you mean 'info'?"]


@pytest.mark.parametrize("command", [["croftd", "serve"], ["croft-agent"]])
def test_daemons_refuse_a_wrong_configuration_with_exit_code_2(command, tmp_path):
    path = write(tmp_path, "state = \n")
    ran = run(*command, "--config", path)
    assert ran.returncode == 2 and f"{path}:1:9: " in ran.stderr, ran


def test_dump_says_where_each_value_comes_from(tmp_path):
    path = write(tmp_path, "listen = '10.0.0.1:1'\nadvertise = 'a:1'\ncalls_per_second = 7\n")
    late = write(tmp_path, "calls_per_second = 8\n", "croft.conf.d/late.toml")
    found = dump("croftd", "--config", path, "--server-name", "x,y", CROFTD_ADVERTISE="b:1")
    assert found["listen"] == ('"10.0.0.1:1"', f"{path}:1:10")
    assert found["advertise"] == ('"b:1"', "CROFTD_ADVERTISE")
    assert found["calls_per_second"] == ("8", f"{late}:1:20")
    assert found["server_name"] == ('["x", "y"]', "--server-name")
    assert found["state"] == ('"/var/lib/croftd"', "default")


def test_file_is_named_by_a_variable_too(tmp_path):
    path = write(tmp_path, "port = 7777\n")
    assert dump("croft-agent", CROFT_AGENT_CONFIG=path)["port"] == ("7777", f"{path}:1:8")


def test_variable_that_is_no_option_is_told(tmp_path):
    path = write(tmp_path, "")
    ran = run("croftd", "--check-config", "--config", path, CROFTD_LISTN="a:1")
    assert ran.returncode == 0 and "did you mean 'CROFTD_LISTEN'?" in ran.stderr


def test_file_that_anybody_may_change_is_refused(tmp_path):
    path = write(tmp_path, "", mode=0o666)
    ran = run("croftd", "--check-config", "--config", path)
    assert ran.returncode == 2 and "anybody may change it" in ran.stderr and f"chmod o-w {path}" in ran.stderr


def test_options_that_need_each_other_are_named_by_their_place(tmp_path):
    path = write(tmp_path, "listen = '0.0.0.0:7443'\ntls_cert = '/x.crt'\n")
    ran = run("croftd", "--check-config", "--config", path)
    assert ran.returncode == 2
    assert f"{path}:2:12: tls_cert needs tls_key, which is not set" in ran.stderr
    assert f"{path}:1:10: --listen 0.0.0.0:7443 is no address that agents can dial" in ran.stderr
    path = write(tmp_path, "mode = 'external'\n")
    ran = run("croft-agent", "--check-config", "--config", path)
    assert ran.returncode == 2 and f"{path}:1:8: mode: external needs conninfo_file" in ran.stderr


@pytest.mark.parametrize("program", PREFIXES)
def test_packaged_file_is_good_with_and_without_its_examples(program, tmp_path):
    with open(os.path.join(TOP, "deploy", "config", program + ".toml"), encoding="utf-8") as file:
        packaged = file.read()
    for text in (packaged, re.sub(r"^#(\w+ = )", r"\1", packaged, flags=re.MULTILINE)):
        ran = run(program, "--check-config", "--config", write(tmp_path, text))
        assert ran.returncode == 0, ran.stderr


@pytest.mark.parametrize("program", PREFIXES)
def test_page_lists_every_option_and_what_sighup_changes(program):
    with open(os.path.join(TOP, "docs", "configuration.md"), encoding="utf-8") as file:
        part = re.search(rf"^### `{program}`$(.*?)(?=^##|\Z)", file.read(), re.MULTILINE | re.DOTALL)[1]
    assert set(re.findall(r"^\| `(\w+)` \|", part, re.MULTILINE)) == set(dump(program, "--config", "/dev/null"))
