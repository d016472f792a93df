"""Runs py-libp2p's own tests with our transport in place of TCP, and with TCP, and compares them.

Run as ``python -m tests.beside.own_tests.run [--wheel WHEEL] [--quick]``. It installs a release of libp2p and
this package into a fresh environment, and takes the tests from the release's source. A test that passes over
TCP and fails over our transport must have a cause in ``causes.json``. Without ``--quick`` it writes
``counts.json``, ``docs/py-libp2p-tests.md``, and ``docs/interop.md``, which shows the counts.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.beside import environment
from tests.beside.environment import RELEASE
from tests.beside.own_tests.comparison import ALL, Folder, Outcomes, Over, counts, page, problems, read_causes
from tests.faults.installing import ROOT, run

SOURCE = f"libp2p=={RELEASE} --hash=sha256:3fb1493d215d10205f56095014e21c3d4eec025a9becb3e73a768d1151f27fd0"
# Those that the release names for its tests, as far as these folders need them.
TOOLS = (
    "pytest",
    "pytest-trio",
    "pytest-timeout",
    "pytest-mock",
    "pytest-rerunfailures",
    "factory-boy>=2.12,<3",
)
FOLDERS = (
    "test_libp2p",
    "protocol_muxer",
    "perf",
    "request_response",
    "network",
    "identity",
    "host",
    "kad_dht",
    "pubsub",
)
QUICK = FOLDERS[:4]
# Of pubsub, the files that end in a few minutes and alike each time over TCP.
PUBSUB = tuple(
    f"test_{name}.py"
    for name in (
        "floodsub",
        "pubsub_notifee_integration",
        "subscribed_mesh_fixture",
        "gossipsub_direct_peers",
        "gossipsub_v12_integration",
        "gossipsub_v1_1_core_functionality",
    )
)
TRIES = 2
TEST_SECONDS = 60
FOLDER_SECONDS = 1200
HERE = Path(__file__).parent
PAGE = ROOT / "docs" / "py-libp2p-tests.md"
COUNTS = HERE / "counts.json"


@dataclass(frozen=True)
class Suite:
    """The release's tests, and a Python that has what they need."""

    python: Path
    source: Path
    results: Path

    def compare(self, name: str) -> Folder:
        """Run one folder over both."""
        files = PUBSUB if name == "pubsub" else ()
        folder = Folder(name=f"{ALL}{name}", tcp=Outcomes(), webrtc=Outcomes(), files=files)
        tests = [f"{folder.name}/{file}" for file in files] or [folder.name]
        self._try(Over.TCP, tests, folder.tcp)
        self._try(Over.WEBRTC, tests, folder.webrtc)
        for _ in range(TRIES - 1):
            self._try(Over.TCP, sorted(folder.tcp.failed), folder.tcp)
            self._try(Over.WEBRTC, folder.differences, folder.webrtc)
        return folder

    def _try(self, over: Over, tests: list[str], outcomes: Outcomes) -> None:
        if not tests:
            return
        self.results.unlink(missing_ok=True)
        self.results.touch()
        command = [self.python, "-m", "pytest", "-p", "transport_plugin", "--results", self.results]
        command += ["-q", "--tb=short", "-o", "addopts=", "-p", "no:cacheprovider"]
        command += ["--timeout", str(TEST_SECONDS), "--timeout-method", "signal"]
        command += ["--webrtc-direct"] if over is Over.WEBRTC else []
        # The plugin is found, and this repository's own tests are not.
        environment = {**os.environ, "PYTHONPATH": str(HERE)}
        print(f"{over.value}: {tests[0] if len(tests) == 1 else f'{len(tests)} of {tests[0]}'}", flush=True)
        with subprocess.Popen(
            [str(part) for part in [*command, *tests]],
            cwd=self.source,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        ) as process:
            try:
                output, _ = process.communicate(timeout=FOLDER_SECONDS)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                output, _ = process.communicate()
        outcomes.add_lines(self.results.read_text(encoding="utf-8").splitlines())
        print(output[-1000:], flush=True)


def main() -> int:
    """Return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--wheel", type=Path, help="this wheel, in place of one that is built")
    parser.add_argument("--quick", action="store_true", help="some of the folders, and no page")
    options = parser.parse_args()
    causes = read_causes((HERE / "causes.json").read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as temporary:
        suite = prepare(Path(temporary), options.wheel)
        folders = [suite.compare(name) for name in (QUICK if options.quick else FOLDERS)]
    found = problems(folders, causes)
    for problem in found:
        print(f"error: {problem}", file=sys.stderr)
    if not found and not options.quick:
        release = f"libp2p {RELEASE}"
        COUNTS.write_text(counts(folders, release), encoding="utf-8")
        PAGE.write_text(page(folders, causes, release), encoding="utf-8")
        run(sys.executable, "interop/run.py", "--rewrite")
    return 1 if found else 0


def prepare(directory: Path, wheel: Path | None) -> Suite:
    """Install what the tests need, and unpack them, in *directory*."""
    python = environment.make(directory / "environment", wheel, *TOOLS)
    requirement = directory / "source.txt"
    requirement.write_text(SOURCE, encoding="utf-8")
    pip = (python, "-m", "pip", "--disable-pip-version-check", "--quiet")
    # No binary: the tests are in the source alone.
    options = ("--require-hashes", "--no-deps", "--no-binary", "libp2p", "--dest", directory)
    run(*pip, "download", *options, "--requirement", requirement)
    (archive,) = directory.glob("libp2p-*.tar.gz")
    with tarfile.open(archive) as file:
        file.extractall(directory, filter="data")
    source = directory / f"libp2p-{RELEASE}"
    # The installed package is tested, not this copy.
    (source / "libp2p").rename(source / "libp2p-of-the-source")
    return Suite(python=python, source=source, results=directory / "results.jsonl")


if __name__ == "__main__":
    sys.exit(main())
