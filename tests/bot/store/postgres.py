"""A real PostgreSQL of the tests' own: a private cluster that only a unix socket reaches."""

from __future__ import annotations

import itertools
import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path

import psycopg

_SETTINGS = ("fsync=off", "full_page_writes=off", "listen_addresses=", "timezone=Asia/Kolkata")
"""Without fsync what was committed outlives the server, though not a power cut: tests end no more."""


class Cluster:
    """One server in a temporary folder. As root it runs as the user `postgres`, which it demands."""

    def __init__(self) -> None:
        found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
        on_path = shutil.which("initdb")
        if not found and not on_path:
            raise RuntimeError("PostgreSQL's server programs are missing: run sh deploy/setup.sh")
        self._programs = (found[-1] if found else Path(str(on_path))).parent
        # pytest's own folders are too deep for a socket's path, and closed to other users.
        self.folder = Path(tempfile.mkdtemp(prefix="supercharge-pg-", dir="/tmp"))
        self._as_user: list[str] = []
        if os.geteuid() == 0:
            user = pwd.getpwnam("postgres")
            os.chown(self.folder, user.pw_uid, user.pw_gid)
            ids = [f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
            self._as_user = ["setpriv", *ids]
        self._numbers = itertools.count()
        try:
            self._run(
                "initdb", "-D", "data", "-U", "postgres", "-A", "trust", "-N", "-E", "UTF8",
                "--locale=C",
            )  # fmt: skip
            self.start()
        except BaseException:
            shutil.rmtree(self.folder)
            raise

    def start(self) -> None:
        options = " ".join(f"-c {setting}" for setting in _SETTINGS)
        self._run(
            "pg_ctl", "-D", "data", "-w", "-l", "log", "-o", f"-k {self.folder} {options}", "start"
        )

    def stop(self, how: str = "immediate") -> None:
        """At once, as a crash would, with every connection cut."""
        self._run("pg_ctl", "-D", "data", "-w", "-m", how, "stop")

    def close(self) -> None:
        self.stop("fast")
        shutil.rmtree(self.folder)

    def new_url(self) -> str:
        """The URL of an empty schema, which stands for a database: one of those is 300 files."""
        name = f"test{next(self._numbers)}"
        with psycopg.connect(f"postgresql://postgres@/postgres?host={self.folder}") as connection:
            connection.execute(f"CREATE SCHEMA {name}")
        path = f"options=-csearch_path%3D{name}"
        return f"postgresql://postgres@/postgres?host={self.folder}&{path}"

    def _run(self, program: str, *arguments: str) -> None:
        command = [*self._as_user, str(self._programs / program), *arguments]
        # The server keeps what it is given open, so a pipe here would never end.
        with (self.folder / "said").open("w+") as said:
            ran = subprocess.run(command, cwd=self.folder, stdout=said, stderr=said, check=False)
            said.seek(0)
            if ran.returncode:
                raise RuntimeError(f"{program} failed: {said.read()}")
