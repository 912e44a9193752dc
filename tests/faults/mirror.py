"""A mirror on this machine that sends files slowly enough, or not at all as it should."""

from __future__ import annotations

import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from minirnn import data

OLD = {f"{name}.gz": f"old {name}" for name in data.MNIST}
NEW = {f"{name}.gz": f"{name} " * 1500 for name in data.MNIST}


def files(folder):
    """{name: text} of what is in its place."""
    return {path.name: path.read_text() for path in folder.iterdir() if not path.name.startswith(".")}


class Mirror(ThreadingHTTPServer):
    """Serves {name: text}, and ranges of it; a context that yields its address.  `slow`: seconds between two pieces"""

    daemon_threads = True

    def __init__(self, files, slow=0.0):
        super().__init__(("127.0.0.1", 0), Handler)
        self.slow, self.files = slow, {name: text.encode() for name, text in files.items()}
        self.asked = []

    def __enter__(self):
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return f"http://127.0.0.1:{self.server_port}/"

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()

    def handle_error(self, request, client_address):
        """One who asks may be killed before the answer."""


class Handler(BaseHTTPRequestHandler):
    server: Mirror

    def do_GET(self):
        content = self.server.files[self.path.rpartition("/")[2]]
        asked = self.headers.get("Range")
        self.server.asked.append((self.path, asked))
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked else 0
        self.send_response(206 if asked else 200)
        if asked:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        for k in range(start, len(content), 8192):
            self.wfile.write(content[k : k + 8192])
            time.sleep(self.server.slow)

    def log_message(self, *_):
        """Silent."""
