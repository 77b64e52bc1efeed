"""The programs under test, as child processes that never outlive this one."""

import ctypes
import os
import re
import signal
import subprocess
import tempfile
import threading
import time
import uuid
from pathlib import Path

from harness import Failure

ROOT = Path(__file__).resolve().parents[2]
MEDIA = ROOT / "media"
KVS = Path(os.environ.get("KVS_BIN", ROOT / "target" / "release" / "kvs")).absolute()
ACCESS_KEY, SECRET_KEY, REGION = "AKIDINTEROP", "interop/secret+key=", "eu-central-1"
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)


def _die_with_parent():
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class Program:
    """A running `kvs`, with what it prints."""

    def __init__(self, arguments, variables=None):
        clean = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
        self.lines = []
        self._process = subprocess.Popen(
            [str(KVS), *map(str, arguments)],
            env={**clean, "NO_COLOR": "1", **(variables or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            preexec_fn=_die_with_parent,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self._process.stdout:
            self.lines.append(line.rstrip())

    def find(self, pattern):
        """All matches of `pattern` in what was printed so far."""
        return re.findall(pattern, "\n".join(self.lines))

    def wait_for(self, pattern, seconds=10.0):
        """The first match of `pattern` in what is printed."""
        end = time.monotonic() + seconds
        while True:
            found = self.find(pattern)
            if found:
                return found[0]
            if self.ended is not None:
                self._reader.join(1.0)
                found = self.find(pattern)
                if found:
                    return found[0]
                raise Failure(f"kvs ended with {self.ended}: {self.last()}")
            if time.monotonic() >= end:
                raise Failure(f"kvs did not print {pattern!r}: {self.last()}")
            time.sleep(0.01)

    @property
    def ended(self):
        """The exit code, or None while it runs."""
        return self._process.poll()

    def last(self):
        return " | ".join(self.lines[-3:]) or "it printed nothing"

    def interrupt(self, seconds=5.0):
        """Ctrl-C: the exit code, and the seconds it took."""
        start = time.monotonic()
        self._process.send_signal(signal.SIGINT)
        try:
            code = self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise Failure(f"kvs ignored Ctrl-C for {seconds:g} s: {self.last()}") from None
        self._reader.join(1.0)
        return code, time.monotonic() - start

    def kill(self):
        if self.ended is None:
            self._process.kill()
        self._process.wait()


class Service(Program):
    """The local KVS: over TLS and plain HTTP, on ports of the system's choice."""

    def __init__(self, folder):
        self.ca = folder / "service-ca.pem"
        super().__init__(
            ["service", "--listen", "127.0.0.1:0", "--listen-http", "127.0.0.1:0"]
            + ["--access-key", ACCESS_KEY, "--secret-key", SECRET_KEY, "--region", REGION]
            + ["--ca-out", self.ca]
        )
        self.http = self.wait_for(r"http://[\w.\[\]:-]+:\d+")
        self.https = self.wait_for(r"https://[\w.\[\]:-]+:\d+")


class Environment:
    """What tests share: one service, and the programs of the test that is running."""

    def __init__(self):
        self._folder = tempfile.TemporaryDirectory(prefix="kvs-interop-")
        self.folder = Path(self._folder.name)
        self.service = Service(self.folder)
        self._masters = []
        self._closers = []

    def begin(self):
        self._masters, self._closers = [], []

    async def end(self):
        for close in self._closers:
            try:
                await close()
            except Exception:  # the test has its verdict already
                pass
        for master in self._masters:
            master.kill()

    def evidence(self):
        """The last words of this test's programs, for a failure's line."""
        said = [f" [master: {m.last()}]" for m in self._masters if m.lines]
        if self.service.ended is not None:
            said.append(f" [service ended: {self.service.last()}]")
        return "".join(said)

    def closing(self, close):
        """Registers a coroutine function to be awaited when the test has ended."""
        self._closers.append(close)

    def unique(self, stem):
        return f"{stem}-{uuid.uuid4().hex[:8]}"

    def master(self, arn, *arguments, secure=False):
        """A master of the channel."""
        variables = {
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
            "AWS_REGION": REGION,
        }
        if secure:
            variables["AWS_CA_BUNDLE"] = str(self.service.ca)
        endpoint = self.service.https if secure else self.service.http
        name = arn.split("/")[1]
        master = Program(
            ["master", "--channel", name, "--endpoint", endpoint, *arguments], variables
        )
        self._masters.append(master)
        return master

    def close(self):
        for master in self._masters:
            master.kill()
        self.service.kill()
        self._folder.cleanup()
