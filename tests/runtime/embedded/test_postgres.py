"""The wheel's PostgreSQL keeps what it had, whatever happened to the process before."""

import asyncio
import os
import pwd
import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import asyncpg
import psutil
import pytest
from sqlalchemy import make_url

from services.runtime.database import plain_dsn
from services.runtime.embedded.postgres import (
    BESIDE,
    EmbeddedStoreError,
    embedded_postgres,
    reachable,
    throwaway_postgres,
)
from tests.conftest import ExpectedErrors
from tests.rigs.waiting import until

pytestmark = pytest.mark.store
REPOSITORY = Path(__file__).parents[3]

WRITE_AND_STAY = """
import asyncio, sys
from pathlib import Path
import asyncpg
from services.runtime.database import plain_dsn
from services.runtime.embedded.postgres import embedded_postgres

async def main():
    async with embedded_postgres(Path(sys.argv[1])) as url:
        connection = await asyncpg.connect(plain_dsn(url))
        await connection.execute("CREATE TABLE words AS SELECT 'kept' AS word")
        print("written", flush=True)
        await asyncio.sleep(float(sys.argv[2]))
        await connection.close()

asyncio.run(main())
"""


async def ask(url: str, statement: str) -> object:
    connection = await asyncpg.connect(plain_dsn(url))
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


def another_process(folder: Path, seconds: int) -> subprocess.Popen[str]:
    process = subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, "-c", WRITE_AND_STAY, str(folder), str(seconds)],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "written\n"
    process.stdout.close()
    return process


async def test_a_restart_keeps_the_data(folder: Path) -> None:
    async with embedded_postgres(folder / "store") as url:
        await ask(url, "CREATE TABLE words AS SELECT 'kept' AS word")
    async with embedded_postgres(folder / "store") as url:
        assert await ask(url, "SELECT word FROM words") == "kept"


async def test_a_killed_process_leaves_a_folder_that_the_next_one_takes_over(folder: Path) -> None:
    process = another_process(folder / "store", 600)
    (guard,) = [child for child in psutil.Process(process.pid).children() if child.name() == "sh"]
    guard.kill()
    process.kill()
    process.wait()
    async with embedded_postgres(folder / "store") as url:
        assert await ask(url, "SELECT word FROM words") == "kept"


async def test_a_killed_process_takes_its_postgresql_along(folder: Path) -> None:
    process = another_process(folder / "store", 600)
    server = psutil.Process(int((folder / "store" / "data" / "postmaster.pid").read_text().split()[0]))
    process.kill()
    process.wait()
    await asyncio.to_thread(server.wait, 30)
    assert not (folder / "store" / "data" / "postmaster.pid").exists()


async def test_a_killed_postgresql_is_started_again_with_all_that_was_committed(
    folder: Path, expected_errors: ExpectedErrors
) -> None:
    expected_errors.allow("postgresql_ended")
    async with embedded_postgres(folder / "store") as url:
        await ask(url, "CREATE TABLE words AS SELECT 'kept' AS word")
        for _ in range(2):
            killed = psutil.Process(int((folder / "store" / "data" / "postmaster.pid").read_text().split()[0]))
            killed.kill()
            await asyncio.to_thread(killed.wait, 30)
            await until(lambda: says(url, "kept"), "PostgreSQL is back")
        last = psutil.Process(int((folder / "store" / "data" / "postmaster.pid").read_text().split()[0]))
    assert not last.is_running()


async def says(url: str, word: str) -> bool:
    with suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
        return await ask(url, "SELECT word FROM words") == word
    return False


async def test_a_number_left_in_the_pid_file_may_belong_to_somebody_else_by_now(folder: Path) -> None:
    async with embedded_postgres(folder / "store"):
        pass
    stale = folder / "store" / "data" / "postmaster.pid"
    stale.write_text(f"{os.getpid()}\n{stale.parent}\n")
    async with embedded_postgres(folder / "store") as url:
        assert await ask(url, "SELECT 1") == 1


async def test_a_first_start_that_was_killed_half_way_is_begun_anew(folder: Path) -> None:
    unfinished = folder / "store" / "data.unfinished"
    unfinished.mkdir(parents=True)
    (unfinished / "PG_VERSION").write_text("18\n")
    async with embedded_postgres(folder / "store") as url:
        assert await ask(url, "SELECT 1") == 1


async def test_a_folder_in_use_is_refused_and_named(folder: Path) -> None:
    async with embedded_postgres(folder / "store"):
        with pytest.raises(EmbeddedStoreError, match=f"{folder / 'store'} is in use by another running askelma"):
            async with embedded_postgres(folder / "store"):
                pass


async def test_nobody_comes_in_without_the_password(folder: Path) -> None:
    async with embedded_postgres(folder / "store") as url:
        wrong = make_url(url).set(password="guess").render_as_string(hide_password=False)
        with pytest.raises(asyncpg.InvalidPasswordError):
            await ask(wrong, "SELECT 1")
        assert (folder / "store" / "password").stat().st_mode & 0o077 == 0


async def test_the_end_leaves_no_process_and_no_throwaway_folder() -> None:
    async with throwaway_postgres() as url:
        place = Path(str(await ask(url, "SHOW data_directory")))
        server = psutil.Process(int((place / "postmaster.pid").read_text().split()[0]))
    assert not server.is_running()
    assert not place.parent.parent.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs PostgreSQL as somebody else")
async def test_root_keeps_a_private_folder_private(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    modes = [place.stat().st_mode for place in tmp_path.parents]
    for _ in range(2):
        async with embedded_postgres(tmp_path / "store") as url:
            data = Path(str(await ask(url, "SHOW data_directory")))
            assert data.parent == BESIDE
            assert data.owner() != "root"
    assert tmp_path.stat().st_mode & 0o077 == 0
    assert [place.stat().st_mode for place in tmp_path.parents] == modes
    shutil.rmtree(data)


def python_for_others() -> Path:
    """Return a Python that any user may start, as root's own may not be."""
    candidates = (Path(sys.executable).resolve(), Path(f"/usr/bin/python3.{sys.version_info.minor}"))
    found = [path for path in candidates if path.exists() and reachable(path.parent)]
    if not found or not reachable(REPOSITORY):
        pytest.skip("an ordinary user can reach neither Python nor this folder")
    return found[0]


@pytest.mark.skipif(os.geteuid() != 0, reason="this run is an ordinary user's already")
async def test_an_ordinary_user_can_run_it(folder: Path) -> None:
    folder.chmod(0o777)
    nobody = pwd.getpwnam("nobody")
    paths = os.pathsep.join((str(REPOSITORY), *(path for path in sys.path if path.endswith("site-packages"))))
    process = await asyncio.create_subprocess_exec(
        python_for_others(), "-B", "-c", WRITE_AND_STAY, str(folder / "store"), "0",
        env={"PYTHONPATH": paths}, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        user=nobody.pw_uid, group=nobody.pw_gid, extra_groups=[],
    )  # fmt: skip
    said, complaint = await process.communicate()
    assert said == b"written\n", complaint.decode()
    assert (folder / "store" / "data").owner() == "nobody"


async def test_ctrl_c_in_the_terminal_reaches_only_askelma(folder: Path) -> None:
    async with embedded_postgres(folder / "store"):
        server = int((folder / "store" / "data" / "postmaster.pid").read_text().split()[0])
        assert os.getpgid(server) != os.getpgid(0)
