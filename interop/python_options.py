"""The command line of the programs in Python: ``listen`` and ``dial``, as README.md describes them."""

from __future__ import annotations

import argparse
import ipaddress

from python_transfers import CHECKED_PROTOCOL, PERF_PROTOCOL


def parser_of(description: str | None) -> argparse.ArgumentParser:
    """Return the parser of a program whose docstring is *description*."""
    parser = argparse.ArgumentParser(description=(description or "").partition("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    listen = commands.add_parser("listen")
    listen.add_argument("--ip", type=ipaddress.ip_address, default="127.0.0.1")
    listen.add_argument("--port", type=int, default=0, help="0 lets the system choose")
    dial = commands.add_parser("dial")
    dial.add_argument("address", metavar="MULTIADDR")
    dial.add_argument("--version", choices=("v1", "v2"), default="v1")
    dial.add_argument("--count", type=int, default=1, help="connections; the last one is used for the rest")
    dial.add_argument("--pings", type=int, default=0, help="back to back")
    for name in ("upload", "download"):
        dial.add_argument(f"--{name}", type=int, default=0, metavar="BYTES", help=f"over {CHECKED_PROTOCOL}")
        dial.add_argument(
            f"--perf-{name}", type=int, default=0, metavar="BYTES", help=f"over {PERF_PROTOCOL}"
        )
    dial.add_argument("--echo-size", type=int, default=0, metavar="BYTES", help="on each stream")
    dial.add_argument("--echo-streams", type=int, default=1, metavar="N", help="that echo at once")
    dial.add_argument("--idle", type=float, default=0.0, metavar="SECONDS", help="then one ping more")
    dial.add_argument("--half-close", action="store_true", help="each end closes its side first, once")
    dial.add_argument("--reset", action="store_true", help="each end resets a stream, once")
    dial.add_argument(
        "--close", choices=("dialer", "listener"), default="dialer", help="who closes at the end"
    )
    dial.add_argument("--timeout", type=float, default=120.0, metavar="SECONDS", help="for all of it")
    return parser
