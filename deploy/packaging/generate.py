#!/usr/bin/python3
"""Makes what packages hold beside the programs: man pages, completions, changelogs and copyright notices.

    generate.py BIN FOLDER

BIN holds the built programs, whose own help the man pages and completions are made of.
"""
import gzip
import os
import pathlib
import re
import subprocess
import sys
import time

import help_tree

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
PROGRAMS = ("croftd", "croft-agent", "croftctl")
PACKAGES = (*PROGRAMS, "libcroft-client", "libcroft-client-dev", "python3-croft")
MAINTAINER = "Croft developers <croft@croft.invalid>"
SEE_ALSO = {
    "croftd": ["croft-agent", "croftctl"], "croft-agent": ["croftd", "croftctl"], "croftctl": ["croftd", "croft-agent"],
}
VARIABLES = {"croftd": "CROFTD_", "croft-agent": "CROFT_AGENT_"}
FILES = {
    "croftd": [("/etc/croft/croftd.toml", "configuration; then croftd.conf.d/*.toml beside it"),
               ("/var/lib/croftd", "state: catalog, keyring, key store, certificates")],
    "croft-agent": [("/etc/croft/croft-agent.toml", "configuration; then croft-agent.conf.d/*.toml beside it"),
                    ("/var/lib/croft-agent", "state: identity, journal, and pg/ with the PostgreSQL server")],
    "croftctl": [("~/.config/croftctl/config.toml", "contexts of `croftctl config`")],
}
EXIT_CODES = {
    "croftd": [("0", "ended as asked"), ("1", "an error"), ("2", "wrong usage or configuration")],
    "croft-agent": [("0", "ended as asked"), ("1", "an error"), ("2", "wrong usage or configuration")],
    "croftctl": [("0", "done"), ("1", "error"), ("2", "usage"), ("3", "not found"), ("4", "no identity or permission"),
                 ("5", "conflict or precondition"), ("6", "unavailable"), ("7", "wait timed out"), ("8", "operation failed"),
                 ("130", "interrupted")],
}


def project_version():
    match = re.search(r"^project\(croft VERSION ([0-9.]+)", (TOP / "CMakeLists.txt").read_text("utf-8"), re.M)
    return match[1]


def date():
    """Of the last change, so that one tree gives one package."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    if not epoch:
        git = subprocess.run(["git", "-c", f"safe.directory={TOP}", "-C", TOP, "log", "-1", "--format=%ct"],
                             capture_output=True, text=True, check=False)
        epoch = git.stdout.strip() or "0"
    return time.gmtime(int(epoch))


def write_gzip(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "wb") as file, gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0, compresslevel=9) as packed:
        packed.write(text.encode("utf-8"))


# --- man pages ----------------------------------------------------------------------------------------------


def roff(text):
    """Text whose characters mean nothing to roff."""
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return re.sub(r"^([.'])", r"\\&\1", text, flags=re.M)


def tagged(entries):
    nothing = "\\&"
    return "".join(f".TP\n\\fB{roff(name)}\\fR\n{roff(text) or nothing}\n" for name, text in entries)


def man_page(tree):
    name = tree.words[0]
    page = [f'.TH {name.upper()} 1 "{time.strftime("%Y-%m-%d", date())}" "croft {project_version()}" "Croft"\n',
            f".SH NAME\n{name} \\- {roff(tree.description.rstrip('.'))}\n",
            f".SH SYNOPSIS\n.B {roff(tree.usage)}\n", ".SH OPTIONS\n"]
    for title, entries in tree.sections:
        if title != "Subcommands":
            page.append(tagged((entry.name, entry.text) for entry in entries))
    if tree.subcommands:
        page.append(".SH COMMANDS\n")
        page.extend(command_part(command) for command in tree.subcommands)
    if name in VARIABLES:
        page.append(f".SH ENVIRONMENT\nEvery option of the configuration is also a variable: its name in capitals, with\n"
                    f".B {VARIABLES[name]}\nin front and underscores for dashes. Flags win over variables, those over files.\n")
    page.append(".SH EXIT STATUS\n" + tagged(EXIT_CODES[name]))
    page.append(".SH FILES\n" + tagged(FILES[name]))
    if tree.examples:
        page.append(".SH EXAMPLES\n.nf\n" + "".join(roff(line) + "\n" for line in tree.examples) + ".fi\n")
    page.append(".SH SEE ALSO\n" + ",\n".join(f".BR {roff(other)} (1)" for other in SEE_ALSO[name]).replace(",\n", " ,\n") + "\n")
    return "".join(page)


def command_part(command):
    """A command with its options, then those below it."""
    part = f".SS {roff(' '.join(command.words[1:]))}\n{roff(command.description)}\n.PP\n.B {roff(command.usage)}\n"
    entries = [(entry.name, entry.text) for title, found in command.sections for entry in found
               if title != "Subcommands" and not entry.name.startswith("-h,")]
    part += tagged(entries)
    if command.examples:
        part += ".PP\n.nf\n" + "".join(roff(line) + "\n" for line in command.examples) + ".fi\n"
    return part + "".join(command_part(below) for below in command.subcommands)


# --- completions --------------------------------------------------------------------------------------------


def all_commands(tree):
    yield tree
    for command in tree.subcommands:
        yield from all_commands(command)


def bash_completion(tree):
    """Of a daemon: its commands and flags; files for the values of flags."""
    name = tree.words[0]
    function = "_" + name.replace("-", "_")
    cases = "".join(
        f'    "{" ".join(command.words[1:])}") words="{" ".join(_words(command))}" ;;\n' for command in all_commands(tree))
    commands = "|".join(sorted({command.words[-1] for command in all_commands(tree)} - {name}))
    return f"""# Made of `{name} --help`.
{function}() {{
  local word path="" words="" current=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD - 1]}}
  for word in "${{COMP_WORDS[@]:1:COMP_CWORD - 1}}"; do
    case $word in {commands}) path="${{path:+$path }}$word" ;; esac
  done
  case $path in
{cases}  esac
  COMPREPLY=()
  case $before in --*) mapfile -t COMPREPLY < <(compgen -f -- "$current") ;; esac
  [ ${{#COMPREPLY[@]}} -gt 0 ] || mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
}}
complete -o filenames -F {function} {name}
"""


def _words(command):
    return [below.words[-1] for below in command.subcommands] + command.flags()


def write_completions(binaries, folder, trees):
    for shell, place in (("bash", "bash-completion/completions/croftctl"), ("zsh", "zsh/vendor-completions/_croftctl"),
                         ("fish", "fish/vendor_completions.d/croftctl.fish")):
        script = subprocess.run([f"{binaries}/croftctl", "completion", shell], capture_output=True, text=True, check=True)
        _write(folder / "completions" / "croftctl" / place, script.stdout)
    for name in ("croftd", "croft-agent"):
        _write(folder / "completions" / name / "bash-completion" / "completions" / name, bash_completion(trees[name]))


def _write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")


# --- documents ----------------------------------------------------------------------------------------------


def changelog(package):
    """Debian's form of the newest part of CHANGELOG.md's headings; the whole of it lies beside it."""
    stamp = time.strftime("%a, %d %b %Y %H:%M:%S +0000", date())
    return (f"{package} ({project_version()}) unstable; urgency=medium\n\n"
            f"  * Version {project_version()}; CHANGELOG.md in the sources says what changed.\n\n"
            f" -- {MAINTAINER}  {stamp}\n")


def copyright_notice():
    return ("Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n"
            "Upstream-Name: croft\n\nFiles: *\nCopyright: 2026 the Croft developers\nLicense: Apache-2.0\n\n"
            "License: Apache-2.0\n On Debian systems the full text of the Apache License, version 2.0, is in\n"
            " /usr/share/common-licenses/Apache-2.0.\n")


def main(binaries, folder):
    folder = pathlib.Path(folder)
    trees = {name: help_tree.read(f"{binaries}/{name}") for name in PROGRAMS}
    for name, tree in trees.items():
        write_gzip(folder / "man" / f"{name}.1.gz", man_page(tree))
    write_completions(binaries, folder, trees)
    for package in PACKAGES:
        write_gzip(folder / "doc" / package / "changelog.gz", changelog(package))
        _write(folder / "doc" / package / "copyright", copyright_notice())


if __name__ == "__main__":
    main(*sys.argv[1:])
