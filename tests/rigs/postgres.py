"""The operating system's PostgreSQL 15 for tests, to be stopped, killed and started again."""

import os
import pwd
import secrets
import signal
import subprocess
import time
from pathlib import Path
from typing import Final

import psutil

from tests.rigs.parts import Guard, free_port, left_out

BINARIES: Final = Path("/usr/lib/postgresql/15/bin")
START_TIMEOUT_S: Final = 60
STOP_TIMEOUT_S: Final = 30
SETTINGS: Final = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",
}


class SystemPostgres:
    """One server; `url` reaches its database `postgres` as superuser."""

    def __init__(self, folder: Path) -> None:
        """Keep all data in `folder`, through which user `postgres` can pass; nothing runs before `start`."""
        if not BINARIES.exists():
            left_out("no PostgreSQL 15 of the operating system (package postgresql-15)")
        self.folder = folder
        self.data = folder / "data"
        self.port = 0
        self.password = secrets.token_urlsafe(16)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where to reach it once it has been started."""
        return f"postgresql+asyncpg://askelma:{self.password}@127.0.0.1:{self.port}/postgres?ssl=disable"

    def start(self) -> None:
        """Start the server and wait until it accepts connections."""
        if not self.data.exists():
            self._initialise()
            self.port = free_port()  # not earlier: while files are made, another process may take it
        options = [f"--{name}={value}" for name, value in (SETTINGS | {"port": str(self.port)}).items()]
        self._process = self._spawn("postgres", "-D", str(self.data), *options)
        self._guard = Guard(self._process.pid)
        deadline = time.monotonic() + START_TIMEOUT_S
        while not self._ready(self._process.pid):
            assert self._process.poll() is None, self._log()
            assert time.monotonic() < deadline, self._log()
            time.sleep(0.05)

    def _ready(self, pid: int) -> bool:
        """Read the server's own word; a killed server's word, of another number, may still lie there."""
        status = self.data / "postmaster.pid"
        words = status.read_text().split() if status.exists() else [""]
        return words[0] == str(pid) and words[-1] == "ready"

    def _initialise(self) -> None:
        pwfile = self.folder / "password"
        pwfile.write_text(self.password)
        pwfile.chmod(0o644)
        self.data.mkdir(mode=0o700)
        if os.geteuid() == 0:
            user = pwd.getpwnam("postgres")
            os.chown(self.data, user.pw_uid, user.pw_gid)
        options = ("-U", "askelma", "--pwfile", str(pwfile), "-A", "scram-sha-256", "-E", "UTF8", "--locale", "C.UTF-8")
        assert self._spawn("initdb", "-D", str(self.data), *options).wait() == 0, self._log()

    def _spawn(self, name: str, *arguments: str) -> subprocess.Popen[bytes]:
        user = pwd.getpwnam("postgres") if os.geteuid() == 0 else None  # it refuses to run as root
        with (self.folder / "postgres.log").open("ab") as log:
            return subprocess.Popen(  # noqa: S603 - a fixed command
                [str(BINARIES / name), *arguments], cwd="/", stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True, user=user and user.pw_uid, group=user and user.pw_gid, extra_groups=user and [],
            )  # fmt: skip

    def _log(self) -> str:
        return (self.folder / "postgres.log").read_text()[-2000:]

    def stop(self) -> None:
        """Stop in the fast way: sessions are ended, everything is written."""
        process, self._process = self._process, None
        if process is not None:
            self._guard.leave()
            process.send_signal(signal.SIGINT)
            process.wait(STOP_TIMEOUT_S)

    def kill(self) -> None:
        """Kill -9, every session too; the next start recovers."""
        process, self._process = self._process, None
        assert process is not None
        self._guard.leave()
        sessions = psutil.Process(process.pid).children()
        process.kill()
        for session in sessions:
            session.kill()
        process.wait(STOP_TIMEOUT_S)
        psutil.wait_procs(sessions, STOP_TIMEOUT_S)
