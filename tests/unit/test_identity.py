"""Keys, signatures and peer ids of every kind that libp2p knows."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from webrtc_direct import primitives
from webrtc_direct.errors import IdentityError
from webrtc_direct.identity.identity import KeyPair, KeyType, PeerId, PublicKey

pytestmark = pytest.mark.anyio

VECTORS = Path(__file__).parent.parent / "vectors"
KEYS = json.loads((VECTORS / "libp2p_keys.json").read_text())
# Made with `cryptography`, which a browser does not have.
SIGNATURES = json.loads((VECTORS / "signatures.json").read_text())
DATA = bytes.fromhex(SIGNATURES["data"])


def vector(name: str, part: str) -> bytes:
    return bytes.fromhex(SIGNATURES[name][part])


def key_of_spec(kind: str) -> PublicKey:
    return PublicKey.from_protobuf(bytes.fromhex(KEYS[kind]["public"]))


@pytest.mark.parametrize("kind", ["ed25519", "secp256k1", "ecdsa"])
def test_public_keys_of_the_spec_are_read_and_written_unchanged(kind: str) -> None:
    key = key_of_spec(kind)
    assert key.type.name == kind.upper()
    assert key.to_protobuf().hex() == KEYS[kind]["public"]


def test_short_key_stands_in_the_peer_id_and_a_long_one_is_hashed() -> None:
    # The text of the Ed25519 key of the spec; the others are of the same kind.
    assert str(key_of_spec("ed25519").peer_id).startswith("12D3KooW")
    assert str(key_of_spec("secp256k1").peer_id).startswith("16Uiu2HA")
    assert str(key_of_spec("ecdsa").peer_id).startswith("Qm")


async def test_a_new_identity_signs_and_is_kept() -> None:
    first, second = await KeyPair.create(), await KeyPair.create()
    assert first != second
    assert KeyPair.from_protobuf(first.to_protobuf()) == first
    await first.public_key.verify(await first.sign(DATA), DATA)


async def test_ed25519_signature() -> None:
    pair = KeyPair.from_protobuf(bytes.fromhex(KEYS["ed25519"]["private"]))
    assert pair.public_key == key_of_spec("ed25519")
    signature = await pair.sign(DATA)
    await pair.public_key.verify(signature, DATA)
    with pytest.raises(IdentityError, match="Ed25519 signature"):
        await pair.public_key.verify(signature, DATA + b"x")


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (KeyType.SECP256K1, "secp256k1"),
        (KeyType.SECP256K1, "secp256k1 uncompressed"),
        (KeyType.ECDSA, "P-256"),
        (KeyType.ECDSA, "P-384"),
        (KeyType.ECDSA, "P-521"),
        (KeyType.RSA, "RSA 2048"),
    ],
)
async def test_signature_of_a_peer(kind: KeyType, name: str) -> None:
    key = PublicKey.from_protobuf(PublicKey(kind, vector(name, "key")).to_protobuf())
    signature = vector(name, "signature")
    await key.verify(signature, DATA)
    with pytest.raises(IdentityError, match=f"(?i){kind.name}"):
        await key.verify(signature, DATA + b"x")


async def test_secp256k1_key_beside_the_curve_is_refused() -> None:
    key = PublicKey(KeyType.SECP256K1, b"\x02" + b"\xff" * 32)
    with pytest.raises(IdentityError, match="secp256k1"):
        await key.verify(vector("secp256k1", "signature"), DATA)


async def test_ecdsa_key_on_another_curve_is_refused() -> None:
    name = "ECDSA on secp256k1"
    with pytest.raises(IdentityError, match="P-256"):
        await PublicKey(KeyType.ECDSA, vector(name, "key")).verify(vector(name, "signature"), DATA)


async def test_largest_rsa_key() -> None:
    vector = {name: value for name, value in json.loads((VECTORS / "rsa_8192.json").read_text()).items()}
    key = PublicKey(KeyType.RSA, bytes.fromhex(vector["spki"]))
    assert PublicKey.from_protobuf(key.to_protobuf()) == key
    await key.verify(bytes.fromhex(vector["signature"]), bytes.fromhex(vector["data"]))


@pytest.mark.parametrize("bits", [1024, 2040, 8200])
async def test_rsa_key_of_another_size_is_refused(bits: int) -> None:
    with pytest.raises(IdentityError, match=f"{bits} bits"):
        await PublicKey(KeyType.RSA, vector(f"RSA {bits}", "key")).verify(bytes(bits // 8), DATA)


@pytest.mark.parametrize(("kind", "other"), [(KeyType.RSA, "P-256"), (KeyType.ECDSA, "RSA 2048")])
async def test_key_that_does_not_parse_is_refused_when_used(kind: KeyType, other: str) -> None:
    with pytest.raises(IdentityError):
        await PublicKey(kind, b"nonsense").verify(b"", DATA)
    with pytest.raises(IdentityError):
        await PublicKey(kind, vector(other, "key")).verify(b"", DATA)


@pytest.mark.parametrize(
    ("encoded", "problem"),
    [
        ("", "missing"),
        ("0801", "missing"),
        ("120100", "missing"),
        ("08051200", "missing"),  # a kind that nobody knows
        ("ff", "not a libp2p"),
        ("0801121f" + "00" * 31, "31 bytes"),
        ("08021220" + "00" * 32, "32 bytes"),
        ("00" * 3000, "more than"),
    ],
)
def test_what_is_no_public_key_is_refused(encoded: str, problem: str) -> None:
    with pytest.raises(IdentityError, match=problem):
        PublicKey.from_protobuf(bytes.fromhex(encoded))


@pytest.mark.parametrize(
    ("encoded", "problem"),
    [
        ("", "missing"),
        ("ff", "not a libp2p"),
        ("0801121f" + "00" * 31, "too short"),
        ("08011240" + "00" * 64, "belong together"),
        ("08011221" + "00" * 33, "belong together"),
    ],
)
def test_what_cannot_be_an_identity_is_refused(encoded: str, problem: str) -> None:
    with pytest.raises(IdentityError, match=problem):
        KeyPair.from_protobuf(bytes.fromhex(encoded))


def test_old_form_of_a_private_key_is_read() -> None:
    old = bytes.fromhex(KEYS["ed25519"]["private"])
    old = b"\x08\x01\x12\x60" + old[4:] + old[-32:]
    assert KeyPair.from_protobuf(old).public_key == key_of_spec("ed25519")


def test_private_key_without_its_public_half_is_read() -> None:
    # py-libp2p writes the seed alone.
    whole = bytes.fromhex(KEYS["ed25519"]["private"])
    pair = KeyPair.from_protobuf(b"\x08\x01\x12\x20" + whole[4:36])
    assert pair.to_protobuf() == whole


@pytest.mark.parametrize("kind", ["secp256k1", "ecdsa"])
def test_identity_of_another_kind(kind: str) -> None:
    encoded = bytes.fromhex(KEYS[kind]["private"])
    if primitives.OTHER_SCHEMES:
        pair = KeyPair.from_protobuf(encoded)
        assert pair.public_key == key_of_spec(kind)
        assert pair.to_protobuf() == encoded
    else:
        # In a page.
        with pytest.raises(IdentityError, match="only Ed25519"):
            KeyPair.from_protobuf(encoded)


def test_identity_survives_in_a_file_that_only_its_owner_reads(tmp_path: Path) -> None:
    path = tmp_path / "identity"
    pair = KeyPair.load_or_create(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert KeyPair.load_or_create(path) == KeyPair.load(path) == pair
    other = KeyPair.generate()
    other.save(path)
    assert KeyPair.load(path).peer_id == other.peer_id != pair.peer_id
    assert [file.name for file in tmp_path.iterdir()] == ["identity"]


def test_identity_file_has_the_bytes_that_other_libp2ps_write(tmp_path: Path) -> None:
    path = tmp_path / "identity"
    path.write_bytes(bytes.fromhex(KEYS["ed25519"]["private"]))
    pair = KeyPair.load(path)
    pair.save(path)
    assert path.read_bytes().hex() == KEYS["ed25519"]["private"]


@pytest.mark.parametrize("content", [b"", b"-----BEGIN", b"x" * 20000])
def test_broken_identity_file_is_named_and_left_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "identity"
    path.write_bytes(content)
    with pytest.raises(IdentityError) as caught:
        KeyPair.load_or_create(path)
    assert caught.value.path == path
    assert str(path) in str(caught.value)
    assert path.read_bytes() == content


def test_missing_identity_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        KeyPair.load(tmp_path / "identity")


def test_secret_is_not_shown() -> None:
    pair = KeyPair.generate()
    secret = pair.to_protobuf()[4:36]
    assert secret.hex() not in repr(pair)
    assert repr(secret) not in repr(pair)


def test_peer_ids_are_values() -> None:
    pair = KeyPair.generate()
    peer_id = PeerId.from_string(str(pair.peer_id))
    assert peer_id == pair.peer_id == PeerId.from_bytes(peer_id.multihash)
    assert {peer_id: 1}[pair.peer_id] == 1
    assert str(peer_id) in repr(peer_id)


@pytest.mark.parametrize(
    "multihash",
    [
        b"",
        b"\x00",
        b"\x00\x00",
        b"\x00\x02a",
        b"\x00\x2b" + bytes(43),
        b"\x12\x20" + bytes(31),
        b"\x11\x14" + bytes(20),
    ],
)
def test_what_is_no_peer_id_is_refused(multihash: bytes) -> None:
    with pytest.raises(IdentityError, match="not a peer id"):
        PeerId.from_bytes(multihash)


@pytest.mark.parametrize("text", ["", "1", "Qm", "1" * 500, "12D3KooWé", "b", "z", "k51l", "?", "bafz"])
def test_what_is_no_peer_id_text_is_refused(text: str) -> None:
    with pytest.raises(IdentityError, match="not a peer id"):
        PeerId.from_string(text)


def test_ed25519_keys_are_raw() -> None:
    public = bytes(range(32))
    assert PublicKey(KeyType.ED25519, public).to_protobuf() == b"\x08\x01\x12\x20" + public
