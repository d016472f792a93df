"""Multibase, with the examples of its specification."""

from __future__ import annotations

import pytest

from webrtc_direct.encoding import multibase

TEXT = b"Decentralize everything!!"


@pytest.mark.parametrize(
    "encoded",
    [
        "f446563656e7472616c697a652065766572797468696e672121",
        "F446563656E7472616C697A652065766572797468696E672121",
        "birswgzloorzgc3djpjssazlwmvzhs5dinfxgoijb",
        "BIRSWGZLOORZGC3DJPJSSAZLWMVZHS5DINFXGOIJB",
        "cirswgzloorzgc3djpjssazlwmvzhs5dinfxgoijb",
        "k343ixo7d49hqj1ium15pgy1wzww5fxrid21td7l",
        "K343IXO7D49HQJ1IUM15PGY1WZWW5FXRID21TD7L",
        "zUXE7GvtEk8XTXs1GF8HSGbVA9FCX9SEBPe",
        "mRGVjZW50cmFsaXplIGV2ZXJ5dGhpbmchIQ",
        "MRGVjZW50cmFsaXplIGV2ZXJ5dGhpbmchIQ==",
        "uRGVjZW50cmFsaXplIGV2ZXJ5dGhpbmchIQ",
        "URGVjZW50cmFsaXplIGV2ZXJ5dGhpbmchIQ==",
    ],
)
def test_every_alphabet_is_read(encoded: str) -> None:
    assert multibase.decode(encoded) == TEXT


def test_base64url_is_written() -> None:
    assert multibase.encode_base64url(TEXT) == "uRGVjZW50cmFsaXplIGV2ZXJ5dGhpbmchIQ"
    assert multibase.encode_base64url(b"\xfb\xff") == "u-_8"


def test_leading_zeros_are_kept() -> None:
    assert multibase.decode("k001") == multibase.decode("z112") == b"\x00\x00\x01"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x00",
        "\N{ROCKET}",
        "f4",
        "f4X",
        "f44 44",
        "f44\t44",
        "fAB",
        "Fab",
        "bIRSW",
        "b1",
        "birswg===",
        "cme",
        "k1_1",
        "k-1",
        "k",
        "z0",
        "zUXE ",
        "m-_8",
        "u+/8",
        "u-_8=",
        "U-_8",
        "U-_8===",
        "u-_9",
        "b" + "a" * 300,
    ],
)
def test_what_is_not_written_in_its_alphabet_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        multibase.decode(text)
