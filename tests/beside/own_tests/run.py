"""Runs py-libp2p's own tests with our transport in place of TCP, and with TCP, and compares them.

Run as ``python -m tests.beside.own_tests.run [--wheel WHEEL]``. It installs a release of libp2p and this
package into a fresh environment, and takes the tests from the release's source. A test that passes over TCP
and fails over our transport must have a cause in ``causes.json``. It writes ``counts.json``,
``docs/py-libp2p-tests.md``, and ``docs/interop.md``, which shows the counts.

``tests.beside.check`` runs the quick part, in an environment of its own.
"""

from __future__ import annotations

import argparse
import math
import os
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

from tests.beside.environment import RELEASE, libp2p_environment
from tests.beside.own_tests.comparison import (
    ALL,
    Cause,
    Folder,
    Outcomes,
    Over,
    counts,
    page,
    problems,
    read_causes,
)
from tests.faults.installing import ROOT, install, run

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
# For all of the quick part, which takes two minutes.
QUICK_SECONDS = 300
HERE = Path(__file__).parent
PAGE = ROOT / "docs" / "py-libp2p-tests.md"
COUNTS = HERE / "counts.json"


@dataclass(frozen=True)
class Suite:
    """The release's tests, and a Python that has what they need. They must be done at the *deadline*."""

    python: Path
    source: Path
    results: Path
    deadline: float = math.inf

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
            left = self.deadline - time.monotonic()
            try:
                output, _ = process.communicate(timeout=min(FOLDER_SECONDS, left))
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                output, _ = process.communicate()
                if left <= FOLDER_SECONDS:
                    raise SystemExit(f"error: no time is left for {tests[0]} over {over.value}") from None
        outcomes.add_lines(self.results.read_text(encoding="utf-8").splitlines())
        print(output[-1000:], flush=True)


def main() -> None:
    """Run all folders, and write the pages."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--wheel", type=Path, help="this wheel, in place of one that is built")
    wheel: Path | None = parser.parse_args().wheel
    with tempfile.TemporaryDirectory() as temporary:
        directory = Path(temporary)
        python = libp2p_environment(directory / "environment", wheel)
        folders, causes = compare(prepare(python, directory), FOLDERS)
    release = f"libp2p {RELEASE}"
    COUNTS.write_text(counts(folders, release), encoding="utf-8")
    PAGE.write_text(page(folders, causes, release), encoding="utf-8")
    run(sys.executable, "interop/run.py", "--rewrite")


def compare_quick(python: Path, directory: Path) -> None:
    """Run those that take a few minutes, with a Python that has the release and this package.

    Raises:
        SystemExit: a difference has no cause, or a cause no difference, or it takes too long.
    """
    suite = replace(prepare(python, directory), deadline=time.monotonic() + QUICK_SECONDS)
    compare(suite, QUICK)


def compare(suite: Suite, names: tuple[str, ...]) -> tuple[list[Folder], dict[str, Cause]]:
    """Run the folders of these *names* over both.

    Raises:
        SystemExit: a difference has no cause, or a cause no difference.
    """
    causes = read_causes((HERE / "causes.json").read_text(encoding="utf-8"))
    folders = [suite.compare(name) for name in names]
    if found := problems(folders, causes):
        raise SystemExit("\n".join(f"error: {problem}" for problem in found))
    return folders, causes


def prepare(python: Path, directory: Path) -> Suite:
    """Install what the tests need for *python*, and unpack them, in *directory*."""
    install(python, *TOOLS)
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
    main()
