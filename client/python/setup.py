"""Adds what generate.py makes to the wheel and the sdist; all else stands in pyproject.toml."""
import os
import pathlib
import shutil
import sys

from setuptools import setup
from setuptools.command.build_py import build_py
from setuptools.command.sdist import sdist

HERE = pathlib.Path(__file__).resolve().parent
CHECKOUT = HERE.parent.parent
sys.path.insert(0, str(HERE))

import generate  # noqa: E402  # pylint: disable=wrong-import-position

#: An unpacked sdist holds what was made when it was packed.
PACKED = (HERE / "croft" / "api.descriptors").exists()


def version() -> str:
    if not PACKED:
        return generate.version_of(CHECKOUT)
    facts: dict[str, str] = {}
    exec((HERE / "croft" / "_version.py").read_text("utf-8"), facts)  # pylint: disable=exec-used
    return facts["VERSION"]


class BuildPackage(build_py):
    def run(self) -> None:
        super().run()
        if not PACKED and not self.editable_mode:
            generate.generate(CHECKOUT, pathlib.Path(self.build_lib) / "croft")


class PackSources(sdist):
    def make_release_tree(self, base_dir: str, files: list[str]) -> None:
        super().make_release_tree(base_dir, files)
        folder = pathlib.Path(base_dir) / "croft"
        if PACKED:
            for name in generate.FILES:
                shutil.copyfile(HERE / "croft" / name, folder / name)
        else:
            generate.generate(CHECKOUT, folder)
        shutil.copyfile(HERE / "generate.py", os.path.join(base_dir, "generate.py"))


setup(version=version(), cmdclass={"build_py": BuildPackage, "sdist": PackSources})
