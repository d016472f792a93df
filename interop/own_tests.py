"""How many of py-libp2p's own tests pass over our transport, for docs/interop.md."""

from __future__ import annotations

import json

from builds import ROOT
from page_cells import table

# `make interop-py` writes it.
COUNTS = ROOT / "tests" / "beside" / "own_tests" / "counts.json"
_WORDS = """\
py-libp2p has tests of its own. `make interop-py` runs those of {release} twice: with TCP, and with
`WebRtcDirect`, [our transport for py-libp2p](howto/py-libp2p.md), as the only transport of its hosts. It
writes this table. *With connections* counts the tests whose hosts listened or dialed; the others do not use
a transport. [Differences](py-libp2p-tests.md) has the cause of each failure.
"""


def section() -> list[str]:
    """Return the lines of the section."""
    found = json.loads(COUNTS.read_text(encoding="utf-8"))
    numbers = ("tcp", "webrtc_direct", "with_connections")
    rows = [(f"`{each['tests']}`", *(str(each[name]) for name in numbers)) for each in found["counts"]]
    rows.append(("all", *(str(sum(each[name] for each in found["counts"])) for name in numbers)))
    columns = ("tests that passed in", "TCP", "WebRTC-Direct", "with connections")
    return [_WORDS.format(release=found["release"]), *table(columns, rows)]
