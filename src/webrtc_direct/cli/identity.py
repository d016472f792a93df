"""``webrtc-direct identity``: the file behind a peer id."""

from __future__ import annotations

from pathlib import Path

import click

from webrtc_direct.cli.failure import refuse_existing
from webrtc_direct.cli.output import write_json
from webrtc_direct.cli.secret_files import warn_of_readers
from webrtc_direct.cli.suggestions import SuggestingGroup
from webrtc_direct.cli.target import json_option
from webrtc_direct.identity.identity import KeyPair

EPILOG = """\b
Examples:
  webrtc-direct identity new id.key
  webrtc-direct identity show id.key
  webrtc-direct listen --identity id.key
"""


@click.group("identity", cls=SuggestingGroup, epilog=EPILOG)
def identity_group() -> None:
    """Make or show an identity file: the key of a peer id.

    Anyone who has the file can act as its peer id, so keep it private.
    """


@identity_group.command("new")
@click.argument("file", type=click.Path(path_type=Path))
@json_option
def new_command(*, file: Path, as_json: bool) -> None:
    """Make a new identity in FILE, which must not exist."""
    refuse_existing(file)
    identity = KeyPair.generate()
    identity.save(file)
    _show(file, identity, as_json=as_json)


@identity_group.command("show")
@click.argument("file", type=click.Path(path_type=Path))
@json_option
def show_command(*, file: Path, as_json: bool) -> None:
    """Show the peer id of FILE."""
    identity = KeyPair.load(file)
    warn_of_readers(file)
    _show(file, identity, as_json=as_json)


def _show(file: Path, identity: KeyPair, *, as_json: bool) -> None:
    if as_json:
        write_json({"file": str(file), "peer_id": str(identity.peer_id)})
    else:
        click.echo(f"peer id  {identity.peer_id}")
