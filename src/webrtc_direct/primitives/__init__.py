"""Cryptographic primitives, from wherever this Python has them; they know nothing of libp2p or of Noise.

The functions are ``async`` because a browser's WebCrypto answers only asynchronously. On CPython
they call ``cryptography``, or ``hashlib`` where that is quicker for small inputs, and never
suspend. In a browser they call WebCrypto for what is secret and Python for what is not; Python
also does what the browser lacks, which ``in_use`` tells. A coroutine that awaits nothing else is
run by ``begin``, which in a browser is quicker than to await it.

A check that fails raises :exc:`BadInput`.
"""

from __future__ import annotations

from webrtc_direct.primitives.common import (
    RSA_BITS,
    BadInput,
    Begun,
    ChaChaKey,
    SignatureScheme,
    X25519Key,
    hkdf_sha256,
    hmac_sha256,
    random_bytes,
    sha256,
)
from webrtc_direct.runtime.environment import IN_BROWSER

if IN_BROWSER:
    from webrtc_direct.primitives.browser import (
        OTHER_SCHEMES,
        chacha20_poly1305_decrypt,
        chacha20_poly1305_encrypt,
        chacha20_poly1305_key,
        ecdsa_verify,
        ed25519_key,
        ed25519_public_key,
        ed25519_sign,
        ed25519_verify,
        in_use,
        rsa_verify,
        secp256k1_verify,
        x25519,
        x25519_key,
    )
    from webrtc_direct.primitives.browser_promises import begin
else:
    from webrtc_direct.primitives.native import (
        begin,
        chacha20_poly1305_decrypt,
        chacha20_poly1305_encrypt,
        chacha20_poly1305_key,
        ecdsa_verify,
        ed25519_key,
        ed25519_public_key,
        ed25519_sign,
        ed25519_verify,
        in_use,
        rsa_verify,
        secp256k1_verify,
        x25519,
        x25519_key,
    )
    from webrtc_direct.primitives.own_keys import OTHER_SCHEMES

__all__ = [
    "OTHER_SCHEMES",
    "RSA_BITS",
    "BadInput",
    "Begun",
    "ChaChaKey",
    "SignatureScheme",
    "X25519Key",
    "begin",
    "chacha20_poly1305_decrypt",
    "chacha20_poly1305_encrypt",
    "chacha20_poly1305_key",
    "ecdsa_verify",
    "ed25519_key",
    "ed25519_public_key",
    "ed25519_sign",
    "ed25519_verify",
    "hkdf_sha256",
    "hmac_sha256",
    "in_use",
    "random_bytes",
    "rsa_verify",
    "secp256k1_verify",
    "sha256",
    "x25519",
    "x25519_key",
]
