"""Where the page is served, and by which names it may be called."""

from __future__ import annotations

import pytest

from webrtc_direct.web.address import WebAddress


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("8080", "127.0.0.1:8080"),
        ("localhost:8080", "127.0.0.1:8080"),
        ("127.0.0.1:0", "127.0.0.1:0"),
        ("[::1]:0", "[::1]:0"),
        ("0.0.0.0:65535", "0.0.0.0:65535"),
    ],
)
def test_an_address_is_an_ip_and_a_port(text: str, address: str) -> None:
    assert str(WebAddress.parse(text)) == address


@pytest.mark.parametrize(
    "text",
    [
        "", "x", "-1", "65536", "080800", "٣", "127.0.0.1", "127.0.0.1:", ":8080", "example.org:80",
        "::1:8080", "[::1]", "[127.0.0.1]:80", "[fe80::1%eth0]:80",
        "http://127.0.0.1:80", "127.0.0.1:80/", "1.2.3:80",
    ],
)  # fmt: skip
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"port|IP"):
        WebAddress.parse(text)


@pytest.mark.parametrize(
    ("bound", "url", "loopback"),
    [
        ("127.0.0.1:8080", "http://127.0.0.1:8080/", True),
        ("127.9.9.9:8080", "http://127.9.9.9:8080/", True),
        ("[::1]:8080", "http://[::1]:8080/", True),
        ("0.0.0.0:8080", "http://127.0.0.1:8080/", False),
        ("[::]:8080", "http://[::1]:8080/", False),
        ("192.0.2.1:8080", "http://192.0.2.1:8080/", False),
    ],
)
def test_the_url_is_what_a_browser_here_can_open(bound: str, url: str, loopback: bool) -> None:
    address = WebAddress.parse(bound)
    assert (address.url, address.is_loopback) == (url, loopback)


@pytest.mark.parametrize(
    ("bound", "hosts"),
    [
        ("127.0.0.1:8080", ("127.0.0.1:8080", "LocalHost:8080", "[::1]:8080", "[0:0::1]:8080")),
        ("127.0.0.1:80", ("127.0.0.1", "localhost", "[::1]", "localhost:80")),
        ("192.0.2.1:8080", ("192.0.2.1:8080", "localhost:8080")),
        ("0.0.0.0:8080", ("192.0.2.7:8080", "[2001:db8::1]:8080", "localhost:8080")),
        ("[::]:8080", ("[2001:DB8::1]:8080",)),
    ],
)  # fmt: skip
def test_it_answers_to_its_own_names(bound: str, hosts: tuple[str, ...]) -> None:
    address = WebAddress.parse(bound)
    assert [host for host in hosts if not address.answers_to(host)] == []


@pytest.mark.parametrize(
    ("bound", "hosts"),
    [
        (
            "127.0.0.1:8080",
            (
                "", "127.0.0.1", "127.0.0.1:8081", "localhost:80800", "evil.example:8080", "0.0.0.0:8080",
                "localhost.evil:8080", "192.0.2.7:8080", "127.0.0.1:8080, x", "127.0.0.1:8080@evil", ":8080",
                "localhost:٨٠٨٠", "[::1]:8080:8080", "::1:8080", "[::1%1]:8080", "[localhost]:8080", "[", "]",
                "localhost.:8080",
            ),
        ),
        ("0.0.0.0:8080", ("evil.example:8080", "192.0.2.7", "192.0.2.7.evil:8080", "[fe80::1%eth0]:8080")),
    ],
)  # fmt: skip
def test_it_answers_to_no_other_name(bound: str, hosts: tuple[str, ...]) -> None:
    address = WebAddress.parse(bound)
    assert [host for host in hosts if address.answers_to(host)] == []
