"""The Python package passes mypy's strict check: what it says of its types is so."""
import os
import subprocess

from conftest import BIN, TOP


def test_the_package_is_typed():
    config = os.path.join(TOP, "client", "python", "pyproject.toml")
    checked = subprocess.run(["mypy", "--config-file", config, "--cache-dir", os.devnull, "-p", "croft"], text=True,
                             cwd=os.path.join(os.path.dirname(BIN), "python"), capture_output=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr
