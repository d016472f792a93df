"""py-libp2p as a peer of the matrix: the same commands and JSON lines as ``python_peer.py``.

Its hosts have one transport: this package's for py-libp2p, or with ``--built-in`` py-libp2p's own. It runs in
an environment of its own, which ``builds.py`` makes.
"""

from __future__ import annotations

import json
import logging
import signal
import sys
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING

import trio
from libp2p import new_host
from libp2p.crypto.ed25519 import create_new_key_pair
from libp2p.perf import PerfService
from libp2p.transport.webrtc.config import WebRTCTransportConfig
from libp2p.transport.webrtc.transport import WebRTCDirectTransport
from multiaddr import Multiaddr
from py_libp2p_dial import PyLibp2p
from py_libp2p_streams import Connection, Stream, Watch
from python_dial import dial, leaves
from python_endings import (
    CLOSE_PROTOCOL,
    HALF_CLOSE_PROTOCOL,
    RESET_PROTOCOL,
    serve_close,
    serve_half_close,
    serve_reset,
)
from python_options import parser_of
from python_transfers import CHECKED_PROTOCOL, ECHO_PROTOCOL, serve_checked

from webrtc_direct.libp2p import WebRtcDirect

if TYPE_CHECKING:
    import argparse
    from collections.abc import AsyncIterator, Awaitable, Callable

    from libp2p.abc import IHost, INetConn, INetStream, ITransport
    from libp2p.crypto.keys import KeyPair

    Handler = Callable[[Stream], Awaitable[None]]

_READ_SIZE = 65536


def main() -> int:
    """Run ``listen`` or ``dial`` and return the exit code."""
    parser = parser_of(__doc__)
    parser.add_argument("--built-in", action="store_true", help="py-libp2p's own transport, on aiortc")
    options = parser.parse_args()
    # What goes wrong shows in the events; the built-in transport logs much beside that.
    logging.disable()
    try:
        trio.run(_listen if options.command == "listen" else _dial, options)
    except Exception as error:  # noqa: BLE001 - what py-libp2p fails with is told, and comes out of task groups
        words = "; ".join(str(each) or repr(each) for each in leaves(error))
        print("error:", *words.split(), file=sys.stderr)
        return 1
    return 0


async def _listen(options: argparse.Namespace) -> None:
    address = Multiaddr(f"/ip{options.ip.version}/{options.ip}/udp/{options.port}/webrtc-direct")
    async with _running(options, address) as host:
        host.get_network().register_notifee(
            Watch(
                begun=partial(_emit_connection, "connected"), ended=partial(_emit_connection, "disconnected")
            )
        )
        await PerfService(host).start()
        handlers: dict[str, Handler] = {
            ECHO_PROTOCOL: _echo,
            CHECKED_PROTOCOL: serve_checked,
            HALF_CLOSE_PROTOCOL: serve_half_close,
            RESET_PROTOCOL: partial(serve_reset, seen=lambda: _emit(event="reset-seen")),
            CLOSE_PROTOCOL: serve_close,
        }
        for protocol, handler in handlers.items():
            host.set_stream_handler(protocol, partial(_serve, host, protocol, handler))
        with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM, signal.SIGUSR1) as signals:
            _emit(
                event="listening",
                peer_id=str(host.get_id()),
                addresses=[str(each) for each in host.get_addrs()],
            )
            async for received in signals:
                if received != signal.SIGUSR1:
                    return
                _emit_counts(host)


async def _serve(host: IHost, protocol: str, handler: Handler, stream: INetStream) -> None:
    """Run *handler*, with an event for a failure."""
    connection = Connection(host, stream.muxed_conn.peer_id)
    try:
        async with Stream(stream, connection) as served:
            await handler(served)
    except Exception as error:  # noqa: BLE001 - whatever a handler fails with is told
        _emit(event="error", protocol=protocol, error=f"{type(error).__name__}: {error}")


async def _echo(stream: Stream) -> None:
    while data := await stream.read(_READ_SIZE):
        await stream.write(data)


async def _dial(options: argparse.Namespace) -> None:
    async with _running(options) as host:
        _emit(**await dial(options, PyLibp2p(host, options.version)))


@asynccontextmanager
async def _running(options: argparse.Namespace, *addresses: Multiaddr) -> AsyncIterator[IHost]:
    """Run a host that listens on *addresses*."""
    keys = create_new_key_pair()
    transport = _built_in(keys, options) if options.built_in else _ours(keys, options)
    host = new_host(key_pair=keys, transports=[transport])
    async with host.run(listen_addrs=addresses):
        yield host


def _ours(keys: KeyPair, options: argparse.Namespace) -> ITransport:
    return WebRtcDirect(keys, version=getattr(options, "version", "auto"))


def _built_in(keys: KeyPair, options: argparse.Namespace) -> ITransport:
    version = 2 if getattr(options, "version", "v1") == "v2" else 1
    return WebRTCDirectTransport(keys.private_key, WebRTCTransportConfig(webrtc_direct_dial_version=version))


def _emit_connection(event: str, connection: INetConn) -> None:
    remote = connection.muxed_conn.get_remote_address()
    if remote is not None:
        ip, port = remote
        remote = f"/ip{6 if ':' in ip else 4}/{ip}/udp/{port}"
    _emit(event=event, peer_id=str(connection.muxed_conn.peer_id), remote=remote)


def _emit_counts(host: IHost) -> None:
    """Tell what py-libp2p knows; handshakes are not among it."""
    connections = [each for all_of in host.get_network().connections.values() for each in all_of]
    _emit(
        event="counts",
        connections=len(connections),
        streams=sum(len(connection.get_streams()) for connection in connections),
    )


def _emit(**event: object) -> None:
    print(json.dumps(event), flush=True)


if __name__ == "__main__":
    sys.exit(main())
