"""What provides data channels (the engine, a browser, memory); it knows nothing of Noise, frames or streams.

One seam, ``base.py``, with several platforms behind it; and which of them is the default.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from webrtc_direct.runtime.environment import IN_BROWSER

if TYPE_CHECKING:
    from webrtc_direct.platform.base import Platform


def default_platform() -> Platform:
    """Return the platform for when none is given: the native engine, or the browser around this Python."""
    # Loaded when it is needed: the package must be importable where neither can run.
    if IN_BROWSER:
        from webrtc_direct.platform.browser import BrowserPlatform  # noqa: PLC0415

        return BrowserPlatform()
    from webrtc_direct.platform.native import NativePlatform  # noqa: PLC0415

    return NativePlatform()
