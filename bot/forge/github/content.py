"""Files and commits: the contents API to read, the git data API to write."""

from __future__ import annotations

import base64
import binascii
import re
from urllib.parse import quote

from bot.forge.errors import Conflict, Invalid, NotFound, Unavailable
from bot.forge.github.answers import Answer
from bot.forge.github.calls import Calls
from bot.forge.github.wishes import identity
from bot.forge.values import File, NewCommit

_SHA = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_REGULAR = frozenset({"100644", "100755"})


class Content:
    """What is in a repository's commits, and new ones."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def read_file(self, repository: str, path: str, ref: str) -> File | None:
        try:
            response = self._calls.call(
                repository, "GET", f"/contents/{quote(path)}", query={"ref": ref}
            )
        except NotFound:
            return None
        if not isinstance(response.body, dict) or response.body.get("type") != "file":
            return None  # a folder, a link out of the repository, a submodule
        found = response.answer()
        sha = found.text("sha")
        # From 1 MB on the contents API gives no content, and the blob has it.
        whole = found.maybe_text("encoding") == "base64"
        blob = found if whole else self._call(repository, "GET", f"/git/blobs/{sha}")
        return File(content=_decoded(blob), sha=sha)

    def list_paths(self, repository: str, ref: str) -> tuple[str, ...]:
        sha = ref
        if not _SHA.fullmatch(ref):
            sha = self._call(repository, "GET", f"/commits/{quote(ref)}").text("sha")
        found = self._tree(repository, sha, recursive=True)
        if not found.flag("truncated"):
            entries = [(entry.text("path"), entry) for entry in found.objects("tree")]
        else:
            entries = self._walk(repository, sha)
        return tuple(sorted(path for path, e in entries if e.maybe_text("mode") in _REGULAR))

    def branch_sha(self, repository: str, branch: str) -> str | None:
        try:
            found = self._call(repository, "GET", f"/git/ref/heads/{quote(branch)}")
        except NotFound:
            return None
        except Conflict:  # the repository is empty
            return None
        return found.object("object").text("sha")

    def commit(self, repository: str, new: NewCommit) -> str:
        base = (
            self._call(repository, "GET", f"/git/commits/{new.parent}").object("tree").text("sha")
        )
        tree = self._write_tree(repository, base, new)
        head = self.branch_sha(repository, new.branch)
        if head is not None and head != new.parent:
            return self._same(repository, new, tree, head)
        return self._write_commit(repository, new, tree, is_new=head is None)

    # -- writing ---------------------------------------------------------------------------------------

    def _write_tree(self, repository: str, base: str, new: NewCommit) -> str:
        folders: dict[str, dict[str, Answer]] = {"": self._entries(repository, base)}
        changes: list[dict[str, str | None]] = []
        for path, content in sorted(new.files.items()):
            known = self._entry(repository, folders, path)
            mode = "100644" if known is None else known.text("mode")
            if mode not in _REGULAR:
                raise Conflict(f"{repository}: {path} is no regular file at {new.parent[:12]}")
            if content is None and known is None:
                continue
            blob = None if content is None else self._write_blob(repository, content)
            changes.append({"path": path, "mode": mode, "type": "blob", "sha": blob})
        if not changes:
            return base
        send = {"base_tree": base, "tree": changes}
        return self._calls.call(repository, "POST", "/git/trees", send).answer().text("sha")

    def _write_blob(self, repository: str, content: bytes) -> str:
        send = {"content": base64.b64encode(content).decode("ascii"), "encoding": "base64"}
        return self._calls.call(repository, "POST", "/git/blobs", send).answer().text("sha")

    def _write_commit(self, repository: str, new: NewCommit, tree: str, *, is_new: bool) -> str:
        send: dict[str, object] = {"message": new.message, "tree": tree, "parents": [new.parent]}
        for role, signature in (("author", new.author), ("committer", new.committer)):
            if signature is not None:
                send[role] = identity(signature)
        sha = self._calls.call(repository, "POST", "/git/commits", send).answer().text("sha")
        try:
            if is_new:
                ref = {"ref": f"refs/heads/{new.branch}", "sha": sha}
                self._calls.call(repository, "POST", "/git/refs", ref)
            else:
                path = f"/git/refs/heads/{quote(new.branch)}"
                self._calls.call(repository, "PATCH", path, {"sha": sha, "force": False})
        except (Invalid, Conflict):
            # Somebody was faster: perhaps our own twin, with this very commit.
            head = self.branch_sha(repository, new.branch)
            if head is None or head == new.parent:
                raise
            return self._same(repository, new, tree, head)
        return sha

    def _same(self, repository: str, new: NewCommit, tree: str, head: str) -> str:
        """The branch's head, where that is `new`. Raises Conflict where it is anything else."""
        found = self._call(repository, "GET", f"/git/commits/{head}")
        parents = [parent.text("sha") for parent in found.objects("parents")]
        same = parents == [new.parent] and found.object("tree").text("sha") == tree
        if same and found.text("message").strip() == new.message.strip():
            return head
        raise Conflict(
            f"{repository}: branch {new.branch} is at {head[:12]} and not at {new.parent[:12]}"
        )

    # -- trees -----------------------------------------------------------------------------------------

    def _entry(
        self, repository: str, folders: dict[str, dict[str, Answer]], path: str
    ) -> Answer | None:
        """A path's entry, read folder by folder; `folders` remembers those that were read."""
        folder, _, name = path.rpartition("/")
        if folder not in folders:
            above = self._entry(repository, folders, folder)
            if above is not None and above.maybe_text("type") != "tree":
                raise Conflict(f"{repository}: {folder} is no folder")
            folders[folder] = {} if above is None else self._entries(repository, above.text("sha"))
        return folders[folder].get(name)

    def _entries(self, repository: str, sha: str) -> dict[str, Answer]:
        found = self._tree(repository, sha)
        return {entry.text("path"): entry for entry in found.objects("tree")}

    def _walk(self, repository: str, sha: str, under: str = "") -> list[tuple[str, Answer]]:
        """Every entry below a tree, a request for each folder: for trees too large for one answer."""
        entries = []
        for name, entry in self._entries(repository, sha).items():
            if entry.maybe_text("type") == "tree":
                entries += self._walk(repository, entry.text("sha"), f"{under}{name}/")
            else:
                entries.append((f"{under}{name}", entry))
        return entries

    def _tree(self, repository: str, sha: str, *, recursive: bool = False) -> Answer:
        query = {"recursive": "1"} if recursive else None
        return self._calls.call(repository, "GET", f"/git/trees/{sha}", query=query).answer()

    def _call(self, repository: str, verb: str, path: str) -> Answer:
        return self._calls.call(repository, verb, path).answer()


def _decoded(blob: Answer) -> bytes:
    text = blob.maybe_text("content") or ""
    try:
        return base64.b64decode(text)
    except binascii.Error as error:
        raise Unavailable(f"{blob.where}: the content is not base64") from error
