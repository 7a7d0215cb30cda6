"""A bare git repository, by git's own plumbing commands."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from bot.forge.fake.gitobjects import Commit, Difference, Entry, Person, person_of, signed

_SETTINGS = {
    "core.repositoryformatversion": "0",
    "core.bare": "true",
    "http.receivepack": "true",
    "uploadpack.allowAnySHA1InWant": "true",
    "receive.denyDeleteCurrent": "ignore",
    "core.logAllRefUpdates": "false",
    "gc.auto": "0",
}
ENVIRONMENT: Mapping[str, str] = {
    "PATH": os.environ.get("PATH", os.defpath),
    "HOME": os.devnull,
    "LC_ALL": "C",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_TERMINAL_PROMPT": "0",
    # The repositories may belong to another user than the one who serves them.
    "GIT_CONFIG_COUNT": "1",
    "GIT_CONFIG_KEY_0": "safe.directory",
    "GIT_CONFIG_VALUE_0": "*",
}


class GitFailed(Exception):
    """git said no; the text is what it said."""


class GitRepository:
    """Objects and refs of one bare repository."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def create(cls, path: Path, branch: str) -> GitRepository:
        """An empty one whose HEAD is `branch`."""
        for folder in ("objects", "refs/heads"):
            (path / folder).mkdir(parents=True)
        (path / "HEAD").write_text(f"ref: refs/heads/{branch}\n", encoding="utf-8")
        settings = "".join(f"[{k.rpartition('.')[0]}]\n\t{k.rpartition('.')[2]} = {v}\n"
                           for k, v in _SETTINGS.items())  # fmt: skip
        (path / "config").write_text(settings, encoding="ascii")
        return cls(path)

    def fork(self, path: Path) -> GitRepository:
        """A copy of everything but the pull requests' refs."""
        copy = GitRepository.create(path, self._text("symbolic-ref", "--short", "HEAD"))
        copy.take(self, "+refs/heads/*:refs/heads/*")
        return copy

    def take(self, other: GitRepository, refspec: str) -> None:
        """Copies refs of another repository, with their objects."""
        self._run("fetch", "--quiet", "--no-tags", str(other.path), refspec)

    # -- refs ------------------------------------------------------------------------------------

    def branches(self) -> dict[str, str]:
        """Every branch's commit."""
        lines = self._text(
            "for-each-ref", "--format=%(objectname) %(refname:lstrip=2)", "refs/heads"
        )
        return {name: sha for sha, _, name in (line.partition(" ") for line in lines.splitlines())}

    def branch(self, name: str) -> str | None:
        return self.resolve(f"refs/heads/{name}^{{commit}}")

    def resolve(self, name: str) -> str | None:
        """The object of a ref, a hash or an expression; None where there is none."""
        if name.startswith("-") or "\0" in name:
            return None
        try:
            return self._text("rev-parse", "--verify", "--quiet", "--end-of-options", name)
        except GitFailed:
            return None

    def commit_of(self, ref: str) -> str | None:
        """The commit of a branch, a tag or a hash."""
        if not ref:
            return self.resolve("HEAD^{commit}")
        found = (
            self.resolve(f"{prefix}{ref}^{{commit}}")
            for prefix in ("refs/heads/", "refs/tags/", "")
        )
        return next((sha for sha in found if sha is not None), None)

    def set_ref(self, ref: str, sha: str, old: str | None = None) -> None:
        """Points a ref at a commit; `old` is what it must be now, "" for nothing."""
        self._run("update-ref", ref, sha, *([] if old is None else [old or "0" * 40]))

    def delete_ref(self, ref: str) -> None:
        self._run("update-ref", "-d", ref)

    def is_ref(self, ref: str) -> bool:
        """Whether that can be the name of a ref."""
        try:
            self._run("check-ref-format", ref)
        except GitFailed:
            return False
        return True

    def is_ancestor(self, old: str, new: str) -> bool:
        return self._text("merge-base", "--all", old, new) == old

    def merge_base(self, one: str, other: str) -> str:
        return self._text("merge-base", one, other).split("\n")[0]

    def merged_tree(self, one: str, other: str) -> str:
        """The tree of a merge. Raises GitFailed where the two are at odds."""
        return self._text("merge-tree", "--write-tree", one, other)

    # -- objects ---------------------------------------------------------------------------------

    def kind(self, sha: str) -> str | None:
        """blob, tree, commit or tag; None where there is no such object."""
        try:
            return self._text("cat-file", "-t", sha)
        except GitFailed:
            return None

    def blob(self, sha: str) -> bytes:
        return self._run("cat-file", "blob", sha)

    def write_blob(self, content: bytes) -> str:
        return self._run("hash-object", "-w", "--stdin", given=content).decode().strip()

    def tree(self, sha: str, *, recursive: bool = False) -> list[Entry]:
        """The entries of a tree or of a commit's tree, those of subfolders too if `recursive`."""
        options = ["-r", "-t"] if recursive else []
        entries = []
        for line in self._run("ls-tree", "-z", "-l", "--full-tree", *options, sha).split(b"\0"):
            if line:
                head, _, path = line.decode("utf-8", "surrogateescape").partition("\t")
                mode, kind, blob, size = head.split()
                entries.append(Entry(mode, kind, blob, None if size == "-" else int(size), path))
        return entries

    def entry(self, commit: str, path: str) -> Entry | None:
        """What is at a path; the whole tree for the empty one."""
        if not path.strip("/"):
            sha = self.resolve(f"{commit}^{{tree}}")
            return None if sha is None else Entry("040000", "tree", sha, None, "")
        folder, _, name = path.strip("/").rpartition("/")
        above = self.resolve(f"{commit}:{folder}")
        if above is None or self.kind(above) != "tree":
            return None
        found = next((e for e in self.tree(above) if e.path == name), None)
        return None if found is None else Entry(found.mode, found.kind, found.sha, found.size, path)

    def write_tree(self, base: str | None, changes: Sequence[tuple[str, str, str | None]]) -> str:
        """A tree of `base` with (mode, path, hash) put in, or taken out where the hash is None."""
        with tempfile.TemporaryDirectory(dir=self.path) as folder:
            index = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
            if base is not None:
                self._run("read-tree", base, more=index)
            lines = "".join(
                f"{mode if sha else 0} {sha or '0' * 40}\t{path}\0" for mode, path, sha in changes
            )
            given = lines.encode("utf-8", "surrogateescape")
            self._run("update-index", "-z", "--index-info", given=given, more=index)
            return self._run("write-tree", more=index).decode().strip()

    def write_commit(
        self, tree: str, parents: Sequence[str], message: str, author: Person, committer: Person
    ) -> str:
        """A commit of exactly this message."""
        lines = [f"tree {tree}", *(f"parent {parent}" for parent in parents)]
        lines += [f"author {signed(author)}", f"committer {signed(committer)}", "", message]
        given = "\n".join(lines).encode()
        return (
            self._run("hash-object", "-t", "commit", "-w", "--stdin", given=given).decode().strip()
        )

    def commit_files(
        self,
        branch: str,
        parent: str | None,
        message: str,
        person: Person,
        files: Mapping[str, tuple[str, bytes] | None],
    ) -> str:
        """Commits (mode, content) per path, None to delete, to a branch in one go; the hash."""
        parts = [f"commit refs/heads/{branch}\nmark :1\n".encode()]
        parts += [f"author {signed(person)}\ncommitter {signed(person)}\n".encode()]
        parts += [_data(message.encode()), f"from {parent}\n".encode() if parent else b""]
        for path, change in files.items():
            name = path.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
            if change is None:
                parts.append(f'D "{name}"\n'.encode())
            else:
                parts += [f'M {change[0]} inline "{name}"\n'.encode(), _data(change[1])]
        parts.append(b"\nget-mark :1\n")
        return self._run("fast-import", "--quiet", given=b"".join(parts)).decode().strip()

    def commit(self, sha: str) -> Commit:
        head, _, message = (
            self._run("cat-file", "commit", sha).decode("utf-8", "replace").partition("\n\n")
        )
        fields = [line.partition(" ")[::2] for line in head.splitlines()]
        first = dict(reversed(fields))
        return Commit(
            sha=sha,
            tree=first["tree"],
            parents=tuple(value for key, value in fields if key == "parent"),
            author=person_of(first["author"]),
            committer=person_of(first["committer"]),
            message=message,
        )

    def commits(self, base: str, head: str) -> int:
        """How many commits `head` has that `base` has not."""
        return int(self._text("rev-list", "--count", f"{base}..{head}"))

    def differences(self, base: str, head: str) -> list[Difference]:
        """What changed from where `head` left `base`, in the order of the paths."""
        start = self.merge_base(base, head)
        raw = self._run("diff", "--raw", "-z", "-M", "--no-abbrev", start, head).decode(
            "utf-8", "replace"
        )
        fields, found = iter(raw.split("\0")), []
        for line in fields:
            if line:
                _, mode, _, sha, letter = line.split()
                first = next(fields)
                second = next(fields) if letter[0] in "RC" else None
                paths = [first] if second is None else [first, second]
                if not mode.startswith("16"):
                    found.append(self._difference(start, head, letter[0], paths, sha))
        return found

    def _difference(
        self, start: str, head: str, letter: str, paths: list[str], sha: str
    ) -> Difference:
        text = self._run("diff", "-M", start, head, "--", *paths).decode("utf-8", "replace")
        at = text.find("\n@@ ")
        patch = text[at + 1 :].removesuffix("\n") if at >= 0 else ""
        lines = patch.split("\n")
        return Difference(
            status=letter,
            path=paths[-1],
            previous_path=paths[0] if len(paths) > 1 else None,
            sha=sha if letter != "D" else self._text("rev-parse", f"{start}:{paths[0]}"),
            patch=patch,
            additions=sum(line.startswith("+") for line in lines),
            deletions=sum(line.startswith("-") for line in lines),
        )

    # -- git -----------------------------------------------------------------------------------

    def _text(self, *arguments: str) -> str:
        return self._run(*arguments).decode("utf-8", "replace").strip()

    def _run(
        self, *arguments: str, given: bytes = b"", more: Mapping[str, str] | None = None
    ) -> bytes:
        ran = subprocess.run(
            ["git", "--git-dir", str(self.path), *arguments],
            input=given,
            capture_output=True,
            env={**ENVIRONMENT, **(more or {})},
        )
        if ran.returncode:
            raise GitFailed(ran.stderr.decode("utf-8", "replace").strip() or f"git {arguments[0]}")
        return ran.stdout


def _data(content: bytes) -> bytes:
    return b"data %d\n%s\n" % (len(content), content)
