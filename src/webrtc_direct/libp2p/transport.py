"""The transport that py-libp2p is given: what it dials, and the listeners that it makes."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, cast

import trio
from libp2p.abc import IListener, ITransport
from libp2p.transport.exceptions import OpenConnectionError

from webrtc_direct.bounds.limits import Limits
from webrtc_direct.errors import AddressError, HandshakeError
from webrtc_direct.identity.certificate import Certificate
from webrtc_direct.identity.identity import KeyPair
from webrtc_direct.libp2p.connection import Accepted, MuxedConn
from webrtc_direct.libp2p.home import Home
from webrtc_direct.libp2p.listener import ListenOptions, WebRtcDirectListener
from webrtc_direct.node.dialer import dial

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from libp2p.abc import IRawConnection
    from libp2p.crypto.keys import KeyPair as Libp2pKeyPair
    from libp2p.custom_types import THandler
    from multiaddr import Multiaddr

    from webrtc_direct.node.versions import DialVersion

_PROTOCOL = "webrtc-direct"


class WebRtcDirect(ITransport):
    """WebRTC-Direct, for ``new_host(transports=[...])``.

    *keys* are the host's own: Ed25519, secp256k1 or RSA. *certificate* is one, or the path of a file that
    holds it and is made where there is none; without it each transport has a new one, and its addresses
    change with it. *announce* are the addresses to tell others in place of the bound ones, as for
    ``webrtc_direct.listen``; *version* is that of the handshake when dialing.

    Raises:
        IdentityError: *keys* are of a kind that libp2p does not have.
        CertificateError, OSError: *certificate* cannot be read or made.
    """

    provides_native_muxing = True

    def __init__(
        self,
        keys: Libp2pKeyPair,
        *,
        certificate: Certificate | str | os.PathLike[str] | None = None,
        announce: Sequence[str] = (),
        limits: Limits | None = None,
        version: DialVersion = "auto",
    ) -> None:
        if isinstance(certificate, str | os.PathLike):
            certificate = Certificate.load_or_create(certificate)
        self._identity = KeyPair.from_protobuf(keys.private_key.serialize())
        self._limits = limits or Limits()
        self._version: DialVersion = version
        self._options = ListenOptions(
            self._identity, certificate or Certificate.generate(), tuple(announce), self._limits
        )
        self._home = Home()

    async def dial(self, maddr: Multiaddr) -> IRawConnection:
        """Return a connection to the peer that *maddr* names, by certhash and peer id.

        Raises:
            OpenConnectionError: there is none; its cause says why.
        """

        async def hold(started: Callable[[MuxedConn], None]) -> None:
            """Keep the connection as long as it lasts."""
            accepted = Accepted(self._limits)
            async with dial(
                maddr,
                identity=self._identity,
                on_stream=accepted.put,
                version=self._version,
                limits=self._limits,
            ) as connection:
                muxed = MuxedConn(connection, accepted)
                started(muxed)
                await muxed.run()

        try:
            muxed = await self._home.start(hold)
        except (AddressError, HandshakeError, trio.ClosedResourceError) as error:
            raise OpenConnectionError(f"cannot dial {maddr}: {error}") from error
        # The Swarm takes it for what it is; this type does not know of connections that have streams.
        return cast("IRawConnection", muxed)

    def create_listener(self, handler_function: THandler) -> IListener:
        """Return a listener that gives each connection to *handler_function*."""
        return WebRtcDirectListener(self._home, self._options, handler_function)

    def can_dial(self, maddr: Multiaddr) -> bool:
        """Say whether *maddr* is of a WebRTC-Direct listener, with the hash of its certificate."""
        names = {protocol.name for protocol in maddr.protocols()}
        return {_PROTOCOL, "certhash"} <= names and "p2p-circuit" not in names

    def can_listen(self, maddr: Multiaddr) -> bool:
        """Say whether *maddr* ends in ``/webrtc-direct``."""
        names = [protocol.name for protocol in maddr.protocols()]
        return names[-1:] == [_PROTOCOL]

    def protocols(self) -> list[str]:
        """The component that this transport is for."""
        return [_PROTOCOL]

    async def close(self) -> None:
        """End what is left of connections and listeners."""
        await self._home.close()
