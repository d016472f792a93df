"""DTLS certificates: made, kept in files, and refused when they cannot serve."""

from __future__ import annotations

import subprocess
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)
from cryptography.x509.oid import NameOID

from webrtc_direct.errors import CertificateError
from webrtc_direct.identity.certificate import Certificate
from webrtc_direct.identity.fingerprint import Fingerprint

PrivateKey = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey
NOW = datetime.now(UTC)


def pem(
    key: PrivateKey,
    *,
    not_before: datetime = NOW - timedelta(days=1),
    not_after: datetime = NOW + timedelta(days=1),
) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    algorithm = None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    certificate = builder.not_valid_before(not_before).not_valid_after(not_after).sign(key, algorithm)
    return certificate.public_bytes(Encoding.PEM)


def key_pem(
    key: PrivateKey, kind: PrivateFormat = PrivateFormat.PKCS8, password: bytes | None = None
) -> bytes:
    encryption = NoEncryption() if password is None else BestAvailableEncryption(password)
    return key.private_bytes(Encoding.PEM, kind, encryption)


def of_unknown_version(made: bytes) -> bytes:
    """*made*, with a version that X.509 does not have: cryptography has an exception of its own for that."""
    der = x509.load_pem_x509_certificate(made).public_bytes(Encoding.DER)
    changed = der.replace(bytes.fromhex("a003020102"), bytes.fromhex("a00302013e"), 1)
    assert changed != der
    lines = b64encode(changed)
    return b"-----BEGIN CERTIFICATE-----\n" + lines + b"\n-----END CERTIFICATE-----\n"


KEY = ec.generate_private_key(ec.SECP256R1())
OTHER_KEY = ec.generate_private_key(ec.SECP256R1())
P384_KEY = ec.generate_private_key(ec.SECP384R1())
ED25519_KEY = ed25519.Ed25519PrivateKey.generate()


def test_generated_certificate_is_p256_self_signed_and_does_not_expire() -> None:
    certificate = Certificate.generate()
    parsed = x509.load_der_x509_certificate(certificate.der)
    public_key = parsed.public_key()
    assert isinstance(public_key, ec.EllipticCurvePublicKey)
    assert isinstance(public_key.curve, ec.SECP256R1)
    parsed.verify_directly_issued_by(parsed)
    assert parsed.not_valid_before_utc < NOW
    assert parsed.not_valid_after_utc == datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
    key = load_der_private_key(certificate.private_key_der, password=None)
    assert key.public_key() == public_key
    assert certificate.fingerprint == Fingerprint.from_certificate(certificate.der)


def test_generated_certificates_share_nothing_but_their_meaningless_name() -> None:
    first, second = (x509.load_der_x509_certificate(Certificate.generate().der) for _ in range(2))
    assert first.serial_number != second.serial_number
    assert first.public_key() != second.public_key()
    assert first.subject == second.subject


def test_certificate_survives_in_a_file_that_only_its_owner_reads(tmp_path: Path) -> None:
    path = tmp_path / "certificate.pem"
    certificate = Certificate.load_or_create(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert Certificate.load_or_create(path) == Certificate.load(path) == certificate
    other = Certificate.generate()
    other.save(path)
    assert Certificate.load(path).fingerprint == other.fingerprint
    assert [file.name for file in tmp_path.iterdir()] == ["certificate.pem"]


def test_certificate_made_elsewhere_is_loaded_with_its_fingerprint(tmp_path: Path) -> None:
    path = tmp_path / "certificate.pem"
    made = pem(KEY)
    path.write_bytes(key_pem(KEY, PrivateFormat.TraditionalOpenSSL) + made)
    loaded = Certificate.load(path)
    assert loaded.der == x509.load_pem_x509_certificate(made).public_bytes(Encoding.DER)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "no certificate"),
        (b"nonsense", "no certificate"),
        (b"x" * 100_000, "larger than"),
        (of_unknown_version(pem(KEY)) + key_pem(KEY), "no certificate"),
        (pem(KEY), "no usable private key"),
        (key_pem(KEY), "no certificate"),
        (pem(KEY) + key_pem(OTHER_KEY), "do not belong together"),
        (pem(KEY) + pem(OTHER_KEY) + key_pem(KEY), "exactly one"),
        (pem(P384_KEY) + key_pem(P384_KEY), "P-256"),
        (pem(ED25519_KEY) + key_pem(ED25519_KEY), "P-256"),
        (pem(KEY) + key_pem(KEY, password=b"secret"), "encrypted"),
        (pem(KEY, not_after=NOW - timedelta(hours=1)) + key_pem(KEY), "expired on"),
        (pem(KEY, not_before=NOW + timedelta(hours=1)) + key_pem(KEY), "not valid before"),
    ],
)
def test_certificate_that_cannot_serve_is_refused_by_name(
    tmp_path: Path, content: bytes, problem: str
) -> None:
    path = tmp_path / "certificate.pem"
    path.write_bytes(content)
    with pytest.raises(CertificateError, match=problem) as caught:
        Certificate.load_or_create(path)
    assert caught.value.path == path
    assert str(path) in str(caught.value)
    assert path.read_bytes() == content


def test_missing_certificate_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Certificate.load(tmp_path / "certificate.pem")


def test_secret_is_not_shown() -> None:
    certificate = Certificate.generate()
    assert repr(certificate.private_key_der) not in repr(certificate)


def test_openssl_reads_the_file(tmp_path: Path) -> None:
    path = tmp_path / "certificate.pem"
    Certificate.load_or_create(path)
    command = ["openssl", "x509", "-noout", "-enddate", "-in", str(path)]
    try:
        shown = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    except FileNotFoundError:
        pytest.skip("needs the openssl command")
    assert shown.strip() == "notAfter=Dec 31 23:59:59 9999 GMT"
