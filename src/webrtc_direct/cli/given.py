"""An address as it is given on the command line: itself, a file that has it, or stdin.

``@FILE`` is the first line of a file, ``-`` that of stdin. An address is some 150 characters long, and
terminals wrap it: nobody should have to copy it by hand.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from webrtc_direct.runtime.files import read_file

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

# Far more than an address can have.
_MAX_BYTES = 65536
_STDIN = 0


def take_address(context: click.Context, parameter: click.Parameter, value: str) -> str:
    """Return the address that *value* is, or names; a callback of click's."""
    try:
        if value == "-":
            text = _line_of_stdin()
        elif value.startswith("@"):
            text = read_file(value[1:], max_bytes=_MAX_BYTES).decode(errors="replace")
        else:
            # What wrapped a long address may have put spaces into it as well.
            return "".join(value.split())
    except OSError as error:
        raise click.BadParameter(f"{value}: {error.strerror}", context, parameter) from error
    except ValueError as error:
        raise click.BadParameter(f"{value}: {error}", context, parameter) from error
    lines = text.split("\n", 1)[0].split()
    if len(lines) != 1:
        raise click.BadParameter(f"{value}: the first line is not an address", context, parameter)
    return lines[0]


def take_own_addresses(
    context: click.Context, parameter: click.Parameter, values: tuple[str, ...]
) -> tuple[str, ...]:
    """Return the addresses of a listener without the spaces around them; a callback of click's."""
    del context, parameter
    return tuple(value.strip() for value in values)


def address_argument(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the argument MULTIADDR, as ``address``."""
    return click.argument("address", metavar="MULTIADDR", callback=take_address)(function)


def _line_of_stdin() -> str:
    """Return the first line, and leave what follows to the command."""
    line = bytearray()
    while len(line) < _MAX_BYTES and (byte := os.read(_STDIN, 1)) not in (b"", b"\n"):
        line += byte
    return line.decode(errors="replace")
