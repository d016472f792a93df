"""How long it takes until the other end of a connection notices a crash: every client, every kind of crash.

A listener is `webrtc-direct listen` with an identity, a certificate and a port that it keeps, in a process
of its own; the clients are those that `clients` in crash_programs.py names. Cases mostly wait, so many run
at once.

--quick is the part that the continuous check has: a page in Chromium whose listener is killed and started
again. It exits with 1 unless the page, active and idle, tells of the end within BOUND_SECONDS of the restart.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import crash_page
from builds import HERE, build_browser, build_go, do_nothing
from crash_programs import clients
from crashes import CRASHES, PAGE_ENDINGS, SLEEP, Case, run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from crash_programs import Client

RESULTS = HERE / "crashes.json"
PAGE = HERE.parent / "docs" / "crashes.md"
# A page on a quiet machine needs a fraction of it.
BOUND_SECONDS = 5.0
QUICK = ("page", "restarted")
AT_ONCE = 20


def main() -> int:
    """Run what the command line asks for and return the exit code."""
    options = _parse()
    names, kinds = ([QUICK[0]], [QUICK[1]]) if options.quick else (options.clients, options.kinds)
    for build in {build_browser, build_go if "go" in names else do_nothing}:
        build()
    cases = list(cases_of(names, kinds))
    started = time.monotonic()
    run_all(cases, options.at_once)
    print(f"{len(cases)} cases in {(time.monotonic() - started) / 60:.1f} minutes", flush=True)
    if options.write:
        write(cases)
    problems = [f"{_name(case)}: {problem}" for case in cases for problem in case.problems]
    problems += [f"{_name(case)}: {late(case)}" for case in cases if options.quick and late(case)]
    for problem in problems:
        print("error:", problem, file=sys.stderr)
    return 1 if problems else 0


def cases_of(names: list[str], kinds: list[str]) -> Iterator[Case]:
    """Yield a case for each client, kind of crash and use that there can be."""
    known = clients()
    for kind in kinds:
        for name in names:
            if kind in PAGE_ENDINGS and not _ends_as_a_page(name, kind, known[name]):
                continue
            for use in known[name].uses:
                yield Case(name, kind, use)


def late(case: Case) -> str:
    """Return what is wrong with the time that a client took after a restart; nothing if all is well."""
    if case.problems:
        return ""
    if case.after_return is None:
        return "the page did not notice the crash at all"
    if case.after_return > BOUND_SECONDS:
        return f"the page noticed {case.after_return} s after the restart, not within {BOUND_SECONDS:g} s"
    return ""


def run_all(cases: list[Case], at_once: int) -> None:
    """Run the *cases* side by side, and print each when it is done."""
    shared = clients()
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(at_once) as pool:

        def one(index: int) -> None:
            case = cases[index]
            # What happens to a client may happen to all pages of its browser.
            is_alone = case.kind not in CRASHES
            client = clients()[case.client] if is_alone else shared[case.client]
            try:
                run(case, client, Path(folder) / str(index))
            finally:
                if is_alone:
                    client.stop()
            print(f"{_name(case)}: {_outcome(case)}", flush=True)

        try:
            list(pool.map(one, range(len(cases))))
        finally:
            for client in shared.values():
                client.stop()


def write(cases: list[Case]) -> None:
    """Write what was measured; what was not run again stays as it was."""
    machine = f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"
    known = json.loads(RESULTS.read_text(encoding="utf-8"))["cases"] if RESULTS.exists() else []
    every = merged([Case(**each) for each in known], cases)
    document = {"machine": machine, "cases": [case.document() for case in every]}
    RESULTS.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    PAGE.write_text(crash_page.markdown(every, machine), encoding="utf-8")


def merged(known: list[Case], fresh: list[Case]) -> list[Case]:
    """Return the *fresh* cases, and of the *known* those that are not among them."""
    names = {_name(case) for case in fresh}
    return [*(case for case in known if _name(case) not in names), *fresh]


def _ends_as_a_page(name: str, kind: str, client: Client) -> bool:
    # Only Chromium has an address at which a page crashes.
    return client.is_page and (kind == "page reloaded" or not name.endswith("firefox"))


def _name(case: Case) -> str:
    return f"{case.kind}, {case.client} {case.use}"


def _outcome(case: Case) -> str:
    if case.problems:
        return f"failed: {'; '.join(case.problems)}"
    if case.seconds is None:
        return "not noticed"
    again = "" if case.after_return is None else f", {case.after_return} s after the return"
    told = f"; the client: {case.client_words}" if case.client_words else ""
    return f"noticed after {case.seconds} s{again}: {case.words}{told}"


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    kinds = [*CRASHES, *PAGE_ENDINGS, SLEEP]
    parser.add_argument(
        "--quick", action="store_true", help="a page and a restart alone; 1 if it is not noticed"
    )
    parser.add_argument("--clients", nargs="+", choices=list(clients()), default=list(clients()))
    parser.add_argument("--kinds", nargs="+", choices=kinds, default=kinds)
    parser.add_argument("--at-once", type=int, default=AT_ONCE, metavar="N", help="cases side by side")
    parser.add_argument(
        "--write", action="store_true", help=f"write them to {RESULTS.name} and docs/{PAGE.name}"
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
