"""The wheel and the sdist: each installs into a clean virtual environment and finds a tenant from there."""
import ast
import email
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tarfile
import textwrap
import venv
import zipfile

import pytest
import scripted
from conftest import BIN, TOP

GENERATED = ["LICENSE", "_version.py", "api.descriptors", "py.typed"]

ASK = """
import os, sys, croft, croft.aio
assert os.path.dirname(croft.__file__).startswith(sys.prefix), croft.__file__
with croft.Locator() as locator:
    print(croft.__version__, locator.locate("acme").database)
"""


def run(*command, **others):
    done = subprocess.run(command, text=True, capture_output=True, check=False, **others)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module", name="checkout")
def a_copy_of_what_is_built_from(tmp_path_factory):
    """Building writes beside the sources."""
    folder = tmp_path_factory.mktemp("checkout")
    for part in ("client/python", "proto"):
        shutil.copytree(os.path.join(TOP, part), folder / part, ignore=shutil.ignore_patterns("__pycache__"))
    for part in ("CMakeLists.txt", "LICENSE"):
        shutil.copy(os.path.join(TOP, part), folder)
    return folder


@pytest.fixture(scope="module", name="packages")
def built_packages(checkout):
    """{"wheel": path, "sdist": path}, both from the checkout; no index is asked for what builds them."""
    out = checkout / "dist"
    run(sys.executable, "-m", "build", "--no-isolation", "--wheel", "--sdist", "--outdir", str(out),
        cwd=checkout / "client" / "python")
    return {"wheel": next(out.glob("*.whl")), "sdist": next(out.glob("*.tar.gz"))}


@pytest.fixture(scope="module", name="control_plane")
def one_that_is_scripted(tmp_path_factory):
    control_plane = scripted.ScriptedControlPlane(tmp_path_factory.mktemp("control-plane"))
    control_plane.place("acme", 7)
    yield control_plane
    control_plane.stop()


def project_version():
    text = pathlib.Path(TOP, "CMakeLists.txt").read_text(encoding="utf-8")
    return re.search(r"project\(croft VERSION (\S+)", text)[1]


@pytest.mark.parametrize("kind", ["wheel", "sdist"])
def test_it_installs_into_a_clean_environment_and_finds_a_tenant_there(kind, packages, control_plane, tmp_path):
    folder = tmp_path / "environment"
    venv.create(folder, system_site_packages=True, with_pip=False)
    python = str(folder / "bin" / "python")
    # An sdist is built without the checkout, so without protoc.
    path = os.pathsep.join([str(folder / "bin"), str(tmp_path)])
    environment = {"PATH": path, "HOME": str(tmp_path)}
    run(python, "-m", "pip", "install", "--no-index", "--no-build-isolation", str(packages[kind]), cwd=tmp_path,
        env=environment)
    told = run(python, "-I", "-c", ASK, cwd=tmp_path, env=environment | {
        "CROFT_SERVER": control_plane.endpoint, "CROFT_CA": str(control_plane.folder / "ca.crt"),
        "CROFT_TOKEN_FILE": str(control_plane.folder / "token")})
    assert told.split() == [project_version(), "d7"]
    # Debian's own packages have complaints about each other.
    check = subprocess.run([python, "-m", "pip", "check"], text=True, capture_output=True, check=False, env=environment)
    assert not re.search(r"^croft ", check.stdout, re.M), check.stdout


def test_wheel_and_sdist_hold_all_modules_and_what_is_made(packages):
    sources = pathlib.Path(TOP, "client", "python")
    modules = {str(path.relative_to(sources)) for path in (sources / "croft").rglob("*.py")}
    wanted = modules | {f"croft/{name}" for name in GENERATED}
    assert wanted <= set(zipfile.ZipFile(packages["wheel"]).namelist())
    with tarfile.open(packages["sdist"]) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert wanted | {"pyproject.toml", "README.md", "generate.py", "setup.py"} <= names


def test_the_wheel_says_what_it_needs_and_which_version_it_is(packages):
    with zipfile.ZipFile(packages["wheel"]) as wheel:
        name = next(name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
        facts = email.message_from_bytes(wheel.read(name))
    assert (facts["Name"], facts["Version"], facts["Requires-Python"]) == ("croft", project_version(), ">=3.11")
    needs = " ".join(facts.get_all("Requires-Dist"))
    assert re.search(r"grpcio *\(?[<>=.,\d]*>=1\.51\.1", needs) and re.search(r"protobuf *\(?[<>=.,\d]*>=3\.20", needs)
    assert "croft.Locator()" in facts.get_payload()


def test_the_version_is_stated_once(checkout, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(checkout, copy, ignore=shutil.ignore_patterns("build", "dist", "*.egg-info"))
    text = (copy / "CMakeLists.txt").read_text(encoding="utf-8")
    (copy / "CMakeLists.txt").write_text(text.replace(f"VERSION {project_version()}", "VERSION 9.8.7"), "utf-8")
    run(sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir", str(tmp_path),
        cwd=copy / "client" / "python")
    assert [path.name for path in tmp_path.glob("*.whl")] == ["croft-9.8.7-py3-none-any.whl"]


def test_what_the_package_says_of_itself_runs_and_has_no_credentials_in_it(control_plane, tmp_path):
    """The example at the head of the package and in its README, with the names of files alone for who one is."""
    package = pathlib.Path(TOP, "client", "python")
    sources = [*(package / "croft").rglob("*.py"), *package.glob("*.md"), *package.glob("examples/**/*.py")]
    baked_in = re.compile(r"""\b(token|password|key|cert)\s*=\s*["'][^"'/]""")
    assert [f"{path}: {found[0]}" for path in sources for found in baked_in.finditer(path.read_text("utf-8"))] == []

    docstring = ast.get_docstring(ast.parse((package / "croft" / "__init__.py").read_text("utf-8")))
    example = textwrap.dedent(re.search(r"^( {4}import croft\n.*?)^\S", docstring, re.M | re.S)[1])
    program = example.replace("connection = psycopg.connect(**placement", "print(placement")
    told = run(sys.executable, "-c", program, cwd=tmp_path, env=os.environ | {
        "CROFT_SERVER": control_plane.endpoint, "CROFT_CA": str(control_plane.folder / "ca.crt"),
        "CROFT_TOKEN_FILE": str(control_plane.folder / "token"),
        "PYTHONPATH": os.path.join(os.path.dirname(BIN), "python")})
    assert "d7" in told
