"""An address that cannot be bound is named, and the others serve where that was asked for."""

from __future__ import annotations

import errno
import socket
from typing import TYPE_CHECKING

import pytest
from tests.faults.support import ADDRESS, HANDLERS
from tests.support import echo

import webrtc_direct
from webrtc_direct import AddressError
from webrtc_direct.platform.memory import MemoryNetwork, MemoryPlatform

if TYPE_CHECKING:
    from collections.abc import Iterator

    from anyio.abc import TaskGroup

    from webrtc_direct.platform.base import ListenParameters
    from webrtc_direct.platform.memory import MemoryListener

# TEST-NET-1: no machine has it.
NOT_OURS = "/ip4/192.0.2.1/udp/0/webrtc-direct"


@pytest.fixture
def taken() -> Iterator[str]:
    """An address whose port somebody has."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        yield f"/ip4/127.0.0.1/udp/{other.getsockname()[1]}/webrtc-direct"


async def test_the_error_names_the_address(taken: str) -> None:
    for address, number in ((taken, errno.EADDRINUSE), (NOT_OURS, errno.EADDRNOTAVAIL)):
        with pytest.raises(OSError, match=address) as caught:
            async with webrtc_direct.listen([ADDRESS, address]):
                pytest.fail("bound")
        assert (caught.value.errno, caught.value.filename) == (number, address)


@pytest.mark.parametrize(
    ("number", "kind"),
    [(errno.EAFNOSUPPORT, OSError), (errno.EACCES, PermissionError), (errno.EINTR, InterruptedError)],
)
async def test_the_error_keeps_its_number_and_its_type(number: int, kind: type[OSError]) -> None:
    class Refusing(MemoryPlatform):
        """A system that refuses a socket."""

        async def listen(self, task_group: TaskGroup, parameters: ListenParameters) -> MemoryListener:
            raise OSError(number, f"refused {parameters.ip} in {task_group}")

    with pytest.raises(OSError, match="refused") as caught:
        async with webrtc_direct.listen(ADDRESS, platform=Refusing(MemoryNetwork())):
            pytest.fail("bound")
    assert (type(caught.value), caught.value.errno, caught.value.filename) == (kind, number, ADDRESS)


async def test_what_is_missing_is_told_and_the_rest_serves(taken: str, log: list[str]) -> None:
    async with webrtc_direct.listen(
        [taken, ADDRESS, NOT_OURS], allow_missing=True, handlers=HANDLERS
    ) as listener:
        assert [ip for ip, _ in listener.bound] == ["127.0.0.1"]
        assert {address: error.errno for address, error in listener.missing.items()} == {
            taken: errno.EADDRINUSE,
            NOT_OURS: errno.EADDRNOTAVAIL,
        }
        (address,) = listener.addresses
        assert f"/udp/{listener.bound[0][1]}/" in address
        async with webrtc_direct.dial(address) as connection:
            assert await echo(connection, b"hello") == b"hello"
    warnings = [line for line in log if line.startswith("WARNING")]
    assert [warning.partition(" continues without ")[2] for warning in warnings] == [
        f"{taken}: Address already in use",
        f"{NOT_OURS}: Cannot assign requested address",
    ]


@pytest.mark.usefixtures("log")  # It takes the listener out of the warning's record.
async def test_an_announced_port_0_is_that_of_a_socket_that_is_bound(taken: str) -> None:
    announced = "/ip4/203.0.113.7/udp/0/webrtc-direct"
    async with webrtc_direct.listen([taken, ADDRESS], allow_missing=True, announce=[announced]) as listener:
        ((_, port),) = listener.bound
        assert listener.addresses[0].startswith(f"/ip4/203.0.113.7/udp/{port}/")


async def test_nothing_is_missing_where_all_are_bound(log: list[str]) -> None:
    async with webrtc_direct.listen([ADDRESS, ADDRESS], allow_missing=True) as listener:
        assert (len(listener.bound), listener.missing) == (2, {})
    assert not any(line.startswith("WARNING") for line in log)


async def test_with_nothing_bound_it_fails_with_the_first_error(taken: str) -> None:
    with pytest.raises(OSError, match="in use") as caught:
        async with webrtc_direct.listen([taken, NOT_OURS], allow_missing=True):
            pytest.fail("bound")
    assert caught.value.filename == taken


async def test_what_is_no_address_is_an_error_all_the_same() -> None:
    with pytest.raises(AddressError):
        async with webrtc_direct.listen([ADDRESS, "/ip4/127.0.0.1/tcp/1"], allow_missing=True):
            pytest.fail("bound")
