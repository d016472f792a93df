"""``webrtc-direct listen``: accept connections until a signal ends it."""

from __future__ import annotations

import json
import os
import sys
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from weakref import WeakKeyDictionary

import click

from webrtc_direct.cli.ending import say
from webrtc_direct.cli.event_loop import run_until_told
from webrtc_direct.cli.extras import lacking
from webrtc_direct.cli.failure import Failure
from webrtc_direct.cli.given import take_own_addresses
from webrtc_direct.cli.limits import limits_of
from webrtc_direct.cli.lines import LineWriter
from webrtc_direct.cli.output import printable, socket_address, write_json
from webrtc_direct.cli.secret_files import warn_of_readers
from webrtc_direct.cli.target import json_option, positive_seconds
from webrtc_direct.errors import IdentityError
from webrtc_direct.identity.certificate import Certificate
from webrtc_direct.identity.identity import KeyPair, PeerId
from webrtc_direct.node.listener import listen
from webrtc_direct.protocols.echo import ECHO_PROTOCOL, echo_handler
from webrtc_direct.protocols.perf import PERF_PROTOCOL, perf_handler
from webrtc_direct.web.address import WebAddress
from webrtc_direct.web.bounds import WebBounds

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from contextlib import AbstractAsyncContextManager

    from webrtc_direct.bounds.limits import Limits
    from webrtc_direct.cli.event_loop import Told
    from webrtc_direct.connection.connection import Connection
    from webrtc_direct.connection.handlers import Handler
    from webrtc_direct.node.listener import Listener
    from webrtc_direct.platform.closing import CloseReason
    from webrtc_direct.web.files import File

# At the end, whoever reads stdout has so long to take the last lines.
_LAST_SECONDS = 1.0

DEFAULT_ADDRESS = "/ip4/127.0.0.1/udp/0/webrtc-direct"

EPILOG = """\b
Examples:
  webrtc-direct listen                                  # this machine only, any port
  webrtc-direct listen /ip4/0.0.0.0/udp/4001/webrtc-direct --echo --perf
  webrtc-direct listen /ip6/::/udp/4001/webrtc-direct --identity id.key --certificate dtls.pem
  webrtc-direct listen /ip4/0.0.0.0/udp/4001/webrtc-direct --announce /ip4/203.0.113.7/udp/4001/webrtc-direct
  webrtc-direct listen /ip4/0.0.0.0/udp/4001/webrtc-direct /ip6/::/udp/4001/webrtc-direct --allow-missing
  webrtc-direct listen --accept-from 192.0.2.0/24 --accept-peer 12D3KooW...
  webrtc-direct listen --address-file address.txt       # then: webrtc-direct dial @address.txt
  webrtc-direct listen --web 8080                       # also serve a web page on 127.0.0.1
  webrtc-direct listen --web 8080 --web-page FOLDER     # serve your own page
\b
With --identity and --certificate the address stays the same after a restart. Files that
do not exist are created.
"""


Network = IPv4Network | IPv6Network
_Secret = TypeVar("_Secret", KeyPair, Certificate)


@dataclass(frozen=True)
class Guests:
    """Who may connect: from these networks, with these peer ids; where none are given, any."""

    networks: tuple[Network, ...]
    peers: tuple[PeerId, ...]

    def accept(self, remote: tuple[str, int], peer_id: PeerId | None) -> bool:
        """Say whether to take this connection; the hook of a listener."""
        if peer_id is not None:
            return not self.peers or peer_id in self.peers
        ip = ip_address(remote[0].partition("%")[0])
        ip = (ip.ipv4_mapped or ip) if isinstance(ip, IPv6Address) else ip
        return not self.networks or any(ip in network for network in self.networks)


class Events:
    """What a listener has to tell, as JSON lines.

    That it listens is written at once, or it ends; what comes later waits for whoever reads, and the listener
    does not.
    """

    def __init__(self, told: Told) -> None:
        """Ask the command to end, by *told*, when the reader has gone."""
        self.lines: LineWriter = LineWriter(sys.stdout, self._left_out, told.tell)
        self._count = 0
        self._numbers: WeakKeyDictionary[Connection, int] = WeakKeyDictionary()

    def listening(self, listener: Listener, web: WebAddress | None) -> None:
        """Tell where *listener* can be dialed, and where its page is."""
        addresses = [str(address) for address in listener.addresses]
        missing = {address: error.strerror for address, error in listener.missing.items()}
        write_json(
            _event("listening")
            | {
                "peer_id": str(listener.peer_id),
                "addresses": addresses,
                "missing": missing,
            }
        )
        if web is not None:
            write_json(_event("web") | {"url": web.url})

    def connected(self, connection: Connection) -> None:
        """Tell that *connection* is authenticated."""
        self._count += 1
        self._numbers[connection] = self._count
        self._write(
            "connected",
            {
                "connection": self._count,
                "peer_id": str(connection.peer_id),
                "remote": socket_address(connection.remote),
                "version": connection.version,
            },
        )

    def disconnected(self, connection: Connection, reason: CloseReason) -> None:
        """Tell that *connection* ended."""
        self._write(
            "disconnected",
            {
                "connection": self._numbers.get(connection),
                "peer_id": str(connection.peer_id),
                "remote": socket_address(connection.remote),
                "reason": reason.kind.value,
                "detail": reason.detail,
            },
        )

    def _write(self, event: str, what: dict[str, object]) -> None:
        self.lines.write(json.dumps(_event(event) | what) + "\n")

    def _left_out(self, count: int) -> str:
        return json.dumps(_event("left_out") | {"lines": count}) + "\n"


def _event(name: str) -> dict[str, object]:
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    return {"event": name, "time": now.replace("+00:00", "Z")}


class Lines(Events):
    """The same for a person."""

    def listening(self, listener: Listener, web: WebAddress | None) -> None:
        """Tell where *listener* can be dialed, and how."""
        click.echo(f"peer id {listener.peer_id}, listening on")
        for address in listener.addresses:
            click.echo(f"  {address}")
        for address, error in listener.missing.items():
            click.echo(f"  not on {address}: {error.strerror}")
        click.echo("Dial it from another terminal:")
        click.echo(f"  webrtc-direct dial {listener.addresses[0]}")
        if web is not None:
            click.echo("Or from a browser:")
            click.echo(f"  {web.url}")
        click.echo("Press Ctrl-C to stop.")

    def connected(self, connection: Connection) -> None:
        """Tell who connected."""
        remote = socket_address(connection.remote)
        self.lines.write(f"connected     {connection.peer_id} from {remote}, {connection.version}\n")

    def disconnected(self, connection: Connection, reason: CloseReason) -> None:
        """Tell who left, and why."""
        what = f"{reason.kind.value}, {printable(reason.detail)}"
        self.lines.write(f"disconnected  {connection.peer_id}: {what}\n")

    def _left_out(self, count: int) -> str:
        return f"({count} lines were dropped here, because nobody read them)\n"


def _networks(context: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> list[Network]:
    try:
        return [ip_network(value) for value in values]
    except ValueError as error:
        raise click.BadParameter(str(error), context, parameter) from error


def _peer_ids(context: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> list[PeerId]:
    try:
        return [PeerId.from_string(value) for value in values]
    except IdentityError as error:
        raise click.BadParameter(str(error), context, parameter) from error


def _web_address(context: click.Context, parameter: click.Parameter, value: str | None) -> WebAddress | None:
    try:
        return None if value is None else WebAddress.parse(value)
    except ValueError as error:
        raise click.BadParameter(str(error), context, parameter) from error


@click.command("listen", epilog=EPILOG)
@click.argument("addresses", metavar="[ADDRESS]...", nargs=-1, callback=take_own_addresses)
@click.option("--echo", is_flag=True, help="Serve /echo/1.0.0: send back what arrives.")
@click.option("--perf", is_flag=True, help="Serve /perf/1.0.0: let peers measure throughput.")
@click.option(
    "--identity",
    "identity_file",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="The key of the peer id; created if it does not exist. Default: a new key each time.",
)
@click.option(
    "--certificate",
    "certificate_file",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="The certificate of the certhash; created if it does not exist. Default: a new one each time.",
)
@click.option(
    "--address-file",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Write the addresses to dial to FILE, one per line, once they are known. `webrtc-direct dial @FILE` "
    "dials the first one.",
)
@click.option(
    "--announce",
    metavar="ADDRESS",
    multiple=True,
    callback=take_own_addresses,
    help="Tell peers this address instead of the bound one, for example behind a NAT or with 0.0.0.0. Port 0 "
    "stands for the bound port. May be repeated.",
)
@click.option(
    "--allow-missing",
    is_flag=True,
    help="If some of several addresses cannot be bound (for example without IPv6), listen on the others and "
    "say which are missing.",
)
@click.option(
    "--accept-from",
    "networks",
    metavar="NETWORK",
    multiple=True,
    callback=_networks,
    help="Accept connections only from this network, such as 192.0.2.0/24. May be repeated.",
)
@click.option(
    "--accept-peer",
    "peers",
    metavar="PEER_ID",
    multiple=True,
    callback=_peer_ids,
    help="Accept connections only from this peer. May be repeated.",
)
@click.option(
    "--keep-alive",
    metavar="SECONDS",
    type=float,
    callback=positive_seconds,
    help="Ping every peer at this interval, and disconnect it if it does not answer.",
)
@click.option(
    "--limit",
    "limits",
    metavar="NAME=VALUE",
    multiple=True,
    callback=limits_of,
    help="Change a limit, such as max_connections=5000 or receive_window=1MiB. `webrtc-direct limits` lists "
    "all of them with their defaults. May be repeated.",
)
@click.option(
    "--web",
    metavar="[IP:]PORT",
    callback=_web_address,
    help="Serve a web page that dials this listener from a browser, at 127.0.0.1:8080, 8080 or [::1]:0 for "
    "example. Includes --echo and --perf. Everybody who can reach the port sees the connections.",
)
@click.option(
    "--web-page",
    "page_folder",
    metavar="FOLDER",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="With --web: serve the page in FOLDER instead of the built-in one. The files are read once, at the "
    "start, except those whose names begin with a dot. The page may compile WebAssembly.",
)
@json_option
def listen_command(
    *,
    addresses: tuple[str, ...],
    echo: bool,
    perf: bool,
    identity_file: Path | None,
    certificate_file: Path | None,
    address_file: Path | None,
    announce: tuple[str, ...],
    allow_missing: bool,
    networks: list[Network],
    peers: list[PeerId],
    keep_alive: float | None,
    limits: Limits,
    web: WebAddress | None,
    page_folder: Path | None,
    as_json: bool,
) -> None:
    """Accept connections on ADDRESS, such as /ip4/0.0.0.0/udp/4001/webrtc-direct.

    Port 0 lets the system choose. Ping and identify are always answered. SIGINT,
    SIGTERM and SIGHUP end it cleanly; a second signal ends it at once. With --json each
    event is a line with its time (RFC 3339, UTC): listening, web, connected, disconnected,
    and left_out, which counts lines that were dropped because nobody read them. Connections
    are numbered, so that you can tell which one has ended.
    """
    if page_folder is not None and web is None:
        raise click.UsageError("--web-page needs --web")
    if web is not None and (line := lacking("web")) is not None:
        raise Failure(line)
    page = None if page_folder is None else _read_page(page_folder)
    handlers: dict[str, Handler] = {}
    if echo or web is not None:
        handlers[ECHO_PROTOCOL] = echo_handler
    if perf or web is not None:
        handlers[PERF_PROTOCOL] = perf_handler
    listening = listen(
        addresses or (DEFAULT_ADDRESS,),
        identity=_secret(KeyPair, identity_file),
        certificate=_secret(Certificate, certificate_file),
        handlers=handlers,
        announce=announce,
        accept=Guests(tuple(networks), tuple(peers)).accept,
        keep_alive=keep_alive,
        limits=limits,
        allow_missing=allow_missing,
    )
    run_until_told(_listen, listening, address_file, web, page, Events if as_json else Lines)


def _secret(kind: type[_Secret], file: Path | None) -> _Secret | None:
    """Return what *file* holds; make it where it does not exist."""
    if file is None:
        return None
    secret = kind.load_or_create(file)
    warn_of_readers(file)
    return secret


def _read_page(folder: Path) -> dict[str, File]:
    from webrtc_direct.web.folder import read_folder  # noqa: PLC0415 - it loads the HTTP library

    try:
        return read_folder(folder, WebBounds())
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="'--web-page'") from error


async def _listen(
    told: Told,
    listening: AbstractAsyncContextManager[Listener],
    address_file: Path | None,
    web: WebAddress | None,
    page: Mapping[str, File] | None,
    kind: type[Events],
) -> None:
    events = kind(told)
    async with listening as listener:
        listener.on_connected = events.connected
        listener.on_disconnected = events.disconnected
        if address_file is not None:
            _write_addresses(address_file, listener)
        async with _page(listener, web, page, events) as bound:
            events.listening(listener, bound)
            await told.wait()
    events.lines.flush(_LAST_SECONDS)
    if events.lines.gone:
        raise BrokenPipeError


def _write_addresses(path: Path, listener: Listener) -> None:
    """Whoever reads the file at that moment sees the old one or the new one."""
    temporary = path.parent / f".{path.name}.{os.getpid()}.tmp"
    try:
        temporary.write_text("".join(f"{address}\n" for address in listener.addresses), encoding="ascii")
        temporary.replace(path)
    except OSError as error:
        error.filename, error.filename2 = str(path), None
        raise
    finally:
        temporary.unlink(missing_ok=True)


@asynccontextmanager
async def _page(
    listener: Listener, address: WebAddress | None, page: Mapping[str, File] | None, events: Events
) -> AsyncIterator[WebAddress | None]:
    """Serve *page*, or the built-in one, at *address*, if there is to be one; gives where it is bound."""
    if address is None:
        yield None
        return
    from webrtc_direct.web.server import serve_page  # noqa: PLC0415 - the HTTP library is for this alone

    async with serve_page(listener, address, page=page) as server:

        def connected(connection: Connection) -> None:
            server.roster.connected(connection)
            events.connected(connection)

        listener.on_connected = connected
        if not server.address.is_loopback:
            say(f"everybody who reaches {server.address} sees the connections of this listener")
        yield server.address
