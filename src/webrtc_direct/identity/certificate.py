"""Step 2 of a connection: the self-signed DTLS certificate whose hash stands in the address.

libp2p spec "WebRTC Direct": ECDSA with P-256. A certificate says nothing about its owner
(the identity is proved by Noise) and does not expire, so that a listener's address stays
valid; a file holds the certificate and its key as PEM.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID

from webrtc_direct.errors import CertificateError
from webrtc_direct.identity.fingerprint import Fingerprint
from webrtc_direct.runtime.files import create_file, read_file, replace_file

if TYPE_CHECKING:
    import os

_MAX_FILE = 65536
# The same in every certificate, so that neither tells anything about whoever made it.
_SUBJECT = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "WebRTC")])
_NOT_BEFORE = datetime(2000, 1, 1, tzinfo=UTC)
# RFC 5280 section 4.1.2.5: this date stands for "no expiry".
_NOT_AFTER = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)


@dataclass(frozen=True)
class Certificate:
    """A DTLS certificate with its private key."""

    der: bytes
    """The certificate (X.509, DER)."""
    private_key_der: bytes = field(repr=False)
    """Its private key (PKCS #8, DER). It is secret."""

    @classmethod
    def generate(cls) -> Certificate:
        """Make a certificate with a new key. It does not expire."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = (
            x509.CertificateBuilder()
            .subject_name(_SUBJECT)
            .issuer_name(_SUBJECT)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(_NOT_BEFORE)
            .not_valid_after(_NOT_AFTER)
            .sign(key, hashes.SHA256())
        )
        return _of(certificate, key)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Certificate:
        """Read a file with a certificate and its private key in PEM.

        Raises:
            CertificateError: it does not hold a valid P-256 certificate with its key.
            OSError: it cannot be read.
        """
        try:
            return _from_pem(read_file(path, max_bytes=_MAX_FILE), datetime.now(UTC))
        except ValueError as error:
            raise CertificateError(str(error), path=path) from error

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write certificate and key to a file with mode 0600, whole or not at all. Raises OSError."""
        replace_file(path, _to_pem(self))

    @classmethod
    def load_or_create(cls, path: str | os.PathLike[str]) -> Certificate:
        """Read a certificate file, or create it if it does not exist. Raises what ``load`` raises."""
        try:
            return cls.load(path)
        except FileNotFoundError:
            certificate = cls.generate()
        try:
            create_file(path, _to_pem(certificate))
        except FileExistsError:
            return cls.load(path)
        return certificate

    @property
    def fingerprint(self) -> Fingerprint:
        """SHA-256 of the certificate, which the address contains."""
        return Fingerprint.from_certificate(self.der)


def _of(certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> Certificate:
    return Certificate(
        der=certificate.public_bytes(Encoding.DER),
        private_key_der=key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()),
    )


def _to_pem(certificate: Certificate) -> bytes:
    key = load_der_private_key(certificate.private_key_der, password=None)
    pem = x509.load_der_x509_certificate(certificate.der).public_bytes(Encoding.PEM)
    return pem + key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _from_pem(pem: bytes, now: datetime) -> Certificate:
    """Raises ValueError, in words for the user."""
    try:
        certificates = x509.load_pem_x509_certificates(pem)
    except (ValueError, x509.InvalidVersion) as error:
        raise ValueError("no certificate in PEM") from error
    if len(certificates) != 1:
        raise ValueError(f"{len(certificates)} certificates; exactly one is needed")
    certificate = certificates[0]
    key = _load_key(pem)
    try:
        public_key = certificate.public_key()
    except (ValueError, UnsupportedAlgorithm) as error:
        raise ValueError("the certificate is not one for ECDSA on P-256") from error
    if public_key != key.public_key():
        raise ValueError("certificate and private key do not belong together")
    if now < certificate.not_valid_before_utc:
        raise ValueError(f"not valid before {certificate.not_valid_before_utc:%Y-%m-%d %H:%M:%S} UTC")
    if now > certificate.not_valid_after_utc:
        raise ValueError(f"expired on {certificate.not_valid_after_utc:%Y-%m-%d %H:%M:%S} UTC")
    return _of(certificate, key)


def _load_key(pem: bytes) -> ec.EllipticCurvePrivateKey:
    try:
        key = load_pem_private_key(pem, password=None)
    except TypeError as error:
        raise ValueError("the private key is encrypted; it must not be") from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise ValueError("no usable private key in PEM") from error
    if isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP256R1):
        return key
    raise ValueError("the private key is not an ECDSA key on P-256")
