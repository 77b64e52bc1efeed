"""botocore and aiortc against the programs: `run.py [part of a test's name]`."""

import asyncio
import os
import signal
import sys

import harness
import test_control_plane  # noqa: F401  importing registers the tests
import test_media  # noqa: F401
import test_viewer  # noqa: F401
import test_websocket  # noqa: F401
from programs import KVS, Environment


def _terminated(*_):
    raise SystemExit("terminated")


def main():
    wanted = sys.argv[1] if len(sys.argv) > 1 else ""
    signal.signal(signal.SIGTERM, _terminated)
    if not KVS.exists():
        print(f"FAILED python_peers: {KVS} does not exist; `cargo build --release` makes it")
        return 1
    try:
        environment = Environment()
    except harness.Failure as why:
        print(f"FAILED python_peers: the service did not start: {why}")
        return 1
    try:
        good = asyncio.run(harness.run(environment, wanted))
    finally:
        environment.close()
    return 0 if good else 1


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    # A decoder's thread that hangs must not keep this process.
    os._exit(code)
