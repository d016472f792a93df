"""webrtc-direct itself as a peer for tests and benchmarks: the same commands and JSON lines as ``go/``.

README.md describes both. It uses the public interface of the package alone.
"""

from __future__ import annotations

import ipaddress
import json
import signal
import sys
from typing import TYPE_CHECKING

import anyio
from python_dial import StepFailed, dial
from python_endings import (
    CLOSE_PROTOCOL,
    HALF_CLOSE_PROTOCOL,
    RESET_PROTOCOL,
    serve_close,
    serve_half_close,
    serve_reset,
)
from python_options import parser_of
from python_transfers import CHECKED_PROTOCOL, ECHO_PROTOCOL, PERF_PROTOCOL, serve_checked

import webrtc_direct

if TYPE_CHECKING:
    import argparse

    from webrtc_direct import Connection, Handler, Listener, Stream


def main() -> int:
    """Run ``listen`` or ``dial`` and return the exit code."""
    options = parser_of(__doc__).parse_args()
    try:
        anyio.run(_listen if options.command == "listen" else _dial, options)
    except (webrtc_direct.WebRtcDirectError, StepFailed, OSError) as error:
        print("error:", " ".join(str(error).split()), file=sys.stderr)
        return 1
    return 0


async def _listen(options: argparse.Namespace) -> None:
    handlers: dict[str, Handler] = {
        protocol: _reporting(protocol, handler)
        for protocol, handler in (
            (ECHO_PROTOCOL, webrtc_direct.echo_handler),
            (PERF_PROTOCOL, webrtc_direct.perf_handler),
            (CHECKED_PROTOCOL, serve_checked),
            (HALF_CLOSE_PROTOCOL, serve_half_close),
            (RESET_PROTOCOL, lambda stream: serve_reset(stream, seen=lambda: _emit(event="reset-seen"))),
            (CLOSE_PROTOCOL, serve_close),
        )
    }
    address = f"/ip{options.ip.version}/{options.ip}/udp/{options.port}/webrtc-direct"
    async with webrtc_direct.listen(address, handlers=handlers) as listener:
        listener.on_connected = lambda connection: _emit_connection("connected", connection)
        listener.on_disconnected = lambda connection, reason: _emit_connection(
            "disconnected", connection, reason=reason.kind.name, detail=reason.detail
        )
        with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM, signal.SIGUSR1) as signals:
            _emit(
                event="listening",
                peer_id=str(listener.peer_id),
                addresses=[str(address) for address in listener.addresses],
            )
            async for received in signals:
                if received != signal.SIGUSR1:
                    return
                _emit_counts(listener)


def _reporting(protocol: str, handler: Handler) -> Handler:
    """Return *handler* with an event for a failure; the package resets the stream."""

    async def reporting(stream: Stream) -> None:
        try:
            await handler(stream)
        except Exception as error:
            _emit(event="error", protocol=protocol, error=f"{type(error).__name__}: {error}")
            raise

    return reporting


async def _dial(options: argparse.Namespace) -> None:
    _emit(**await dial(options))


def _emit_connection(event: str, connection: Connection, **more: str) -> None:
    ip, port = connection.remote
    family = ipaddress.ip_address(ip).version
    _emit(event=event, peer_id=str(connection.peer_id), remote=f"/ip{family}/{ip}/udp/{port}", **more)


def _emit_counts(listener: Listener) -> None:
    counters = listener.counters()
    _emit(
        event="counts",
        connections=counters.connections,
        handshakes=counters.handshakes,
        authenticated=len(listener.connections),
        streams=sum(connection.streams for connection in listener.connections),
    )


def _emit(**event: object) -> None:
    print(json.dumps(event), flush=True)


if __name__ == "__main__":
    sys.exit(main())
