"""The floods: what ``rust/flood`` sends, from how many networks, and how fast."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

from webrtc_direct import Certificate, WebRtcDirectAddress

RUST = Path(__file__).resolve().parent.parent / "rust"
PROGRAM = RUST / "target" / "release" / "webrtc-direct-flood"
# Of the order in which the sources take their turns.
SEED = 1
JOINED = 32
# As many as 127.0.0.0/8 has, less those that others use.
MOST_NETWORKS = 65_024
# Where all sources of IPv6 are; whoever is flooded over IPv6 has to keep it to itself.
IP6_PREFIX = "fd0f:100d::/40"


@dataclass(frozen=True, kw_only=True)
class Flood:
    """A kind of flood: from how many networks, how many datagrams leave at once, and per second."""

    kind: str
    networks: int
    batch: int = 1
    rate: int | None = None
    is_ip6: bool = False

    def __str__(self) -> str:
        how = f"{self.rate}/s" if self.rate is not None else "joined" if self.batch > 1 else "single"
        networks = f"{self.networks} /56" if self.is_ip6 else f"{self.networks}"
        return f"{self.kind}, {networks}, {how}"

    @property
    def is_of_clients(self) -> bool:
        """Whether clients connect, which pay for what they do; then *rate* counts clients."""
        return self.kind.startswith("after-")

    def command(self, target: str, *more: str) -> tuple[str, ...]:
        """Return how it is started against *target*, an address with its port."""
        options = ["--networks", str(self.networks), "--batch", str(self.batch), "--random", str(SEED)]
        if self.rate is not None:
            options += ["--rate", str(self.rate)]
        return (str(PROGRAM), target, self.kind, *options, *more)


def client_options(address: str, folder: Path) -> tuple[str, ...]:
    """Return what clients of the listener at the multiaddr *address* need beside; some goes into *folder*."""
    fingerprint = WebRtcDirectAddress.parse(address).fingerprint
    if fingerprint is None:
        raise ValueError(f"no certhash in {address}")
    certificate = Certificate.generate()
    (folder / "certificate.der").write_bytes(certificate.der)
    (folder / "key.der").write_bytes(certificate.private_key_der)
    return (
        *("--fingerprint", fingerprint.digest.hex()),
        *("--certificate", str(folder / "certificate.der")),
        *("--key", str(folder / "key.der")),
    )


def build() -> None:
    """Build the flooder unless it is newer than its sources.

    Raises:
        SystemExit: it does not build.
    """
    # With --workspace its libraries are built as the extension's are, and so not once more.
    command = ["cargo", "build", "--release", "--locked", "--quiet", "--workspace", "--bin", PROGRAM.name]
    command += ["--manifest-path", str(RUST / "Cargo.toml"), "--target-dir", str(PROGRAM.parent.parent)]
    if subprocess.run(command, check=False, cwd=RUST.parent).returncode != 0:
        raise SystemExit("error: rust/flood does not build")
