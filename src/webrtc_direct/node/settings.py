"""What connections are made with, dialed or accepted: ``dial``, ``listen`` and ``Node`` alike take it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from webrtc_direct.bounds.limits import Limits
    from webrtc_direct.connection.handlers import Handler, OnStream
    from webrtc_direct.identity.certificate import Certificate
    from webrtc_direct.identity.identity import KeyPair
    from webrtc_direct.platform.base import LocalCertificate, Platform


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The same for all connections of a node. A certificate that is ``None`` is made when it is needed."""

    identity: KeyPair | None
    certificate: Certificate | None
    handlers: Mapping[str, Handler] | None
    on_stream: OnStream | None = None
    keep_alive: float | None
    limits: Limits
    platform: Platform

    async def own_certificate(self) -> LocalCertificate:
        """Return the certificate of one dial or one listener."""
        return self.certificate or await self.platform.make_certificate()
