"""Makes the wheel and the sdist for the package index, whose links lead to the repository.

Run as ``python packaging/release.py URL FOLDER``. The links of the README are relative, and the package index
shows the README alone. So here each of them leads to the file at URL, with the tag of the version, and
``project.urls`` names the pages there. The project itself does not know where it is published.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGES = {
    "Documentation": "docs/index.md",
    "Changelog": "CHANGELOG.md",
    "Security": "SECURITY.md",
}
# The text of a link or a picture, and where it leads if that is within the project.
_LINK = re.compile(r"(!?)(\[(?:[^\[\]]|\[[^\[\]]*\])*\])\((?!https?:|#)([^)\s]+)\)")


def main() -> None:
    """Write both, and print where they are."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("url", help="of the repository, such as https://github.com/OWNER/NAME")
    parser.add_argument("folder", type=Path)
    options = parser.parse_args()
    if not re.fullmatch(r"https://[\w.-]+(/[\w.-]+)+", options.url):
        parser.error(f"{options.url!r} is not the https address of a repository")
    with tempfile.TemporaryDirectory() as temporary:
        copy = Path(temporary)
        _copy_files(copy)
        prepare(copy, options.url)
        environment = {**os.environ, "CARGO_TARGET_DIR": str(ROOT / "rust" / "target")}
        maturin = (sys.executable, "-m", "maturin", "build", "--release", "--locked", "--sdist", "--out")
        subprocess.run([*maturin, str(options.folder.resolve())], cwd=copy, env=environment, check=True)


def prepare(folder: Path, url: str) -> None:
    """Make the README and the metadata in *folder* those that the package index gets."""
    metadata = folder / "pyproject.toml"
    text = metadata.read_text(encoding="utf-8")
    tag = f"v{tomllib.loads(text)['project']['version']}"
    readme = folder / "README.md"
    readme.write_text(absolute(readme.read_text(encoding="utf-8"), url, tag), encoding="utf-8")
    urls = {"Repository": url, **{name: f"{url}/blob/{tag}/{path}" for name, path in PAGES.items()}}
    lines = "".join(f'{name} = "{value}"\n' for name, value in urls.items())
    metadata.write_text(f"{text}\n[project.urls]\n{lines}", encoding="utf-8")


def absolute(text: str, url: str, tag: str) -> str:
    """Return the page *text* with links to the files of *tag* in the repository at *url*."""

    def lead(found: re.Match[str]) -> str:
        kind = "raw" if found[1] else "blob"
        return f"{found[1]}{found[2]}({url}/{kind}/{tag}/{found[3]})"

    return _LINK.sub(lead, text)


def _copy_files(folder: Path) -> None:
    """Copy what the repository has, without what was built."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True)
    for name in filter(None, listed.stdout.split("\0")):
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, target)


if __name__ == "__main__":
    main()
