"""The API and the agents' protocol against those of the last release, which proto/released.binpb holds (docs/releasing.md)."""
import os
import shutil
import subprocess

import pytest

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PROTO = os.path.join(TOP, "proto")
RELEASED = os.path.join(PROTO, "released.binpb")
NPM = os.environ.get("CROFT_NPM", os.path.join(TOP, "build", "npm"))
BUF = os.path.join(NPM, "node_modules", ".bin", "buf")


def buf(*arguments):
    """(exit code, what it found)."""
    ran = subprocess.run([BUF, *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)
    return ran.returncode, ran.stdout + ran.stderr


def test_nothing_that_was_released_has_changed():
    code, found = buf("breaking", PROTO, "--against", RELEASED)
    assert code == 0, found


def test_style_is_bufs_standard():
    code, found = buf("lint", PROTO)
    assert code == 0, found


@pytest.mark.parametrize("before, after", [("string version = 1;", ""), ("string version = 1;", "bytes version = 1;"),
                                           ("string version = 1;", "string version = 99;")])
def test_field_that_is_gone_or_another_is_found(tmp_path, before, after):
    changed = shutil.copytree(PROTO, tmp_path / "proto")
    admin = changed / "croft" / "v1" / "admin.proto"
    text = admin.read_text("utf-8")
    assert before in text
    admin.write_text(text.replace(before, after, 1), "utf-8")
    code, found = buf("breaking", str(changed), "--against", RELEASED)
    assert code != 0 and "GetStatusResponse" in found, found
