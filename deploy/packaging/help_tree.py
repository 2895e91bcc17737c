"""What a program's own help says, as a tree: man pages and completions are made of it, so that they are never behind."""
import dataclasses
import re
import subprocess


@dataclasses.dataclass
class Entry:
    """An option, an operand or a subcommand."""
    name: str
    text: str


@dataclasses.dataclass
class Command:
    words: list
    description: str
    usage: str
    sections: list = dataclasses.field(default_factory=list)  # (title, [Entry])
    examples: list = dataclasses.field(default_factory=list)
    subcommands: list = dataclasses.field(default_factory=list)  # [Command]

    def entries(self, title):
        return [entry for name, entries in self.sections if name == title for entry in entries]

    def flags(self):
        """Every long flag that it takes."""
        names = [entry.name for title, entries in self.sections if title not in ("Subcommands", "Positionals")
                 for entry in entries]
        return sorted({flag for name in names for flag in re.findall(r"--[a-z][a-z0-9-]*", name)})


def read(program, words=()):
    """The tree of the program at that path."""
    name = program.rpartition("/")[2]
    text = subprocess.run([program, *words, "--help"], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          check=True).stdout
    command = _parse([name, *words], text.replace(program, name))
    for entry in command.entries("Subcommands"):
        command.subcommands.append(read(program, (*words, entry.name.split(",")[0].split()[0])))
    return command


def _parse(words, text):
    head, _, rest = text.partition("Usage: ")
    usage, _, rest = rest.partition("\n")
    command = Command(words, " ".join(head.split()), usage.strip())
    title, entries = None, []
    for line in rest.splitlines():
        heading = re.fullmatch(r"(\[Option Group: run\]|[A-Z][A-Za-z ]*):?", line)
        if heading and not line.startswith("  "):
            title, entries = line.rstrip(":"), []
            if title != "Examples":
                command.sections.append((title, entries))
        elif title == "Examples":
            if line.strip():
                command.examples.append(line.strip())
        elif title and line.strip():
            _add(entries, line)
    command.sections = [(name, found) for name, found in command.sections if found]
    return command


def _add(entries, line):
    """A line is `  NAME  text`, or a name alone whose text comes on the next line."""
    if re.match(r"^ {20,}\S", line):
        if entries:
            entries[-1].text = f"{entries[-1].text} {line.strip()}".strip()
        return
    name, _, text = re.sub(r"^ +", "", line).partition("  ")
    entries.append(Entry(name.strip(), text.strip()))
