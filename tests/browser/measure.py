"""Prints what Python in a page costs beside js-libp2p in the same Chromium: connecting, pings, throughput.

Run as ``python tests/browser/measure.py`` once ``prepare.py`` has been run. Both dial our listener and
go's, in turns; numbers are medians. MB are 10^6 bytes.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from typing import Any

from chromium import ROOT, Chromium, ListenerProcess, Page

GO_PROGRAM = ROOT / "interop" / "go" / "bin" / "webrtc-direct-interop"
# The first connection of a page loads code that the others find; the others are as many as in interop/.
DIALS = 21
PINGS = 20
JS_LOADS = "import('/js/browser.js').then(() => true)"
PYTHON = """
import time, webrtc_direct
import python_transfers as transfers
connect_ms = []
# js-libp2p has one identity for all of a page's connections, too, and its modules are there before it dials.
identity = await webrtc_direct.KeyPair.create()
connect = webrtc_direct.dial
for left in reversed(range(dials)):
    started = time.perf_counter()
    async with connect(address, identity=identity) as connection:
        connect_ms.append(1000 * (time.perf_counter() - started))
        if left == 0:
            result = {
                "connect_ms": connect_ms,
                "ping_ms": await transfers.ping(connection, pings),
                "perf_upload": await transfers.perf(connection, upload=size),
                "perf_download": await transfers.perf(connection, download=size),
            }
json.dumps(result)
"""
COLUMNS = ("dialer", "listener", "first connect ms", "connect ms", "ping ms", "up MB/s", "down MB/s")


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--size", type=int, default=16 << 20, help="bytes of a transfer, each way")
    options = parser.parse_args()
    rows: dict[tuple[str, str], list[tuple[float, ...]]] = {}
    with (
        ListenerProcess(sys.executable, str(ROOT / "interop" / "python_peer.py")) as ours,
        ListenerProcess(str(GO_PROGRAM)) as go,
        Chromium() as chromium,
    ):
        for _ in range(options.rounds):
            for listener, address in (("webrtc-direct", ours.address), ("go-libp2p", go.address)):
                for dialer, dial in (("Python in the page", dial_python), ("js-libp2p", dial_js)):
                    page = chromium.open()
                    row = numbers(dial(page, address, options.size))
                    page.close()
                    rows.setdefault((dialer, listener), []).append(row)
    print(" | ".join(COLUMNS))
    for names, rounds in rows.items():
        medians = [statistics.median(column) for column in zip(*rounds, strict=True)]
        print(" | ".join((*names, *(f"{value:.1f}" for value in medians))))


def dial_python(page: Page, address: str, size: int) -> dict[str, Any]:
    """Dial with the package."""
    result: dict[str, Any] = page.run(PYTHON, address=address, dials=DIALS, pings=PINGS, size=size)
    return result


def dial_js(page: Page, address: str, size: int) -> dict[str, Any]:
    """Dial with js-libp2p, by the bundle of ``interop/js``."""
    page.script(JS_LOADS)
    options = f"{{count: {DIALS}, pings: {PINGS}, perfUpload: {size}, perfDownload: {size}}}"
    result: dict[str, Any] = page.script(f"window.interop.dial({address!r}, {options})")
    return result


def numbers(result: dict[str, Any]) -> tuple[float, ...]:
    """Return what the columns show. The first connection of a page loads code that the others find."""
    first, *others = result["connect_ms"]
    rates = (result[name]["mb_per_s"] for name in ("perf_upload", "perf_download"))
    return (first, statistics.median(others), statistics.median(result["ping_ms"]), *rates)


if __name__ == "__main__":
    main()
