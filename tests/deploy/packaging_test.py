"""Man pages and completions are made of the programs' help, whole and without a complaint of their readers."""
import gzip
import os
import subprocess
import sys

import pytest

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BIN = os.environ.get("CROFT_BIN", os.path.join(TOP, "build", "bin"))
sys.path.insert(0, os.path.join(TOP, "deploy", "packaging"))

import help_tree  # noqa: E402

PROGRAMS = ("croftd", "croft-agent", "croftctl")


@pytest.fixture(scope="module", name="made")
def generated(tmp_path_factory):
    folder = tmp_path_factory.mktemp("packaging")
    subprocess.run([os.path.join(TOP, "deploy", "packaging", "generate.py"), BIN, str(folder)], check=True)
    return folder


def commands(tree):
    yield tree
    for command in tree.subcommands:
        yield from commands(command)


@pytest.mark.parametrize("program", PROGRAMS)
def test_man_page_has_every_command_and_flag(made, program):
    page = gzip.open(made / "man" / f"{program}.1.gz", "rt").read().replace("\\-", "-")
    for command in commands(help_tree.read(os.path.join(BIN, program))):
        assert len(command.words) == 1 or f".SS {' '.join(command.words[1:])}\n" in page
        for flag in command.flags():
            assert flag in page, (command.words, flag)


@pytest.mark.parametrize("program", PROGRAMS)
def test_man_page_is_read_without_a_warning(made, program):
    ran = subprocess.run(["man", "--local-file", "--warnings", "--encoding=UTF-8", made / "man" / f"{program}.1.gz"],
                         env={**os.environ, "MANWIDTH": "120", "MANPAGER": "cat"}, capture_output=True, text=True, check=True)
    assert ran.stderr == "" and "SEE ALSO" in ran.stdout


def completed(made, program, line):
    """What bash offers for the last word of the line."""
    script = (f". {made}/completions/{program}/bash-completion/completions/{program}; COMP_WORDS=({line} ''); "
              f"COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); _{program.replace('-', '_')}; printf '%s\\n' \"${{COMPREPLY[@]}}\"")
    return subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True).stdout.split()


def test_daemons_commands_and_flags_are_completed(made):
    assert {"init", "serve", "keyring"} <= set(completed(made, "croftd", "croftd"))
    assert "--listen" in completed(made, "croftd", "croftd serve")
    assert completed(made, "croftd", "croftd keyring")[:2] == ["export", "rotate"]
    assert "--to" in completed(made, "croftd", "croftd keyring export")
    assert "--store" in completed(made, "croft-agent", "croft-agent")
