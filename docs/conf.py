"""Settings of Sphinx. ``make docs`` builds the documentation; a warning is an error."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import webrtc_direct

if TYPE_CHECKING:
    from docutils import nodes
    from sphinx.addnodes import pending_xref
    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "_ext"))

project = "webrtc-direct"
copyright = "the webrtc-direct contributors"
_pyproject = (HERE.parent / "pyproject.toml").read_text(encoding="utf-8")
_version = re.search(r'^version = "(.+)"$', _pyproject, re.MULTILINE)
if _version is None:
    raise RuntimeError("pyproject.toml has no version")
release = version = _version[1]

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "from_code"]
exclude_patterns = ["_build"]

html_theme = "furo"
html_title = f"webrtc-direct {release}"
html_static_path: list[str] = []
html_show_sourcelink = False

myst_heading_anchors = 3
myst_enable_extensions = ["colon_fence"]

autodoc_member_order = "bysource"
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True

# What the reference does not describe: other packages, and what users get but never name.
nitpick_ignore_regex = [
    ("py:.*", r"(anyio|asyncio|collections|datetime|enum|ipaddress|os|types|typing)\..*"),
    ("py:.*", r"(bool|bytes|float|int|str|object|tuple|Exception|ValueError|OSError|optional)"),
    ("py:.*", r"(Any|Literal|Self|IPv[46]Address|Path|PathLike)"),
    (
        "py:.*",
        r"(DialVersion|Platform|Progress|Version|webrtc_direct\.connection\.connection\.OpeningStream)",
    ),
    (
        "py:.*",
        r"(AbstractAsyncContextManager|AsyncIterator|Awaitable|Callable|Generator|Iterable|Mapping|Sequence)",
    ),
]

_PUBLIC = frozenset(webrtc_direct.__all__)


def _link_public_names(
    app: Sphinx, env: BuildEnvironment, node: pending_xref, content: nodes.Element
) -> nodes.Element | None:
    """Find ``webrtc_direct.streams.stream.Stream`` where users import it from: ``webrtc_direct.Stream``."""
    name = node.get("reftarget", "").rpartition(".")[2]
    if node.get("refdomain") != "py" or name not in _PUBLIC:
        return None
    domain = env.get_domain("py")
    target = f"webrtc_direct.{name}"
    return domain.resolve_xref(env, node["refdoc"], app.builder, "obj", target, node, content)


_untouched: dict[str, list[str]] = {}


def _hide_from_napoleon(
    app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]
) -> None:
    """Keep napoleon from taking "A bound: its reason" for a type and a description."""
    del app, obj, options
    if what in {"attribute", "data", "property"}:
        _untouched[name] = list(lines)
        lines[:] = [""]


def _show_again(app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]) -> None:
    del app, what, obj, options
    lines[:] = _untouched.pop(name, lines)


def setup(app: Sphinx) -> None:
    """Called by Sphinx."""
    # Before and after napoleon, which has 500.
    app.connect("autodoc-process-docstring", _hide_from_napoleon, priority=400)
    app.connect("autodoc-process-docstring", _show_again, priority=600)
    app.connect("missing-reference", _link_public_names)
