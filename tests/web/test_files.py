"""The files of the page: the table is complete, nothing in them comes from elsewhere."""

from __future__ import annotations

import posixpath
import re
import subprocess
import sys
from hashlib import sha256
from importlib.resources import files
from pathlib import Path

import pytest

from webrtc_direct.web.files import load_files

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "src" / "webrtc_direct" / "web" / "page"
MODULES = ROOT / "interop" / "browser" / "node_modules" / "@noble" / "ciphers"
# @noble/ciphers 2.4.0, as npm has it.
VENDORED = {
    "LICENSE": "f36671a5487c9c5050efacb58011c37c24c55a889803cb036cf9d9a6347c1e2d",
    "_arx.js": "ead142ba410404c0698bb80e0d6f77780799bb77a9e3b098cf0f9fca1c486e37",
    "_poly1305.js": "5d2afd73b40dbafb7b6740c6e6388e7123c79a4e57306861b28c5734925fa84d",
    "chacha.js": "5f1c00575e227b75163f4bac50b79442dec50ee3047c46c18887808ba8af0a69",
    "utils.js": "a443ec1f60d1aaa25d1b7d8c102d33c0e8e6d683ada1ad17be9c32e69170ff95",
}
# For readers, for Node.js, and for the law.
NOT_SERVED = {"vendor/README.md", "vendor/noble-ciphers/LICENSE", "package.json"}
TABLE = load_files()
TEXTS = {path: file.body.decode() for path, file in TABLE.items()}


def test_the_table_is_what_the_folder_holds() -> None:
    present = {str(path.relative_to(PAGE)) for path in PAGE.rglob("*") if path.is_file()}
    served = {path[1:] or "index.html" for path in TABLE}
    assert served == present - NOT_SERVED
    assert files("webrtc_direct.web").joinpath("page/index.html").read_bytes() == TABLE["/"].body


@pytest.mark.parametrize("name", VENDORED)
def test_vendored_files_are_unmodified(name: str) -> None:
    vendored = (PAGE / "vendor" / "noble-ciphers" / name).read_bytes()
    assert sha256(vendored).hexdigest() == VENDORED[name]
    if (MODULES / name).exists():
        assert (MODULES / name).read_bytes() == vendored


@pytest.mark.parametrize("path", [path for path in TEXTS if path.endswith(".js")])
def test_every_import_is_relative_and_served(path: str) -> None:
    imports = re.findall(r"^import (?:[^'\"]* from )?['\"]([^'\"]+)['\"]", TEXTS[path], re.MULTILINE)
    assert [name for name in imports if not name.startswith(("./", "../"))] == []
    assert {posixpath.normpath(posixpath.join(posixpath.dirname(path), name)) for name in imports} <= set(
        TABLE
    )


def test_the_page_has_no_inline_script_or_style_and_names_only_what_is_served() -> None:
    page = TEXTS["/"]
    assert re.findall(r"<script(?![^>]* src=)|<style| style=| on\w+=", page) == []
    assert {f"/{name}" for name in re.findall(r'(?:src|href)="([^"#]+)"', page)} <= set(TABLE)


def test_nothing_is_made_html_of_and_nothing_comes_from_another_host() -> None:
    own = {path: text for path, text in TEXTS.items() if not path.startswith("/vendor/")}
    sinks = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|DOMParser|srcdoc"
    assert [path for path, text in own.items() if re.search(sinks, text)] == []
    # The name of SVG's elements is a URL that nobody opens; the others are told to a person.
    urls = {url for text in own.values() for url in re.findall(r"https?://[^/'`\s\"]+", text)}
    assert urls <= {"http://www.w3.org", "http://127.0.0.1:${port}"}


def test_only_listen_with_web_loads_the_http_library() -> None:
    heavy = ("h11", "webrtc_direct.web.server")
    program = f"import sys, webrtc_direct.cli.listen; print([n for n in {heavy} if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
