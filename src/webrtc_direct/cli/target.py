"""Whom to dial and how: the arguments and options that all dialing commands share."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from webrtc_direct.cli.given import address_argument
from webrtc_direct.cli.secret_files import warn_of_readers
from webrtc_direct.identity.identity import KeyPair
from webrtc_direct.node.dialer import dial
from webrtc_direct.platform import default_platform

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager

    from webrtc_direct.connection.connection import Connection
    from webrtc_direct.node.dialer import DialVersion
    from webrtc_direct.platform.base import Platform

DEFAULT_TIMEOUT = 10.0
# A year.
MOST_SECONDS = 86400 * 365

json_option: Callable[[Callable[..., Any]], Callable[..., Any]] = click.option(
    "--json", "as_json", is_flag=True, help="Print only JSON on stdout."
)


@dataclass(frozen=True)
class Target:
    """The listener that a command dials, and how."""

    address: str
    version: DialVersion
    timeout: float
    identity: KeyPair | None
    any_peer: bool
    platform: Platform

    def dial(self) -> AbstractAsyncContextManager[Connection]:
        """Return the connection, for ``async with``."""
        return dial(
            self.address,
            version=self.version,
            timeout=self.timeout,
            identity=self.identity,
            any_peer=self.any_peer,
            platform=self.platform,
        )


def positive_seconds(context: click.Context, parameter: click.Parameter, value: float | None) -> float | None:
    """Refuse a duration that is not one, or that no clock can count."""
    if value is not None and not 0 < value <= MOST_SECONDS:
        problem = f"{value:g} is not a number of seconds above 0 and at most {MOST_SECONDS}"
        raise click.BadParameter(problem, context, parameter)
    return value


def dials(function: Callable[..., int | None]) -> Callable[..., int | None]:
    """Give a command MULTIADDR and the dialing options; it receives them as ``target``."""

    @address_argument
    @click.option(
        "--version",
        type=click.Choice(["auto", "v1", "v2"]),
        default="auto",
        show_default=True,
        help="Version of the handshake. auto starts with v1, which all current listeners support, and adds "
        "v2 after a second without an answer; the first answer wins.",
    )
    @click.option(
        "--timeout",
        metavar="SECONDS",
        type=float,
        default=DEFAULT_TIMEOUT,
        show_default=True,
        callback=positive_seconds,
        help="Give up if the handshake, or the answer to a ping, takes longer.",
    )
    @click.option(
        "--identity",
        "identity_file",
        metavar="FILE",
        type=click.Path(path_type=Path),
        help="Use this identity instead of a new one. See `webrtc-direct identity`.",
    )
    @click.option(
        "--any-peer",
        is_flag=True,
        help="Accept any peer id if MULTIADDR has none. The certhash is still checked.",
    )
    @functools.wraps(function)
    def with_target(
        *,
        address: str,
        version: DialVersion,
        timeout: float,
        identity_file: Path | None,
        any_peer: bool,
        **others: Any,
    ) -> int | None:
        identity = None
        if identity_file is not None:
            identity = KeyPair.load(identity_file)
            warn_of_readers(identity_file)
        # Made here, so that loading the engine is not counted as a step of the dial.
        target = Target(address, version, timeout, identity, any_peer, default_platform())
        return function(target=target, **others)

    return with_target
