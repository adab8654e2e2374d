"""One kept-alive connection to burstd that sends what it is told, however wrong, and holds each reply against the contract."""

import http.client
import json

PATIENCE = 60  # seconds; no test is about time, a reply that takes longer never comes
STREAM = "text/event-stream"


class Reply:
    """What Contract.check_reply looks at."""

    def __init__(self, method, reply):
        self.request = self
        self.method = method
        self.status_code = reply.status
        self.headers = reply.headers
        self.endless = (reply.headers["Content-Type"] or "").startswith(STREAM) and method != "HEAD" and reply.status == 200
        self.content = b"" if self.endless else reply.read()

    def json(self):
        return json.loads(self.content)


class Client:
    def __init__(self, address):
        self.address = address
        self.connection = None
        self.sent = 0

    def send(self, method, target, headers, body=None):
        """The reply. A connection that ends without one is tried once more on a new one, as it may have ended before."""
        self.sent += 1
        fresh = self.connection is None
        try:
            return self.attempt(method, target, headers, body)
        except (http.client.RemoteDisconnected, ConnectionError):
            if fresh:
                raise
        return self.attempt(method, target, headers, body)

    def attempt(self, method, target, headers, body):
        if self.connection is None:
            self.connection = http.client.HTTPConnection(self.address, timeout=PATIENCE)
        c = self.connection
        try:
            c.putrequest(method, target, skip_accept_encoding=True)
            for name, value in headers.items():
                c.putheader(name, value)
            if body is not None:
                c.putheader("Content-Length", str(len(body)))
            c.endheaders(body)
            response = c.getresponse()
            reply = Reply(method, response)
        except BaseException:
            self.close()
            raise
        if reply.endless:
            self.close()
        return reply

    def close(self):
        if self.connection is not None:
            self.connection.close()
        self.connection = None
