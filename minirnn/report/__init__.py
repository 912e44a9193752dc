"""One or several runs as one HTML page that needs nothing else: no network, no script, pictures within."""

from minirnn.report.page import write

__all__ = ["write"]
