"""What is installed is all that an application needs, and no more."""
import os
import re
import subprocess

import package
import pytest


@pytest.fixture(scope="module", name="prefix")
def where_it_is_installed(tmp_path_factory):
    return tmp_path_factory.mktemp("prefix")


@pytest.fixture(scope="module", name="libraries")
def installed(prefix):
    return package.install(prefix)


def files_under(folder):
    return sorted(os.path.relpath(os.path.join(here, name), folder) for here, _, files in os.walk(folder) for name in files)


def test_only_headers_of_our_own_are_installed(prefix, libraries):
    del libraries
    assert files_under(prefix / "include") == ["croft/locator.h", "croft/placement.h"]
    included = {header for name in files_under(prefix / "include")
                for header in re.findall(r'#include [<"]([^>"]+)', (prefix / "include" / name).read_text())}
    assert {header for header in included if "/" in header} == {
        "absl/status/status.h", "absl/status/statusor.h", "croft/placement.h"}


def test_the_library_shows_its_interface_alone(libraries):
    shown = package.run("nm", "--dynamic", "--defined-only", "--demangle", os.path.join(libraries, "libcroft-client.so"))
    names = {line.split(maxsplit=2)[2] for line in shown.splitlines() if " A " not in line}
    assert any(name.startswith("croft::client::Locator::Open(") for name in names)
    inner = {name for name in names if not re.search(
        r"croft::client::(Locator\b|OpenStaticLocator|ConninfoWithRoot)", name)}
    assert inner == set()


def test_nothing_of_the_build_is_needed_afterwards(prefix, libraries):
    for name in files_under(prefix):
        if name.endswith((".cmake", ".pc", ".h")):
            assert package.TOP not in (prefix / name).read_text(), name
    dynamic = package.run("readelf", "--dynamic", os.path.join(libraries, "libcroft-client.so"))
    assert "RUNPATH" not in dynamic and "RPATH" not in dynamic
    assert "Library soname: [libcroft-client.so.0]" in dynamic


@pytest.mark.parametrize("way", ["find_package", "pkg-config"])
def test_an_application_builds_against_it_and_runs(prefix, libraries, tmp_path, way):
    program = (package.build_by_find_package(prefix, tmp_path) if way == "find_package"
               else package.build_by_pkg_config(libraries, tmp_path))
    tenants = tmp_path / "tenants.toml"
    tenants.write_text("[tenants.acme]\nconninfo = 'host=127.0.0.1 port=1'\n")
    ended = subprocess.run([program, "--static", str(tenants), "--tenants", "acme,nobody", "--threads", "1", "--queries",
                            "2"], capture_output=True, text=True, check=False)
    assert ended.stdout == "queries=2 errors=2 stale=0 peak=1\n"
    assert "NOT_FOUND: tenant nobody is not in the file" in ended.stderr


def test_stubs_of_the_same_contract_may_lie_beside_it(libraries, tmp_path):
    """An application that calls other services has generated code of its own, with the same names in it."""
    include = os.path.join(os.path.dirname(os.path.dirname(libraries)), "include")
    if not os.path.isdir(include):
        include = os.path.join(os.path.dirname(libraries), "include")
    (tmp_path / "both.cc").write_text(
        '#include <croft/locator.h>\n#include <croft/v1/lookup.pb.h>\n'
        'int main() {\n  croft::v1::LookupRequest request;\n  request.set_tenant("acme");\n'
        '  return croft::client::Locator::Open({}).ok() || request.DebugString().empty() ? 1 : 0;\n}\n')
    names = ["lookup", "tenant", "operation", "finding", "error"]
    package.run("protoc", "-I", os.path.join(package.TOP, "proto"), f"--cpp_out={tmp_path}",
                *(f"croft/v1/{name}.proto" for name in names))
    path = os.pathsep.join([os.path.join(libraries, "pkgconfig"), os.environ.get("PKG_CONFIG_PATH", "")])
    flags = package.run("pkg-config", "--cflags", "--libs", "croft-client", "protobuf",
                        env={**os.environ, "PKG_CONFIG_PATH": path}).split()
    program = str(tmp_path / "both")
    package.run("g++", "-std=c++20", "-O0", *package.SANITIZE, "-o", program, str(tmp_path / "both.cc"),
                *(str(tmp_path / "croft" / "v1" / f"{name}.pb.cc") for name in names), f"-I{tmp_path}", f"-I{include}",
                *flags, f"-Wl,-rpath,{libraries}", "-pthread")
    package.run(program)
