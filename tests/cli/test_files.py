"""Identity and certificate files, and what an address says."""

from __future__ import annotations

import json
import stat
from typing import TYPE_CHECKING

import pytest

from webrtc_direct.identity.certificate import Certificate
from webrtc_direct.identity.identity import KeyPair

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.conftest import Command, RunningListener


def test_an_identity_is_made_and_shown(command: Command, tmp_path: Path) -> None:
    file = tmp_path / "id.key"
    made = command("identity", "new", str(file), "--json")
    assert (made.returncode, made.stderr) == (0, b"")
    assert json.loads(made.stdout) == {"file": str(file), "peer_id": str(KeyPair.load(file).peer_id)}
    assert command("identity", "show", str(file), "--json").stdout == made.stdout
    shown = command("identity", "show", str(file)).stdout.decode()
    assert str(KeyPair.load(file).peer_id) in shown


def test_a_certificate_is_made_and_shown(command: Command, tmp_path: Path) -> None:
    file = tmp_path / "dtls.pem"
    made = command("certificate", "new", str(file), "--json")
    assert (made.returncode, made.stderr) == (0, b"")
    fingerprint = Certificate.load(file).fingerprint
    assert json.loads(made.stdout) == {
        "file": str(file),
        "certhash": fingerprint.certhash,
        "fingerprint": fingerprint.sdp,
    }
    shown = command("certificate", "show", str(file)).stdout.decode()
    assert fingerprint.certhash in shown
    assert fingerprint.sdp in shown


@pytest.mark.parametrize("kind", ["identity", "certificate"])
def test_a_secret_file_is_private_and_never_overwritten(command: Command, tmp_path: Path, kind: str) -> None:
    file = tmp_path / "secret"
    assert command(kind, "new", str(file)).returncode == 0
    content = file.read_bytes()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    again = command(kind, "new", str(file))
    assert again.returncode == 1
    assert b"already exists" in again.stderr
    assert file.read_bytes() == content


@pytest.mark.parametrize("kind", ["identity", "certificate"])
def test_a_file_that_cannot_be_made_is_named(command: Command, tmp_path: Path, kind: str) -> None:
    file = tmp_path / "none" / "secret"
    for words in ((kind, "new", str(file)), ("listen", f"--{kind}", str(file))):
        result = command(*words)
        assert (result.returncode, result.stdout) == (1, b"")
        assert result.stderr.decode() == f"webrtc-direct: {file}: No such file or directory\n"


@pytest.mark.parametrize("kind", ["identity", "certificate"])
@pytest.mark.parametrize("mode", [0o600, 0o400, 0o640, 0o604, 0o622])
def test_a_secret_that_others_can_read_is_a_warning(
    command: Command, listen: Callable[..., RunningListener], tmp_path: Path, kind: str, mode: int
) -> None:
    file = tmp_path / "a secret"
    assert command(kind, "new", str(file)).stderr == b""
    file.chmod(mode)
    warning = f"webrtc-direct: warning: {file} is secret, and others can read or change it (mode {mode:04o})"
    expected = f"{warning}: chmod 600 '{file}'\n" if mode & 0o077 else ""
    result = command(kind, "show", str(file))
    assert (result.returncode, result.stderr.decode()) == (0, expected)
    listener = listen(f"--{kind}", str(file))
    if kind == "identity":
        dialed = command("dial", listener.address, "--identity", str(file))
        assert (dialed.returncode, dialed.stderr.decode()) == (0, expected)
    code, _, stderr = listener.end(15)
    assert (code, stderr.decode()) == (0, expected)


@pytest.mark.parametrize("kind", ["identity", "certificate"])
def test_a_file_of_another_kind_is_refused_in_one_line(command: Command, tmp_path: Path, kind: str) -> None:
    file = tmp_path / "other"
    file.write_bytes(b"\xff\x00 not a key")
    result = command(kind, "show", str(file))
    assert result.returncode == 1
    assert len(result.stderr.splitlines()) == 1
    assert str(file).encode() in result.stderr


@pytest.fixture(scope="module")
def nowhere() -> str:
    """An address that is good, though nobody is there."""
    certhash = Certificate.generate().fingerprint.certhash
    return f"/ip6/2001:db8::7/udp/4001/webrtc-direct/certhash/{certhash}/p2p/{KeyPair.generate().peer_id}"


def test_an_address_is_explained_part_by_part(command: Command, nowhere: str) -> None:
    result = command("address", nowhere)
    assert result.returncode == 0
    text = result.stdout.decode()
    for part in ("/ip6/2001:db8::7", "/udp/4001", "/webrtc-direct", "/certhash/uEi", "/p2p/12D3"):
        assert f"\n{part}" in "\n" + text
    assert "\x1b" not in text


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_the_descriptions_of_an_address_are_printed(command: Command, nowhere: str, version: str) -> None:
    document = json.loads(command("address", nowhere, "--sdp", "--version", version, "--json").stdout)
    assert document["address"] == nowhere
    assert document["version"] == version
    assert document["offer"].startswith("v=0\r\n")
    assert f"a=ice-ufrag:libp2p+webrtc+{version}/" in document["answer"]
    assert "a=fingerprint:sha-256 " + document["fingerprint"] in document["answer"]
    text = command("address", nowhere, "--sdp", "--version", version).stdout.decode()
    assert text.count("a=max-message-size:16384") == 2
    assert "\r" not in text


def test_a_bad_address_is_explained_too(command: Command) -> None:
    result = command("address", "/ip4/127.0.0.1/udp/4001/quic-v1")
    assert result.returncode == 2
    assert b"quic-v1" in result.stderr
