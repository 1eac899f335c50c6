"""What a test needs beside Python: found, or the test is left out with a reason."""

import os
import shutil
import socket
import subprocess
from typing import NoReturn

import pytest


def left_out(reason: str) -> NoReturn:
    """Skip the test that asked; where everything is required (CI), fail it."""
    if os.environ.get("ASKELMA_REQUIRE_ALL") == "1":
        pytest.fail(f"required here, yet: {reason}", pytrace=False)
    pytest.skip(reason)


def program(name: str, purpose: str) -> str:
    """Return the path of a program, or leave the test out."""
    path = shutil.which(name)
    if path is None:
        left_out(f"no {name} on this machine ({purpose})")
    return path


class Guard:
    """Kills a process of a test where the tests themselves are killed: it waits at a pipe that only they hold open."""

    def __init__(self, pid: int) -> None:
        command = ["/bin/sh", "-c", 'read _; kill -9 "$1"', "guard", str(pid)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)  # noqa: S603 - fixed

    def leave(self) -> None:
        """Go, because the process has ended as it should."""
        self._process.kill()
        self._process.communicate()


def free_port() -> int:
    """Return a loopback port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
