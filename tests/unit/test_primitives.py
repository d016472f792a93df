"""The primitives by known answers: `cryptography`, WebCrypto and this package's Python give the same."""

from __future__ import annotations

import pytest

from webrtc_direct import primitives
from webrtc_direct.primitives import BadInput

pytestmark = pytest.mark.anyio

# RFC 8439 section 2.8.2.
KEY, NONCE = bytes(range(0x80, 0xA0)), bytes.fromhex("070000004041424344454647")
DATA = bytes.fromhex("50515253c0c1c2c3c4c5c6c7")
PLAINTEXT = (
    b"Ladies and Gentlemen of the class of '99: "
    b"If I could offer you only one tip for the future, sunscreen would be it."
)
CIPHERTEXT = bytes.fromhex(
    "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d6"
    "3dbea45e8ca9671282fafb69da92728b1a71de0a9e060b2905d6a5b67ecd3b36"
    "92ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc"
    "3ff4def08e4b7a9de576d26586cec64b61161ae10b594f09e26a7e902ecbd060"
    "0691"
)
# RFC 8032 section 7.1, TEST 2.
SEED = bytes.fromhex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb")
PUBLIC = bytes.fromhex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c")
SIGNED = b"\x72"
SIGNATURE = bytes.fromhex(
    "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
    "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
)


async def test_x25519() -> None:
    # RFC 7748 section 5.2.
    key = await primitives.x25519_key(
        bytes.fromhex("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4")
    )
    point = bytes.fromhex("e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c")
    (secret,) = await primitives.x25519(point, key)
    assert secret.hex() == "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552"


async def test_both_ends_of_x25519_share_a_secret() -> None:
    one, other = [await primitives.x25519_key(await primitives.random_bytes(32)) for _ in range(2)]
    assert one.public != other.public
    assert await primitives.x25519(other.public, one) == await primitives.x25519(one.public, other)


@pytest.mark.parametrize("point", [bytes(32), b"\x01" + bytes(31), b"\xec" + b"\xff" * 30 + b"\x7f"])
async def test_a_point_of_low_order_is_bad_input(point: bytes) -> None:
    key = await primitives.x25519_key(b"k" * 32)
    with pytest.raises(BadInput, match="low order"):
        await primitives.x25519(point, key)


async def test_chacha20_poly1305() -> None:
    assert (
        await primitives.chacha20_poly1305_encrypt(
            primitives.chacha20_poly1305_key(KEY), NONCE, PLAINTEXT, DATA
        )
        == CIPHERTEXT
    )
    assert (
        await primitives.chacha20_poly1305_decrypt(
            primitives.chacha20_poly1305_key(KEY), NONCE, CIPHERTEXT, DATA
        )
        == PLAINTEXT
    )


@pytest.mark.parametrize(
    ("ciphertext", "data"),
    [
        (CIPHERTEXT, b""),
        (CIPHERTEXT, DATA + b"x"),
        (b"\x00" + CIPHERTEXT[1:], DATA),
        (CIPHERTEXT[:-1] + b"\x00", DATA),
        (CIPHERTEXT[:-1], DATA),
        (CIPHERTEXT[:15], DATA),
        (b"", DATA),
    ],
)
async def test_changed_ciphertext_is_bad_input(ciphertext: bytes, data: bytes) -> None:
    with pytest.raises(BadInput, match="authentication failed"):
        await primitives.chacha20_poly1305_decrypt(
            primitives.chacha20_poly1305_key(KEY), NONCE, ciphertext, data
        )


async def test_nothing_is_encrypted_to_a_tag() -> None:
    tag = await primitives.chacha20_poly1305_encrypt(primitives.chacha20_poly1305_key(KEY), NONCE, b"", b"")
    assert len(tag) == 16
    assert (
        await primitives.chacha20_poly1305_decrypt(primitives.chacha20_poly1305_key(KEY), NONCE, tag, b"")
        == b""
    )


async def test_ed25519() -> None:
    assert primitives.ed25519_public_key(SEED) == PUBLIC
    assert await primitives.ed25519_sign(SEED, SIGNED) == SIGNATURE
    await primitives.ed25519_verify(PUBLIC, SIGNATURE, SIGNED)


@pytest.mark.parametrize(
    ("public", "signature", "signed"),
    [
        (PUBLIC, SIGNATURE, b""),
        (PUBLIC, SIGNATURE[:-1], SIGNED),
        (PUBLIC, b"", SIGNED),
        (PUBLIC, SIGNATURE[:32] + bytes(32), SIGNED),
        (PUBLIC, b"\xff" * 64, SIGNED),
        (SEED, SIGNATURE, SIGNED),
        (b"\xff" * 32, SIGNATURE, SIGNED),
    ],
)
async def test_another_ed25519_signature_is_bad_input(public: bytes, signature: bytes, signed: bytes) -> None:
    with pytest.raises(BadInput, match="invalid Ed25519 signature"):
        await primitives.ed25519_verify(public, signature, signed)


async def test_new_ed25519_keys_sign() -> None:
    seed, public = await primitives.ed25519_key()
    assert (seed, public) != await primitives.ed25519_key()
    assert primitives.ed25519_public_key(seed) == public
    await primitives.ed25519_verify(public, await primitives.ed25519_sign(seed, b"data"), b"data")


async def test_hkdf() -> None:
    # RFC 5869, test case 3.
    first, _ = await primitives.hkdf_sha256(b"", b"\x0b" * 22)
    assert first.hex() == "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d"


async def test_what_has_begun_gives_its_result_and_its_error() -> None:
    begun = primitives.begin(primitives.x25519_key(b"k" * 32))
    assert (await begun).public == (await primitives.x25519_key(b"k" * 32)).public
    refused = primitives.begin(
        primitives.chacha20_poly1305_decrypt(primitives.chacha20_poly1305_key(KEY), NONCE, bytes(16), DATA)
    )
    with pytest.raises(BadInput):
        await refused


async def test_what_has_begun_can_be_given_up() -> None:
    async def refused() -> bytes:
        key = primitives.chacha20_poly1305_key(KEY)
        return await primitives.chacha20_poly1305_decrypt(key, NONCE, bytes(16), DATA)

    for coroutine in (primitives.x25519_key(b"k" * 32), refused()):
        begun = primitives.begin(coroutine)
        begun.cancel()
        begun.cancel()
    # What others make meanwhile is made.
    await primitives.begin(primitives.x25519_key(b"k" * 32))
