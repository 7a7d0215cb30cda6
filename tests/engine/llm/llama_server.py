"""A real server that is not ours: llama-cpp-python's, with the embedded model's GGUF file."""

import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from engine.llm.embedded import find_gguf

MODEL = "smollm2"
WINDOW = 512


@contextmanager
def llama_server() -> Iterator[str]:
    """Its base URL, while the block lasts."""
    options = {
        "model": str(find_gguf()),
        "model_alias": MODEL,
        "host": "127.0.0.1",
        "port": "0",
        "n_ctx": str(WINDOW),
        "n_threads": "1",
        "n_threads_batch": "1",
        "verbose": "false",
    }
    command = [sys.executable, "-m", "llama_cpp.server"]
    command += [word for name, value in options.items() for word in (f"--{name}", value)]
    server = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    assert server.stderr is not None
    try:
        said = []
        for line in server.stderr:
            said.append(line)
            if found := re.search(r"running on (http://\S+)", line):
                break
        else:
            raise AssertionError("the server did not start:\n" + "".join(said))
        # Whatever else it says must not fill the pipe.
        drained = threading.Thread(target=server.stderr.read)
        drained.start()
        try:
            yield f"{found[1]}/v1"
        finally:
            server.kill()
            drained.join()
    finally:
        server.kill()
        server.communicate()
