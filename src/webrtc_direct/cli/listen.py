"""``webrtc-direct listen``: take connections until SIGINT or SIGTERM."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import click

from webrtc_direct.certificate import Certificate
from webrtc_direct.cli.output import socket_address, write_json
from webrtc_direct.cli.target import json_option
from webrtc_direct.identity import KeyPair
from webrtc_direct.listener import listen
from webrtc_direct.protocols.echo import ECHO_PROTOCOL, echo_handler
from webrtc_direct.protocols.perf import PERF_PROTOCOL, perf_handler

if TYPE_CHECKING:
    from webrtc_direct.connection import Connection, Handler
    from webrtc_direct.listener import Listener
    from webrtc_direct.platform.base import CloseReason

DEFAULT_ADDRESS = "/ip4/127.0.0.1/udp/0/webrtc-direct"

EPILOG = """\b
Examples:
  webrtc-direct listen                                  # this machine only, any port
  webrtc-direct listen /ip4/0.0.0.0/udp/4001/webrtc-direct --echo --perf
  webrtc-direct listen /ip6/::/udp/4001/webrtc-direct --identity id.key --certificate dtls.pem
\b
With --identity and --certificate the address is the same after a restart. Both files are
made where they do not exist.
"""


class Events:
    """What a listener has to tell, as JSON lines."""

    def listening(self, listener: Listener) -> None:
        """Tell where *listener* can be dialed."""
        addresses = [str(address) for address in listener.addresses]
        write_json({"event": "listening", "peer_id": str(listener.peer_id), "addresses": addresses})

    def connected(self, connection: Connection) -> None:
        """Tell that *connection* is authenticated."""
        remote = socket_address(connection.remote)
        write_json(
            {
                "event": "connected",
                "peer_id": str(connection.peer_id),
                "remote": remote,
                "version": connection.version,
            }
        )

    def disconnected(self, connection: Connection, reason: CloseReason) -> None:
        """Tell that *connection* ended."""
        write_json(
            {
                "event": "disconnected",
                "peer_id": str(connection.peer_id),
                "remote": socket_address(connection.remote),
                "reason": reason.kind.value,
                "detail": reason.detail,
            }
        )


class Lines(Events):
    """The same for a person."""

    def listening(self, listener: Listener) -> None:
        """Tell where *listener* can be dialed, and how."""
        click.echo(f"peer id {listener.peer_id}, listening on")
        for address in listener.addresses:
            click.echo(f"  {address}")
        click.echo("Dial it from another terminal:")
        click.echo(f"  webrtc-direct dial {listener.addresses[0]}")
        click.echo("Ctrl-C ends it.")

    def connected(self, connection: Connection) -> None:
        """Tell who connected."""
        remote = socket_address(connection.remote)
        click.echo(f"connected     {connection.peer_id} from {remote}, {connection.version}")

    def disconnected(self, connection: Connection, reason: CloseReason) -> None:
        """Tell who left, and why."""
        click.echo(f"disconnected  {connection.peer_id}: {reason.kind.value}, {reason.detail}")


@click.command("listen", epilog=EPILOG)
@click.argument("addresses", metavar="[ADDRESS]...", nargs=-1)
@click.option("--echo", is_flag=True, help="Offer /echo/1.0.0: send back what arrives.")
@click.option("--perf", is_flag=True, help="Offer /perf/1.0.0: be measured.")
@click.option(
    "--identity",
    "identity_file",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="The key behind the peer id; made if it does not exist. Without it, a fresh one.",
)
@click.option(
    "--certificate",
    "certificate_file",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="The certificate behind the certhash; made if it does not exist. Without it, a fresh one.",
)
@json_option
def listen_command(
    *,
    addresses: tuple[str, ...],
    echo: bool,
    perf: bool,
    identity_file: Path | None,
    certificate_file: Path | None,
    as_json: bool,
) -> None:
    """Take connections on ADDRESS, such as /ip4/0.0.0.0/udp/4001/webrtc-direct.

    Port 0 lets the system choose. Ping and identify are always answered. SIGINT and
    SIGTERM end it cleanly. With --json each event is a line: listening, connected,
    disconnected.
    """
    handlers: dict[str, Handler] = {}
    if echo:
        handlers[ECHO_PROTOCOL] = echo_handler
    if perf:
        handlers[PERF_PROTOCOL] = perf_handler
    anyio.run(
        _listen,
        addresses or (DEFAULT_ADDRESS,),
        None if identity_file is None else KeyPair.load_or_create(identity_file),
        None if certificate_file is None else Certificate.load_or_create(certificate_file),
        handlers,
        Events() if as_json else Lines(),
    )


async def _listen(
    addresses: tuple[str, ...],
    identity: KeyPair | None,
    certificate: Certificate | None,
    handlers: dict[str, Handler],
    events: Events,
) -> None:
    async with listen(addresses, identity=identity, certificate=certificate, handlers=handlers) as listener:
        listener.on_connected = events.connected
        listener.on_disconnected = events.disconnected
        with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
            events.listening(listener)
            async for _ in signals:
                return
