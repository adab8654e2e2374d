"""
A proxy between burstd and one upstream port that can stop the world at an exact point of a change: before the request is passed
on, after it was carried out and before its answer, or after the answer. Bytes that are signed pass unchanged.
"""

import http.client
import http.server
import threading
import urllib.parse

BEFORE, LOST, AFTER = POINTS = ("before the request", "before the answer", "after the answer")


CHANGES = ("StartInstances", "StopInstances", "RunInstances", "TerminateInstances", "CreateTags", "DeleteTags", "AllocateAddress",
           "AssociateAddress", "DisassociateAddress", "ReleaseAddress", "ModifyInstanceAttribute")
MADE = ("/system_location/", "/worker_vm/", "/configuration/bootstrap")


def is_change(method, path, body):
    ec2 = body.startswith(tuple(f"Action={action}".encode() for action in CHANGES)) and b"DryRun=true" not in body
    return method in ("PATCH", "DELETE") or (method == "POST" and path.endswith(MADE)) or ec2


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def setup(self):
        super().setup()
        self.upstream = http.client.HTTPConnection(self.server.proxy.host, timeout=30)

    def finish(self):
        self.upstream.close()
        super().finish()

    def pass_on(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        proxy, change = self.server.proxy, is_change(self.command, self.path, body)
        proxy.open.wait(60)
        if change and proxy.reached(BEFORE):
            self.close_connection = True
            return
        answer, content = self.ask(body)
        if change and proxy.reached(LOST):
            self.close_connection = True
            return
        self.reply(answer, content)
        if change:
            proxy.reached(AFTER)

    do_GET = do_POST = do_PATCH = do_DELETE = pass_on

    def ask(self, body):
        self.upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            self.upstream.putheader(name, value)
        self.upstream.endheaders(body or None)
        answer = self.upstream.getresponse()
        return answer, answer.read()

    def reply(self, answer, content):
        self.send_response_only(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in ("connection", "content-length", "transfer-encoding"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
        self.wfile.flush()

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def handle_error(self, *_):
        """A client that was killed is what this is for."""


class Proxy:
    def __init__(self, url):
        self.host = urllib.parse.urlsplit(url).netloc
        self.lock = threading.Lock()
        self.open = threading.Event()  # cleared: nothing is passed on, nothing answered
        self.open.set()
        self.trap = None  # (point, what to do there), for one change
        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.proxy = self
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def arm(self, point, deed):
        with self.lock:
            self.trap = (point, deed)

    def disarm(self):
        with self.lock:
            self.trap = None

    def reached(self, point):
        """True = the trap for this point has sprung."""
        with self.lock:
            if not self.trap or self.trap[0] != point:
                return False
            _, deed = self.trap
            self.trap = None
        deed()
        return True

    def close(self):
        self.open.set()
        self.server.shutdown()
        self.server.server_close()
