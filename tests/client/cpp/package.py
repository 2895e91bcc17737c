"""Installs the C++ library to a folder, and builds the example against it as an application would."""
import os
import subprocess

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
BUILD = os.path.dirname(os.environ.get("CROFT_BIN", os.path.join(TOP, "build", "bin")))
# Of a build with a sanitizer, whose library no program without it can load.
SANITIZE = os.environ.get("CROFT_SANITIZE_FLAGS", "").split()
EXAMPLES = os.path.join(TOP, "client", "cpp", "examples")


def run(*command, **options):
    result = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    assert result.returncode == 0, f"{command}:\n{result.stdout}{result.stderr}"
    return result.stdout


def install(prefix):
    """The folder of the libraries."""
    for component in ("client", "client-dev"):
        run("cmake", "--install", BUILD, "--component", component, "--prefix", str(prefix))
    folders = [folder for folder, _, files in os.walk(prefix) if "libcroft-client.so" in files]
    assert len(folders) == 1
    return folders[0]


def build_by_find_package(prefix, folder):
    """The program."""
    run("cmake", "-G", "Ninja", "-S", EXAMPLES, "-B", str(folder), f"-DCMAKE_PREFIX_PATH={prefix}",
        f"-DCMAKE_CXX_FLAGS={' '.join(['-Wall -Wextra -Werror -O1', *SANITIZE])}")
    run("cmake", "--build", str(folder))
    return str(folder / "tenant_pools")


def build_by_pkg_config(libraries, folder):
    """The program."""
    path = os.pathsep.join([os.path.join(libraries, "pkgconfig"), os.environ.get("PKG_CONFIG_PATH", "")])
    flags = run("pkg-config", "--cflags", "--libs", "croft-client", "libpq",
                env={**os.environ, "PKG_CONFIG_PATH": path}).split()
    program = str(folder / "tenant_pools")
    sources = [os.path.join(EXAMPLES, name) for name in ("main.cc", "tenant_pools.cc")]
    run("g++", "-std=c++20", *SANITIZE, "-o", program, *sources, *flags, f"-Wl,-rpath,{libraries}", "-pthread")
    return program
