"""A PostgreSQL server of the tests' own: a new cluster in a temporary folder, on a free port of 127.0.0.1."""

import contextlib
import os
import pwd
import secrets
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg2
import pytest

ROLE = "dagster"


@dataclass(frozen=True)
class Server:
    """A running server; `password` is that of its only role."""

    port: int
    password: str

    def environment(self, database: str) -> dict[str, str]:
        """What deploy/dagster.yaml reads."""
        return {
            "DAGSTER_POSTGRES_HOST": "127.0.0.1",
            "DAGSTER_POSTGRES_PORT": str(self.port),
            "DAGSTER_POSTGRES_USER": ROLE,
            "DAGSTER_POSTGRES_PASSWORD": self.password,
            "DAGSTER_POSTGRES_DB": database,
        }

    def create_database(self, name: str) -> None:
        connection = psycopg2.connect(
            host="127.0.0.1", port=self.port, user=ROLE, password=self.password, dbname="postgres"
        )
        with contextlib.closing(connection):
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(f'CREATE DATABASE "{name}"')


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    folder = Path(tempfile.mkdtemp(prefix="llmops-postgres-", dir="/tmp"))
    made = Server(_free_port(), secrets.token_hex(16))
    password_file, data = folder / "password", folder / "data"
    password_file.write_text(made.password, "utf-8")
    owner = _owner()
    if owner:
        for path in (folder, password_file):
            os.chown(path, owner.pw_uid, owner.pw_gid)
    login = ["-U", ROLE, "--auth=scram-sha-256", f"--pwfile={password_file}"]
    try:
        _run(owner, folder, "initdb", "-D", data, *login, "--encoding=UTF8", "--locale=C", "--no-sync")
        options = f"-h 127.0.0.1 -p {made.port} -c unix_socket_directories='' -c fsync=off"
        _run(owner, folder, "pg_ctl", "start", "-D", data, "-w", "-t", "60", "-l", folder / "log", "-o", options)
        try:
            yield made
        finally:
            _run(owner, folder, "pg_ctl", "stop", "-D", data, "-w", "-t", "60", "-m", "fast")
    finally:
        shutil.rmtree(folder)


def _run(owner: pwd.struct_passwd | None, folder: Path, name: str, *arguments: str | Path) -> None:
    """Run a binary of PostgreSQL as `owner`. Its output goes to a file: a pipe would stay open in the server it starts."""
    identity = {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []} if owner else {}
    with (folder / f"{name}.out").open("w+") as output:
        done = subprocess.run(
            [_binary(name), *map(str, arguments)],
            check=False,
            cwd=folder,
            env={"PATH": os.environ["PATH"], "LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            timeout=120,
            **identity,
        )
        output.seek(0)
        assert done.returncode == 0, f"{name} ended with {done.returncode}:\n{output.read()}"


def _binary(name: str) -> str:
    """The newest binary that Debian installs, else the one on PATH. Without one: a failure in CI, a skip elsewhere."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: int(path.parts[4]))
    binary = str(found[-1]) if found else shutil.which(name)
    if binary is None:
        reason = f"PostgreSQL is not installed: there is no {name} in /usr/lib/postgresql/*/bin or on PATH"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return binary


def _owner() -> pwd.struct_passwd | None:
    """Whom the server runs as where the tests run as root, whom PostgreSQL refuses; None for oneself."""
    if os.getuid() != 0:
        return None
    users = {user.pw_name: user for user in pwd.getpwall()}
    return users.get("postgres") or users["nobody"]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
