"""The protocol's unit tests, run by the Python of a page.

Not in Node.js 22, which can neither suspend WebAssembly, as async tests need, nor compute ChaCha20-Poly1305.
"""

from __future__ import annotations

import importlib
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

chromium: Any = importlib.import_module("chromium")

TESTS = chromium.ROOT / "tests"
RUN = (
    "test_errors.py",
    "test_identity.py",
    "test_limits.py",
    "test_message.py",
    "test_multiaddr.py",
    "test_multiaddr_binary.py",
    "test_multibase.py",
    "test_multistream.py",
    "test_names.py",
    "test_noise.py",
    "test_peer_record.py",
    "test_primitives.py",
    "test_sdp.py",
    "test_send_credit.py",
    "test_stream_state.py",
)
# These run once more without WebCrypto.
WITH_CRYPTOGRAPHY = ("test_identity.py", "test_noise.py", "test_primitives.py")
# What does not run in a page, and why.
LEFT_OUT = {
    "test_certificate.py": "a browser makes its certificates itself",
    "test_clocks.py": "reads the sources",
    "test_environment.py": "reads the sources",
    "test_files.py": "its subjects are hard links, modes and failing disks, which a page does not have",
    "test_interop_crash.py": "about interop/",
    "test_interop_judge.py": "about interop/",
    "test_interop_matrix.py": "about interop/",
    "test_interop_others.py": "about interop/",
    "test_outside_tasks.py": "reads the sources, and runs asyncio.run",
    "test_own_keys.py": "a page signs with Ed25519 alone",
    "test_paths.py": "about benchmarks/",
    "test_python_primitives.py": "compares with cryptography, which a page does not have",
}
TESTS_LEFT_OUT = {
    ("test_limits.py", "test_a_test_moves_every_limit"): "reads all tests, of Python and of Rust",
}

# As where a page is not on https.
NO_WEBCRYPTO = """
Object.defineProperty(crypto, 'subtle', {value: undefined})
delete Crypto.prototype.subtle
"""
PREPARE = """
import pathlib, pyodide_js
await pyodide_js.loadPackage(wheels)
for name, text in files.items():
    path = pathlib.Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
json.dumps(None)
"""
CODE = """
import inner
from webrtc_direct import primitives
json.dumps([inner.run(file, left_out), primitives.in_use()])
"""


def prepared_page(browser: Any) -> Any:
    """A page with pytest and the tests."""
    page = browser.open()
    wheels = [f"/test-wheels/{wheel.name}" for wheel in chromium.TEST_WHEELS.glob("*.whl")]
    files = [
        TESTS / "browser" / "inner.py",
        *(TESTS / "unit" / name for name in RUN),
        *TESTS.glob("vectors/*"),
    ]
    texts = {str(file.relative_to(TESTS.parent)): file.read_text() for file in files}
    texts["inner.py"] = texts.pop("tests/browser/inner.py")
    page.run(PREPARE, wheels=wheels, files=texts)
    return page


@pytest.fixture(scope="module")
def page_with_tests(browser: Any) -> Iterator[Any]:
    page = prepared_page(browser)
    yield page
    page.close()


@pytest.fixture(scope="module")
def page_without_webcrypto(browser: Any) -> Iterator[Any]:
    page = prepared_page(browser)
    page.script(NO_WEBCRYPTO)
    yield page
    page.close()


def passes(page: Any, name: str) -> dict[str, str]:
    """Run a file, and return what computed the primitives so far."""
    left_out = [test for file, test in TESTS_LEFT_OUT if file == name]
    outcome, used = page.run(CODE, file=f"tests/unit/{name}", left_out=left_out)
    assert outcome["code"] == 0, outcome["report"]
    assert outcome["passed"] > 0, outcome["report"]
    return {algorithm: by for algorithm, by in used.items() if algorithm not in ("ECDSA", "RSA")}


@pytest.mark.slow
@pytest.mark.parametrize("name", RUN)
def test_unit_tests(name: str, page_with_tests: Any) -> None:
    used = passes(page_with_tests, name)
    if name in WITH_CRYPTOGRAPHY:
        assert set(used.values()) == {"WebCrypto"}


@pytest.mark.slow
@pytest.mark.parametrize("name", WITH_CRYPTOGRAPHY)
def test_unit_tests_without_webcrypto(name: str, page_without_webcrypto: Any) -> None:
    assert set(passes(page_without_webcrypto, name).values()) == {"Python"}


def test_each_file_of_unit_tests_runs_in_a_page_or_is_left_out_with_a_reason() -> None:
    there = Counter(path.name for path in (TESTS / "unit").glob("test_*.py"))
    assert Counter([*RUN, *LEFT_OUT]) == there
    for name, test in TESTS_LEFT_OUT:
        assert f"def {test}(" in (TESTS / "unit" / name).read_text()
