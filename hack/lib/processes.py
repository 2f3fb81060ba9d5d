"""The one way in which Python scripts and tests here find programs, start them, wait for things, and end what they began.

Nothing sleeps for a time that is hoped to be enough: wait_for() looks until it is so. Its deadlines are there to end what
hangs, and are far above what a loaded machine needs.
"""

import contextlib
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BINARY = pathlib.Path(os.environ.get("DATAMESH_BIN") or ROOT / "build" / "release" / "bin" / "datamesh").resolve()
WAIT_SECONDS, CALL_SECONDS, START_SECONDS, STOP_SECONDS = 120, 180, 120, 90
PAUSE_SECONDS = 0.05  # between two looks of wait_for


class Failed(AssertionError):
    """Something that had to hold does not, or not in time."""


def search_path():
    """Where hack/install-deps puts kubectl and helm, and Debian its server programs, besides the usual."""
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return os.pathsep.join([str(BINARY.parent), os.environ.get("PATH", ""), os.path.join(cache, "datamesh", "bin"),
                            "/usr/sbin", "/usr/lib/postgresql/15/bin"])


def find_tool(name):
    """The path of a program, or None."""
    return shutil.which(name, path=search_path())


def wait_for(check, what, seconds=WAIT_SECONDS):
    """What check() returns, once that is true. An AssertionError (so a Failed) of its own counts as: not yet."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            last = check()
            if last:
                return last
        except AssertionError as error:
            last = error
        if time.monotonic() > deadline:
            raise Failed(f"not within {seconds} s: {what}; the last look gave: {last}")
        time.sleep(PAUSE_SECONDS)


class Answer:
    """What a program said: `ok`, `out`, `err`, `code`."""

    def __init__(self, done):
        self.code, self.ok = done.returncode, done.returncode == 0
        self.out, self.err = done.stdout.strip(), done.stderr.strip()

    def __repr__(self):
        return f"exit {self.code}: {self.out[-600:]} {self.err[-600:]}"


def run(*words, stdin=None, env=None, seconds=CALL_SECONDS, **more):
    """Runs a program to its end: returncode, stdout, stderr as it said them. Failed when it does not end in time."""
    try:
        return subprocess.run([str(word) for word in words], input=stdin, env=env, text=True, timeout=seconds,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False, **more)
    except subprocess.TimeoutExpired as error:
        raise Failed(f"no end within {seconds} s: {' '.join(map(str, words))}: {error.stdout} {error.stderr}") from None


def call(*words, **more):
    """The same, as an Answer."""
    return Answer(run(*words, **more))


def start(*words, **more):
    """Starts a program that ends with this one, however this one ends. From the main thread: the kernel counts its end."""
    return subprocess.Popen([find_tool("setpriv"), "--pdeathsig", "TERM", *(str(word) for word in words)], **more)


def end(process, how=signal.SIGTERM, seconds=STOP_SECONDS):
    """Ends a program that start() began, and closes its pipes: its exit code. Failed when it had to be killed."""
    late = False
    if process.poll() is None:
        process.send_signal(how)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            late = True
            process.kill()
            process.wait()
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe:
            with contextlib.suppress(BrokenPipeError):
                pipe.close()
    if late:
        raise Failed(f"{process.args} did not end in {seconds} s")
    return process.returncode


def is_alive(pid):
    """Whether that process runs; one that ended and was not waited for does not."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def free_port():
    """A free port below those that the system hands to clients: a server that is down keeps its port."""
    least = int(pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    while True:
        port = random.randrange(10000, max(least, 11000))
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
