#!/usr/bin/env python3
"""Makes what the package holds beside its sources: the wire contract's descriptors, the version and the licence.

    generate.py CHECKOUT FOLDER

Run by CMake for the build folder and by setup.py for wheels and sdists, so that all three are the same.
"""
import importlib.util
import pathlib
import re
import shutil
import subprocess
import sys

#: What the package calls; agent.proto is between a control plane and its agents alone.
PROTOS = ("backup", "error", "finding", "lookup", "operation", "tenant")
#: The names of what `generate` writes.
FILES = ("LICENSE", "_version.py", "api.descriptors")


def version_of(checkout: pathlib.Path) -> str:
    """CMakeLists.txt is the one place that states it."""
    match = re.search(r"^project\(croft VERSION ([0-9.]+)", (checkout / "CMakeLists.txt").read_text("utf-8"), re.M)
    if match is None:
        raise SystemExit(f"{checkout}/CMakeLists.txt: no project version")
    return match[1]


def protoc() -> list[str]:
    """The command, or the one that the package grpcio-tools brings."""
    path = shutil.which("protoc")
    if path is not None:
        return [path]
    if importlib.util.find_spec("grpc_tools") is not None:
        return [sys.executable, "-m", "grpc_tools.protoc"]
    raise SystemExit("protoc is missing: install protobuf-compiler, or grpcio-tools by pip")


def generate(checkout: pathlib.Path, folder: pathlib.Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    proto = checkout / "proto"
    # Descriptors, not generated code: generated code works with one range of protobuf's versions alone, and
    # registers its names for the whole process.
    subprocess.run([*protoc(), f"-I{proto}", "--include_imports", f"--descriptor_set_out={folder}/api.descriptors",
                    *(f"croft/v1/{name}.proto" for name in PROTOS)], check=True)
    (folder / "_version.py").write_text(f'"""Made by generate.py."""\n\nVERSION = "{version_of(checkout)}"\n', "utf-8")
    shutil.copyfile(checkout / "LICENSE", folder / "LICENSE")


if __name__ == "__main__":
    generate(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]))
