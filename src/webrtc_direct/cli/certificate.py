"""``webrtc-direct certificate``: the file behind a certhash."""

from __future__ import annotations

from pathlib import Path

import click

from webrtc_direct.cli.failure import refuse_existing
from webrtc_direct.cli.output import write_json
from webrtc_direct.cli.secret_files import warn_of_readers
from webrtc_direct.cli.suggestions import SuggestingGroup
from webrtc_direct.cli.target import json_option
from webrtc_direct.identity.certificate import Certificate

EPILOG = """\b
Examples:
  webrtc-direct certificate new dtls.pem
  webrtc-direct certificate show dtls.pem
  webrtc-direct listen --certificate dtls.pem
"""


@click.group("certificate", cls=SuggestingGroup, epilog=EPILOG)
def certificate_group() -> None:
    """Make or show a certificate file: the DTLS certificate of a certhash, and its key.

    The certificate is self-signed (ECDSA P-256) and does not expire. The certhash in the
    multiaddr authenticates it.
    """


@certificate_group.command("new")
@click.argument("file", type=click.Path(path_type=Path))
@json_option
def new_command(*, file: Path, as_json: bool) -> None:
    """Make a new certificate in FILE, which must not exist."""
    refuse_existing(file)
    certificate = Certificate.generate()
    certificate.save(file)
    _show(file, certificate, as_json=as_json)


@certificate_group.command("show")
@click.argument("file", type=click.Path(path_type=Path))
@json_option
def show_command(*, file: Path, as_json: bool) -> None:
    """Show the certhash and the fingerprint of FILE."""
    certificate = Certificate.load(file)
    warn_of_readers(file)
    _show(file, certificate, as_json=as_json)


def _show(file: Path, certificate: Certificate, *, as_json: bool) -> None:
    fingerprint = certificate.fingerprint
    if as_json:
        write_json({"file": str(file), "certhash": fingerprint.certhash, "fingerprint": fingerprint.sdp})
    else:
        click.echo(f"certhash     {fingerprint.certhash}")
        click.echo(f"fingerprint  sha-256 {fingerprint.sdp}")
