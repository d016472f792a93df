"""Sizes as people write them: ``65536``, ``256MB``, ``1.5 GiB``."""

from __future__ import annotations

import re
from decimal import Decimal

import click

# The perf protocol carries a size in 8 bytes.
MAX_SIZE = 2**63 - 1

UNITS = {
    "": 1,
    "b": 1,
    "kb": 1000,
    "mb": 1000**2,
    "gb": 1000**3,
    "tb": 1000**4,
    "kib": 1024,
    "mib": 1024**2,
    "gib": 1024**3,
    "tib": 1024**4,
}

_SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?([A-Za-z]*)")


def parse_size(text: str) -> int:
    """Return the number of bytes that *text* names.

    A plain integer is bytes; kB, MB, GB are powers of 1000, KiB, MiB, GiB of 1024.
    Upper and lower case are the same. Raises ``ValueError`` with words for a user.
    """
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is not a size: write it like 65536, 256MB or 1.5GiB")
    number, unit = match.groups()
    factor = UNITS.get(unit.lower())
    if factor is None:
        raise ValueError(f"{text!r} has an unknown unit: use kB, MB, GB or KiB, MiB, GiB")
    size = Decimal(number) * factor
    if size != size.to_integral_value():
        raise ValueError(f"{text!r} is not a whole number of bytes")
    if size > MAX_SIZE:
        raise ValueError(f"{text!r} is too large a size")
    return int(size)


def size_of(context: click.Context, parameter: click.Parameter, value: str | None) -> int | None:
    """Turn the text of a size option into bytes; the callback of such an option."""
    if value is None:
        return None
    try:
        size = parse_size(value)
    except ValueError as error:
        raise click.BadParameter(str(error), context, parameter) from error
    if size == 0:
        raise click.BadParameter(f"{value!r} is nothing to send: 1 byte is the least", context, parameter)
    return size
