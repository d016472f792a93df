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
# The first connection of a page loads code that the others find. While those follow at once, the browser is
# compiling what it has loaded, on other threads of the same cores; once the page has rested it is not.
AT_ONCE = 11
REST_SECONDS = 3
DIALS = 20
PINGS = 20
JS_LOADS = "import('/js/browser.js').then(() => true)"
PYTHON = """
import asyncio, time, webrtc_direct
import python_transfers as transfers
connect_ms = []
# js-libp2p has one identity for all of a page's connections, too, and its modules are there before it dials.
identity = await webrtc_direct.KeyPair.create()
connect = webrtc_direct.dial
for number in range(at_once + dials):
    if number == at_once:
        await asyncio.sleep(rest)
    started = time.perf_counter()
    async with connect(address, identity=identity) as connection:
        connect_ms.append(1000 * (time.perf_counter() - started))
        if number == at_once + dials - 1:
            result = {
                "connect_ms": connect_ms,
                "ping_ms": await transfers.ping(connection, pings),
                "perf_upload": await transfers.perf(connection, upload=size),
                "perf_download": await transfers.perf(connection, download=size),
            }
json.dumps(result)
"""
COLUMNS = (
    "dialer",
    "listener",
    "first connect ms",
    "at once ms",
    "connect ms",
    "ping ms",
    "up MB/s",
    "down MB/s",
)


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
    result: dict[str, Any] = page.run(
        PYTHON, address=address, at_once=AT_ONCE, rest=REST_SECONDS, dials=DIALS, pings=PINGS, size=size
    )
    return result


def dial_js(page: Page, address: str, size: int) -> dict[str, Any]:
    """Dial with js-libp2p, by the bundle of ``interop/js``."""
    page.script(JS_LOADS)
    at_once = page.script(f"window.interop.dial({address!r}, {{count: {AT_ONCE}, pings: 1}})")
    page.script(f"new Promise(rested => setTimeout(rested, {1000 * REST_SECONDS}))")
    options = f"{{count: {DIALS}, pings: {PINGS}, perfUpload: {size}, perfDownload: {size}}}"
    result: dict[str, Any] = page.script(f"window.interop.dial({address!r}, {options})")
    result["connect_ms"] = at_once["connect_ms"] + result["connect_ms"]
    return result


def numbers(result: dict[str, Any]) -> tuple[float, ...]:
    """Return what the columns show."""
    first, *others = result["connect_ms"]
    at_once, rested = others[: AT_ONCE - 1], others[AT_ONCE - 1 :]
    rates = (result[name]["mb_per_s"] for name in ("perf_upload", "perf_download"))
    medians = (statistics.median(each) for each in (at_once, rested, result["ping_ms"]))
    return (first, *medians, *rates)


if __name__ == "__main__":
    main()
