"""Candidates in one warm Docker container. This module and `dockerlink` alone import docker."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import docker
import docker.errors

from engine.errors import SandboxUnavailable
from engine.sandbox import rootfs
from engine.sandbox.base import LINUX, SandboxSettings
from engine.sandbox.connection import Link
from engine.sandbox.dockerlink import ENGINE_ERRORS, ContainerLink
from engine.sandbox.owners import owner_is_dead, owner_labels
from engine.sandbox.requirements import Layer

PRIVATE_SOCKET = "unix:///run/supercharge/docker.sock"
USUAL_SOCKET = "unix:///var/run/docker.sock"
LABEL = "supercharge"
REPOSITORY = "supercharge-sandbox"
REMEDY = "deploy/engine.sh start"
GVISOR = "runsc"
_SCREENS_ELSEWHERE = (
    "this runtime screens with code and test in one process, and a fork bomb ends the whole sandbox: "
    "better confirm with it than screen"
)
_CONFIRM_THERE = 'gVisor is there: sandbox.confirm_runtime = "runsc" confirms in it'
_RUNTIME_REMEDY = (
    "install it and name it in Docker's daemon.json (gVisor: runsc install), "
    "or leave sandbox.runtime and sandbox.confirm_runtime empty"
)

_CALL_S = 60


def hosts(settings: SandboxSettings) -> list[str]:
    """The engines to try, in order."""
    if settings.docker_host:
        return [settings.docker_host]
    named = os.environ.get("DOCKER_HOST")
    return ([named] if named else []) + [USUAL_SOCKET, PRIVATE_SOCKET]


def connect(settings: SandboxSettings) -> tuple[docker.DockerClient, str]:
    """A client of the first engine that answers, and its address. Raises SandboxUnavailable."""
    reasons = []
    for host in hosts(settings):
        path = host.removeprefix("unix://")
        if path != host and not os.path.exists(path):
            reasons.append(f"{host}: no such socket")
            continue
        try:
            client = docker.DockerClient(base_url=host, version="auto", timeout=_CALL_S)
        except ENGINE_ERRORS as error:
            reasons.append(f"{host}: {_one_line(error)}")
            continue
        return client, host
    raise SandboxUnavailable(
        f"no Docker engine answers ({'; '.join(reasons)})",
        remedy=REMEDY,
    )


class DockerEngine:
    """Starts runners in containers. See `engine.sandbox.connection.Engine`."""

    many_users = True
    dies_with_parent = False
    remedy = REMEDY

    def __init__(self, settings: SandboxSettings) -> None:
        """Raises SandboxUnavailable when no engine answers, or it lacks the runtime."""
        self._settings = settings
        self._client, self.host = connect(settings)
        with _as_unavailable():
            self._require_runtime()
            self._version = str(self._client.version().get("Version", "?"))
            self.sweep()

    def _require_runtime(self) -> None:
        known = self._client.info().get("Runtimes") or {}
        for wanted in (self._settings.runtime, self._settings.confirm_runtime):
            if wanted and wanted not in known:
                self._client.close()
                only = ", ".join(sorted(known)) or "its default"
                raise SandboxUnavailable(
                    f"Docker has no runtime {wanted!r}, only {only}", remedy=_RUNTIME_REMEDY
                )
        self._has_gvisor = GVISOR in known

    @property
    def description(self) -> str:
        """Which engine, which isolation."""
        runtime, confirms = (self._settings.runtime_for(cold=c) or "runc" for c in (False, True))
        under = runtime if confirms == runtime else f"{runtime}, confirms under {confirms}"
        return (
            f"Docker {self._version} ({under}): no network, read-only root, "
            "unprivileged users, no capabilities, memory, process and CPU limits"
        )

    @property
    def warnings(self) -> tuple[str, ...]:
        """Promises that only runc keeps: seen with gVisor, which has no limit of a user's processes."""
        return () if self._settings.runtime in LINUX else (_SCREENS_ELSEWHERE,)

    @property
    def hint(self) -> str:
        """What could be safer with what is there already; empty if nothing."""
        used = {self._settings.runtime, self._settings.confirm_runtime}
        return "" if GVISOR in used or not self._has_gvisor else _CONFIRM_THERE

    def launch(
        self, arguments: str, *, slots: int, layer: Layer | None, cold: bool = False
    ) -> Link:
        """A new container with a runner in it, under `confirm_runtime` if `cold`.

        Raises SandboxUnavailable.
        """
        runtime = self._settings.runtime_for(cold=cold)
        with _as_unavailable():
            image = self._with_packages(self._settings.image or self._image(), layer)
            container = self._client.containers.create(
                image, **self._container_options(arguments, slots, runtime)
            )
            try:
                return ContainerLink(self._client, container)
            except ENGINE_ERRORS:
                # One that never ran may have removed itself; what went wrong is told, not that.
                with contextlib.suppress(*ENGINE_ERRORS):
                    container.remove(force=True)
                raise

    def _container_options(self, arguments: str, slots: int, runtime: str) -> dict[str, Any]:
        settings = self._settings
        memory = settings.memory_mb << 20
        size = (settings.tmpfs_mb << 20) // slots
        return {
            "command": [rootfs.PYTHON, "-I", "-B", "-m", "engine.sandbox.inside", arguments],
            "user": "0:0",
            "environment": rootfs.ENVIRONMENT,
            "working_dir": "/",
            "hostname": "sandbox",
            "labels": {LABEL: "sandbox", **owner_labels()},
            "network_mode": "none",
            "ipc_mode": "none",
            "read_only": True,
            "tmpfs": {
                f"{rootfs.SLOTS_DIR}/{index}": f"size={size},nr_inodes=20000,nosuid,nodev,noexec"
                for index in range(slots)
            }
            | _links(runtime),
            "cap_drop": ["ALL"],
            "cap_add": ["SETUID", "SETGID", "KILL"],
            "security_opt": ["no-new-privileges:true"],
            "mem_limit": memory,
            "memswap_limit": memory,
            "pids_limit": settings.pids,
            "nano_cpus": int(settings.cpus * 1e9),
            "runtime": runtime or None,
            # The runner is process 1: it reaps, and the kernel keeps candidates' signals from it.
            "init": False,
            "stdin_open": True,
            "auto_remove": True,
            "log_config": docker.types.LogConfig(type="none"),
            "stop_signal": "SIGKILL",
        }

    def _image(self) -> str:
        """The image made from the running interpreter, imported if the engine lacks it."""
        tag = f"{REPOSITORY}:{rootfs.key()}"
        with rootfs.locked("image"):
            with contextlib.suppress(docker.errors.ImageNotFound):
                self._client.images.get(tag)
                return tag
            with tempfile.TemporaryFile() as archive:
                rootfs.write_tar(rootfs.tree(), archive)
                archive.seek(0)
                self._client.api.import_image_from_data(
                    archive,
                    repository=REPOSITORY,
                    tag=rootfs.key(),
                    changes=[f"LABEL {LABEL}=sandbox-image"],
                )
            self._prune_images()
        return tag

    def _prune_images(self) -> None:
        """Remove images of other versions, unless they are in use or were made within a day."""
        filters = {"label": f"{LABEL}=sandbox-image"}
        for image in self._client.images.list(filters=filters):
            made = datetime.fromisoformat(image.attrs["Created"][:19]).replace(tzinfo=UTC)
            if (datetime.now(UTC) - made).days >= 1:
                with contextlib.suppress(docker.errors.APIError):
                    self._client.images.remove(image.id)

    def _with_packages(self, image: str, layer: Layer | None) -> str:
        """`image` with one more layer, which is kept for the next time."""
        if layer is None or layer.directory is None:
            return image
        tag = f"{REPOSITORY}:{rootfs.key()}-{layer.key}"
        with rootfs.locked("image"):
            with contextlib.suppress(docker.errors.ImageNotFound):
                self._client.images.get(tag)
                return tag
            recipe = f"FROM {image}\nCOPY packages {rootfs.PACKAGES_DIR}\n"
            with tempfile.TemporaryFile() as context:
                rootfs.write_tar(
                    layer.directory, context, prefix="packages", texts={"Dockerfile": recipe}
                )
                context.seek(0)
                self._client.images.build(
                    fileobj=context,
                    custom_context=True,
                    tag=tag,
                    labels={LABEL: "sandbox-image"},
                    network_mode="none",
                    rm=True,
                )
        return tag

    def idle(self) -> Any:
        """A running container that only waits, to be measured against. The caller removes it."""
        wait = [rootfs.PYTHON, "-c", "import time; time.sleep(1e6)"]
        return self._client.containers.run(
            self._image(), wait, detach=True, network_mode="none", environment=rootfs.ENVIRONMENT,
            labels={LABEL: "sandbox", **owner_labels()},
        )  # fmt: skip

    def sweep(self) -> int:
        """Remove containers of owners that are gone; how many there were."""
        swept = 0
        for container in self._client.containers.list(
            all=True, filters={"label": f"{LABEL}=sandbox"}
        ):
            if owner_is_dead(container.labels):
                try:
                    container.remove(force=True)
                except docker.errors.NotFound:
                    continue
                except docker.errors.APIError as error:
                    # Whoever sweeps at the same time is removing it already.
                    if error.status_code != 409:
                        raise
                swept += 1
        return swept

    def user_processes(self) -> int:
        """None: the candidates' users are new."""
        return 0

    def close(self) -> None:
        """Let go of the engine's connection."""
        self._client.close()


def _links(runtime: str) -> dict[str, str]:
    """What another runtime than runc needs instead of the image's own link `/tmp`.

    gVisor follows `/tmp` before anything runs, when there is no `/proc/self` yet, and does not start;
    and it mounts a tmpfs of its own on one that is empty. So it is shown a folder that is not empty,
    which `engine.sandbox.inside` turns into the link.
    """
    if runtime in LINUX:
        return {}
    small = "size=4k,mode=755,nosuid,nodev,noexec"
    return {rootfs.LINKS_DIR: small, f"{rootfs.LINKS_DIR}/tmp/start": small}


@contextlib.contextmanager
def _as_unavailable() -> Iterator[None]:
    try:
        yield
    except ENGINE_ERRORS as error:
        raise SandboxUnavailable(f"Docker: {_one_line(error)}", remedy=REMEDY) from error


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
