"""What the two fake upstream servers share: an HTTP(S) server on a free loopback port, and one ledger of what was asked."""

import http.server
import threading
import time
import traceback


class Ledger:
    """Everything that was asked of both servers, in one order."""

    def __init__(self):
        self.lock = threading.Lock()
        self.rows = []

    def add(self, what, **more):
        with self.lock:
            self.rows.append({"what": what, "time": time.time(), **more})

    def mark(self):
        """A place in the ledger, for since()."""
        with self.lock:
            return len(self.rows)

    def since(self, mark=0, *what):
        with self.lock:
            return [row for row in self.rows[mark:] if not what or row["what"] in what]

    def count(self, mark=0, *what):
        return len(self.since(mark, *what))


class Handler(http.server.BaseHTTPRequestHandler):
    """One request: reads it whole, asks the fake for (status, headers, body). None = the connection is closed unanswered."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def serve(self):
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        self.server.fake.local.peer = self.client_address
        try:
            answer = self.server.fake.answer(self.command, self.path, self.headers, body)
        except Exception:
            self.server.fake.faults.append(traceback.format_exc())
            raise
        if answer is None:
            self.close_connection = True
            return
        status, headers, content = answer
        self.send_response_only(status)
        self.send_header("Date", self.date_time_string(int(time.time() + self.server.fake.clock_offset)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = do_HEAD = serve

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def handle_error(self, *_):
        """A client that went away is what these tests are about."""


class Fake:
    """Base of a fake upstream: serves itself until closed. Subclasses implement answer()."""

    def __init__(self, ledger, tls=None):
        self.ledger = ledger
        self.lock = threading.RLock()
        self.clock_offset = 0  # seconds that this server's clock is ahead
        self.local = threading.local()  # of the thread, which is the connection's
        self.faults = []  # of the fake itself: a test that sees one is no good
        self.released = threading.Event()  # ends waits of answers that never come
        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.fake = self
        if tls:
            self.server.socket = tls.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        self.port = self.server.server_address[1]
        self.url = f"http{'s' if tls else ''}://127.0.0.1:{self.port}"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def now(self):
        return time.time() + self.clock_offset

    def peer(self):
        """Which connection the request under way came by."""
        return self.local.peer

    def answer(self, method, path, headers, body):
        raise NotImplementedError

    def close(self):
        self.released.set()
        self.server.shutdown()
        self.server.server_close()
