#!/usr/bin/python3
"""Style as a failing test.

Usage: check.py [includes|words|layout|links|format|scripts|patches]...   (all of them by default)

Prints `file:line: what is wrong` for each finding and exits 1 when there is one, or 77 when the tool that a
single check needs is not the one the tree is written for.
"""
import os
import re
import shutil
import subprocess
import sys

from rooms import IMPURE_INCLUDES, MAY_INCLUDE, PURE, THIRD_PARTY, room_of

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SKIPPED = 77
CLANG_FORMAT_MAJOR = "14"  # versions format differently; this one is Debian 12's
LONGEST_FILE = 600
NO_TEXT = ("docs/pictures/", "proto/released.binpb", "tests/fuzz/corpus/", "tests/agent/backup/of_the_version_before/archive")

SOURCE = re.compile(r"\.(cc|h)$")
INCLUDE = re.compile(r'^\s*#\s*include\s+(?:"([^"]+)"|<([^>]+)>)')

# (files, files left out, pattern, what to do instead)
WORDS = [
    (r"\.(cc|h|py|proto|sh|txt|cmake|md)$", r"^tests/style/", r"\b(TODO|FIXME|XXX|HACK)\b",
     "finish it, or open an issue"),
    (r"", r"^tests/style/", r"(?<![\w.])/work/\w", "no path of one machine"),
    (r"\.(cc|h)$", r"^(tests/)?client/", r"\bstd::string_view\b", "absl::string_view: the two differ in Debian 12"),
    (r"\.(cc|h)$", r"^(common/sync\.|(tests/)?client/|tests/bench/)", r"\b(std::(mutex|condition_variable|lock_guard|unique_lock|shared_mutex)|absl::Mutex)\b",
     "common/sync.h, which carries thread annotations"),
    (r"\.(cc|h)$", r"", r"\busing namespace (std|absl)\b", "name what is used"),
    (r"^tests/.*\.(cc|h|py)$", r"^tests/style/",
     r"^(?!.*geteuid\(\) != 0).*(GTEST_SKIP\(\))|\b(DISABLED_\w+|pytest\.mark\.(skip|xfail))\b",
     "a test that may not run proves nothing; only lack of root excuses"),
    (r"^tests/.*\.(cc|h)$", r"", r"\b(sleep_for|sleep_until|SleepFor)\(.*\b([Ss]econds|[Mm]inutes|[Mm]illiseconds\(\d{3,})\b|\busleep\b",
     "wait for what is awaited, not for time; only the pause between two looks is short"),
    (r"^(agent|common|controlplane)/.*\.(cc|h)$", r"", r"\b[Ss]tatus(\(\))?\.ToString\(\)",
     "log::Text of common/log.h: a status prints its details as bytes"),
    (r"\.(cc|h)$", r"", r"\bstd::regex\b", "a parser of our own: it recurses by input length"),
    (r"^(controlplane/(domain|engine))/.*\.(cc|h)$", r"", r"\babsl::Now\(", "time comes in with the facts"),
    (r"^controlplane/engine/.*\.(cc|h)$", r"", r"\b(double|float)\b", "scores are whole numbers, equal on every machine"),
]


def tracked_files():
    """Paths of all files that are or would be committed, relative to the top."""
    git = ["git", "-c", f"safe.directory={TOP}", "-C", TOP]
    listing = subprocess.run(git + ["ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                             capture_output=True, check=False)
    if listing.returncode == 0:
        paths = listing.stdout.decode().split("\0")
    else:  # an unpacked archive
        paths = [os.path.relpath(os.path.join(folder, name), TOP)
                 for folder, _, names in os.walk(TOP) for name in names]
        paths = [p for p in paths if not re.match(r"(build|\.git|var|node_modules)[^/]*/", p)]
    return sorted({p for p in paths if p and os.path.isfile(os.path.join(TOP, p))})


def read(path):
    with open(os.path.join(TOP, path), encoding="utf-8", errors="replace") as file:
        return file.read()


# --- each check takes a path and a text and yields (line number, finding) -----------------------------------


def check_includes(path, text):
    if not SOURCE.search(path):
        return
    in_tests = path.startswith("tests/")
    room = room_of(path.removeprefix("tests/")) if in_tests else room_of(path)
    for number, line in enumerate(text.splitlines(), 1):
        match = INCLUDE.match(line)
        if not match:
            continue
        header = match.group(1) or match.group(2)
        if not in_tests:
            yield from ((number, finding) for finding in room_findings(room, header))
        if not in_tests or room:
            yield from ((number, finding) for finding in third_party_findings(room, header))


def room_findings(room, header):
    if room is None:
        yield "belongs to no room: name its folder in tests/style/rooms.py and docs/architecture.md"
        return
    other = "proto" if header.endswith(".pb.h") else room_of(header)
    if other and other != room and other not in MAY_INCLUDE[room]:
        yield f"{room} may not know {other} ({header})"
    if room in PURE and any(header == h or (h.endswith(("/", "_hash")) and header.startswith(h))
                            for h in IMPURE_INCLUDES):
        yield f"{room} is pure and may not include {header}"


def third_party_findings(room, header):
    for start, rooms in THIRD_PARTY.items():
        if header.startswith(start) and room not in rooms:
            yield f"{header} is for {', '.join(rooms)} alone"


def check_words(path, text):
    for files, but, pattern, instead in WORDS:
        if not re.search(files, path) or (but and re.search(but, path)):
            continue
        for number, line in enumerate(text.splitlines(), 1):
            match = re.search(pattern, line)
            if match:
                yield number, f"'{match.group(0)}': {instead}"


def check_layout(path, text):
    if not text or path == "LICENSE" or path.endswith(".patch") or path.startswith(NO_TEXT):
        # A patch has its empty context lines as spaces.
        return
    if path.endswith(".h") and not text.startswith("#pragma once\n"):
        yield 1, "a header starts with #pragma once"
    if not text.endswith("\n") or text.endswith("\n\n"):
        yield text.count("\n"), "a file ends with one newline"
    lines = text.splitlines()
    for number, line in enumerate(lines, 1):
        if line != line.rstrip():
            yield number, "space at the end of the line"
        if "\t" in line:
            yield number, "a tab"
    if re.search(r"\.(cc|h|py|sh|proto)$", path) and len(lines) > LONGEST_FILE:
        yield len(lines), f"longer than {LONGEST_FILE} lines: take it apart"


def anchors(text):
    """The names that a page's headings have in links."""
    without_blocks = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    names = set()
    for heading in re.findall(r"^#+ +(.*)$", without_blocks, re.MULTILINE):
        words = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading)
        names.add(re.sub(r"[^\w\- ]", "", words.lower()).strip().replace(" ", "-"))
    return names


def check_links(path, text):
    """Relative links of the documentation lead to files, and to headings in them."""
    if not path.endswith(".md"):
        return
    for number, line in enumerate(text.splitlines(), 1):
        for target, anchor in re.findall(r"\]\(([^)#\s]*)(?:#([^)\s]*))?[^)]*\)", line):
            if re.match(r"[a-z]+:", target):
                continue
            file = os.path.join(os.path.dirname(path), target) if target else path
            if not os.path.exists(os.path.join(TOP, file)):
                yield number, f"nothing at {target}"
            elif anchor and file.endswith(".md") and anchor not in anchors(read(file) if target else text):
                yield number, f"no heading {target}#{anchor}"


PER_FILE = {"includes": check_includes, "words": check_words, "layout": check_layout, "links": check_links}


def findings_per_file(check, paths):
    found = 0
    for path in paths:
        for number, finding in PER_FILE[check](path, read(path)):
            print(f"{path}:{number}: {finding}")
            found += 1
    return 1 if found else 0


# --- checks by other programs -------------------------------------------------------------------------------


def check_format(paths):
    program = shutil.which("clang-format")
    version = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout if program else ""
    if f"version {CLANG_FORMAT_MAJOR}." not in version:
        print(f"the tree is formatted by clang-format {CLANG_FORMAT_MAJOR}, which is not here")
        return SKIPPED
    sources = [p for p in paths if SOURCE.search(p)]
    report = subprocess.run([program, "--dry-run", "-Werror", *sources], cwd=TOP, capture_output=True, text=True,
                            check=False).stderr
    untidy = sorted(set(re.findall(r"^(.+?:\d+):\d+: error:", report, re.MULTILINE)))
    for place in untidy:
        print(f"{place}: not as clang-format has it; tools/check --fix does it")
    return 1 if untidy else 0


def check_scripts(paths):
    program = shutil.which("shellcheck")
    if not program:
        print("shellcheck is not here")
        return SKIPPED
    scripts = [p for p in paths if p.endswith(".sh") or is_shell_script(p)]
    return subprocess.run([program, "-x", *scripts], cwd=TOP, check=False).returncode


def check_patches(paths):
    """Seeded bugs fit the sources they are for: a patch that does not apply plants nothing."""
    program = shutil.which("patch")
    if not program:
        print("patch is not here")
        return SKIPPED
    stale = [path for path in paths if path.endswith(".patch") and not applies(program, path)]
    for path in stale:
        print(f"{path}:1: does not apply any more")
    return 1 if stale else 0


def applies(program, path):
    return subprocess.run([program, "--dry-run", "--silent", "--force", "-p1", "-F0", "-i", os.path.abspath(
        os.path.join(TOP, path))], cwd=TOP, capture_output=True, check=False).returncode == 0


def is_shell_script(path):
    with open(os.path.join(TOP, path), "rb") as file:
        return re.match(rb"#!.*\b(ba)?sh\b", file.readline(80)) is not None


def main(names):
    paths = tracked_files()
    checks = {name: (lambda paths, name=name: findings_per_file(name, paths)) for name in PER_FILE}
    checks |= {"format": check_format, "scripts": check_scripts, "patches": check_patches}
    results = [checks[name](paths) for name in names or checks]
    if any(result not in (0, SKIPPED) for result in results):
        return 1
    return SKIPPED if names and results == [SKIPPED] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
