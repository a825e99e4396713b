"""Runs checks of a broker with real clients: `checks.py HOST:PORT [part of a check's name]`.

Needs the packages of `tools/python/requirements.txt`. Every check is a function that fails by raising. Each one makes
topics and groups of its own, so that checks do not see each other and a broker can be checked twice. Exits with 1 when
a check failed or took longer than a minute.
"""

import importlib
import os
import sys
import threading
import time
import traceback
import uuid

MODULES = ["with_confluent", "with_kafka_python", "with_hostile_bytes"]
LIMIT_S = 60

_checks = []


def check(function):
    """Marks a function as a check; it gets the broker's address."""
    _checks.append(function)
    return function


def fresh(kind):
    """A name that nobody has used."""
    return f"{kind}-{uuid.uuid4().hex[:8]}"


def until(condition, what, limit_s=20):
    """Waits for something that takes an unknown, short time."""
    deadline = time.monotonic() + limit_s
    while not (result := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not within {limit_s} s")
        time.sleep(0.02)
    return result


def run(function, address):
    """The error of a check, or None."""
    outcome = {}

    def body():
        try:
            function(address)
        except BaseException:
            outcome["error"] = traceback.format_exc(limit=-4)

    # A thread, because a client that hangs cannot be interrupted.
    thread = threading.Thread(target=body, daemon=True)
    thread.start()
    thread.join(LIMIT_S)
    return f"still running after {LIMIT_S} s" if thread.is_alive() else outcome.get("error")


def main():
    address = sys.argv[1]
    part = sys.argv[2] if len(sys.argv) > 2 else ""
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    # The modules import this one by name; let them find it, not a second copy.
    sys.modules["checks"] = sys.modules["__main__"]
    for module in MODULES:
        importlib.import_module(module)
    failed = 0
    for function in [c for c in _checks if part in f"{c.__module__}.{c.__name__}"]:
        started = time.monotonic()
        error = run(function, address)
        verdict = "ok" if error is None else "FAILED"
        print(f"{verdict:7}{function.__module__}.{function.__name__} {time.monotonic() - started:.1f} s", flush=True)
        if error is not None:
            failed += 1
            print(error, flush=True)
    print(f"{len(_checks)} checks, {failed} failed", flush=True)
    # Not sys.exit: threads of clients that hang would keep the process.
    os._exit(1 if failed else 0)


if __name__ == "__main__":
    main()
