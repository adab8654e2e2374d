"""
Port 8443 of every new instance, as one plain HTTP server with the instance's address in the path: it answers while the instance
waits for its configuration document, takes it byte for byte, and is gone once the node applies it and reboots.
"""

import collections
import re
import ssl

from fake_http import Fake
from infinity_changes import document

PAGE = b"<!DOCTYPE html><html><body><form method=post enctype=multipart/form-data><input type=file></form></body></html>"
HTML = {"Content-Type": "text/html; charset=utf-8"}


class FakeBootstrap(Fake):
    def __init__(self, platform, ledger, tls: ssl.SSLContext | None = None):
        self.platform = platform
        self.first_page = 200  # the status of GET /
        self.fail = collections.deque()  # statuses of the next uploads
        self.lose = 0  # how many of the next uploads are taken and not answered
        self.lost = 0
        self.closed = False  # a firewall in between
        super().__init__(ledger, tls)

    def instance_at(self, address):
        """By its private or its public address."""
        cloud = self.platform.cloud
        return next((i for i in cloud.instances.values() if i.up() and address in (i.address, cloud.public(i))), None)

    def answer(self, method, path, headers, body):
        with self.platform.lock:
            self.platform.advance()
            found = re.fullmatch(r"/([0-9.]+)(/.*)", path)
            instance = self.instance_at(found.group(1)) if found else None
            if self.closed or instance is None or not self.platform.waits(instance):
                return None
            if method == "GET":
                self.ledger.add("door", address=found.group(1))
                return self.first_page, HTML, PAGE
            return self.upload(instance, found.group(2), method, headers, body)

    def upload(self, instance, path, method, headers, body):
        if (method, path) != ("POST", "/configuration/bootstrap"):
            return 404, HTML, b""
        if self.fail:
            status = self.fail.popleft()
            self.ledger.add("upload", instance=instance.id, status=status)
            return status, HTML, b"<h1>The configuration could not be applied</h1>"
        node = next((n for n in self.platform.nodes.values() if n.secret and n.secret.encode() in body), None)
        good = headers.get("Content-Type") == "text/xml" and (node is None or body == document(node)) and b"<secret>" in body
        self.ledger.add("upload", instance=instance.id, status=200 if good else 400, node=node and node.name)
        if not good:
            return 400, HTML, b"<h1>This is not a configuration document</h1>"
        self.platform.apply(instance, body)
        if self.lose:
            self.lose -= 1
            self.lost += 1
            return None
        return 200, HTML, b""
