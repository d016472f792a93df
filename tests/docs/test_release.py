"""What goes to the package index has no link that holds only within the project."""

from __future__ import annotations

import importlib.util
import re
import shutil
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
URL = "https://forge.example/somebody/webrtc-direct"


def test_links_lead_to_the_files_of_the_version(tmp_path: Path) -> None:
    specification = importlib.util.spec_from_file_location("release", ROOT / "packaging" / "release.py")
    assert specification is not None
    assert specification.loader is not None
    release = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(release)
    for name in ("README.md", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    release.prepare(tmp_path, URL)
    project = tomllib.loads((tmp_path / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    targets = re.findall(r"\]\(([^)\s]+)\)", (tmp_path / "README.md").read_text(encoding="utf-8"))
    assert [target for target in targets if not target.startswith(("https://", "#"))] == []
    ours = [*targets, *project["urls"].values()]
    ours = [target.removeprefix(f"{URL}/") for target in ours if target.startswith(f"{URL}/")]
    assert len(ours) > 20
    for target in ours:
        kind, tag, path = target.split("/", 2)
        assert tag == f"v{project['version']}"
        assert (ROOT / path.partition("#")[0]).exists()
        assert kind == ("raw" if path.startswith("docs/images/") else "blob")
    assert project["urls"]["Repository"] == URL
