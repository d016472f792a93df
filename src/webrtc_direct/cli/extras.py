"""What the command needs beyond the library: the package's extras, which may not be installed."""

from __future__ import annotations

from importlib.util import find_spec

_MODULES = {"cli": ("click", "rich"), "web": ("h11",)}


def lacking(extra: str) -> str | None:
    """Return the one line that says how to install *extra*, or ``None`` where it is there."""
    modules = [name for name in _MODULES[extra] if find_spec(name) is None]
    if not modules:
        return None
    return f"{' and '.join(modules)} not installed: pip install 'webrtc-direct[{extra}]'"
