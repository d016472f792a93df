"""``webrtc-direct limits``, and ``--limit NAME=VALUE``: the fields of ``Limits`` as they are read and shown.

Which fields there are is read from the class itself; here is only what each of them counts.
"""

from __future__ import annotations

from dataclasses import fields

import click

from webrtc_direct.bounds.limits import Limits
from webrtc_direct.cli.output import write_json
from webrtc_direct.cli.size import parse_size
from webrtc_direct.cli.suggestions import did_you_mean
from webrtc_direct.cli.target import MOST_SECONDS, json_option

EPILOG = """\b
Examples:
  webrtc-direct limits
  webrtc-direct listen --limit max_connections=5000 --limit receive_window=1MiB
  webrtc-direct listen --limit idle_timeout=300
\b
Sizes: a plain integer is bytes; kB, MB, GB are powers of 1000, KiB, MiB, GiB of 1024.
"""

SECONDS, BYTES, COUNT, PER_SECOND, PER_MINUTE = "seconds", "bytes", "count", "per second", "per minute"
# What is not limited is written so, where that is possible.
NONE = "none"
# The largest value of each unit: beyond what anybody needs, and within what the engine can count.
_MOST = {SECONDS: MOST_SECONDS, BYTES: 2**40, COUNT: 10**9, PER_SECOND: 10**9, PER_MINUTE: 10**9}
_ENDS = {
    "_timeout": SECONDS,
    "_interval": SECONDS,
    "_per_second": PER_SECOND,
    "_per_second_per_address": PER_SECOND,
    "_per_minute": PER_MINUTE,
}
_STARTS = {
    "unread_bytes": BYTES,
    "unsent_bytes": BYTES,
    "receive_window": BYTES,
    "max_received_frame": BYTES,
    "max_channel_label": BYTES,
    "max_certificate": BYTES,
    "max_protocol_name": BYTES,
    "max_noise_payload": BYTES,
    "max_identify": BYTES,
    "max_connections": COUNT,
    "max_handshakes": COUNT,
    "max_channels": COUNT,
    "max_pending_streams": COUNT,
    "max_streams": COUNT,
}

_DEFAULTS = Limits()
NAMES = tuple(field.name for field in fields(Limits))


@click.command("limits", epilog=EPILOG)
@json_option
def limits_command(*, as_json: bool) -> None:
    """List the limits of a listener: the name, the default and the unit of each.

    `webrtc-direct listen --limit NAME=VALUE` changes a limit. The reference of `Limits`
    describes what each of them bounds.
    """
    if as_json:
        rows = ({"name": name, "default": getattr(_DEFAULTS, name), "unit": unit_of(name)} for name in NAMES)
        write_json({"limits": list(rows)})
        return
    width = max(map(len, NAMES))
    for name in NAMES:
        click.echo(f"{name:<{width}}  {shown(name, getattr(_DEFAULTS, name)):>8}  {unit_of(name)}")


def unit_of(name: str) -> str:
    """Return what the field *name* counts."""
    for end, unit in _ENDS.items():
        if name.endswith(end):
            return unit
    return next(unit for start, unit in _STARTS.items() if name.startswith(start))


def shown(name: str, value: float | None) -> str:
    """Return the *value* of the field *name* as ``--limit`` takes it."""
    if value is None:
        return NONE
    if unit_of(name) == BYTES:
        for unit, factor in (("MiB", 1 << 20), ("KiB", 1 << 10)):
            if value % factor == 0:
                return f"{value // factor:.0f}{unit}"
    return f"{value:.15g}"


def limits_of(context: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> Limits:
    """Return the defaults with what *values* say; the callback of ``--limit``."""
    changed: dict[str, float | None] = {}
    for value in values:
        try:
            name, limit = _parse(value)
        except ValueError as error:
            raise click.BadParameter(str(error), context, parameter) from error
        if name in changed:
            raise click.BadParameter(f"{name} is given twice", context, parameter)
        changed[name] = limit
    return Limits(**changed)  # type: ignore[arg-type]


def _parse(text: str) -> tuple[str, float | None]:
    """Read ``NAME=VALUE``. Raises ValueError, in words for a user."""
    name, _, value = (part.strip() for part in text.partition("="))
    if not (name and value):
        raise ValueError(f"{text!r} is not NAME=VALUE, such as max_connections=5000")
    if name not in NAMES:
        raise ValueError(f"no limit {name!r}{did_you_mean(name, NAMES)} (`webrtc-direct limits` lists all)")
    default = getattr(_DEFAULTS, name)
    # A field that has no limit by default may have none again.
    if value.lower() == NONE and default is None:
        return name, None
    unit = unit_of(name)
    try:
        limit = _number(value, unit, is_float=not isinstance(default, int))
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error
    if not 0 < limit <= _MOST[unit]:
        raise ValueError(f"{name}: {value} is not above 0 and at most {shown(name, _MOST[unit])}")
    return name, limit


def _number(text: str, unit: str, *, is_float: bool) -> float:
    if unit == BYTES:
        return parse_size(text)
    try:
        return float(text) if is_float else int(text)
    except ValueError as error:
        kind = f"number ({unit})" if is_float else "whole number"
        raise ValueError(f"{text!r} is not a {kind}") from error
