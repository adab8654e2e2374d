"""burstd between two upstream servers that are not its own (fake_infinity.py, fake_ec2.py)."""

import base64
import datetime
import hashlib
import ipaddress
import ssl

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from daemon import Burstd, until
from fake_bootstrap import FakeBootstrap
from fake_ec2 import FakeEC2
from fake_http import Ledger
from fake_infinity import FakeInfinity
from platform_model import Platform

SCALE = 120
# At this scale: a poll 0.25 s, fresh 0.75 s, lifetime 2.5 s, replication 0.25 s, rest 0.5 s.
SETTINGS = {
    "bursting_threshold": 5,
    "minimum_lifetime_minutes": 5,
    "poll_infinity_seconds": 30,
    "poll_ec2_seconds": 30,
    "replication_wait_seconds": 30,
    "refused_rest_minutes": 1,
}
CONTROL = {"enabled": True, "mode": "control"}

PASSWORD = "Infinity-pass:wörd/77"
ACCESS_KEY = "AKIAFAKEUPSTREAM0001"
SECRET_KEY = "fake/secret+key/NOTREAL/0123456789abcdefgh"


class Site:
    """
    A platform, its two servers, and burstd. Oslo (always on) overflows to Burst A, and to Burst B when that is full; Bergen lets
    the lists need several pages; Burst B is nobody's primary overflow location.
    """

    def __init__(self, directory):
        self.directory = directory
        self.ledger = Ledger()
        self.platform = Platform()
        self.tls = {"infinity": None, "ec2": None}
        self.options = {"infinity": {"password": PASSWORD}, "ec2": {"access_key": ACCESS_KEY, "secret_key": SECRET_KEY}}
        self.environment = {}
        self.secrets = [PASSWORD, SECRET_KEY]
        self.infinity = self.ec2 = self.bootstrap = self.burstd = None
        self.cuts = []  # what a test asked for by force
        self.build()

    def build(self):
        oslo = self.platform.add_location("Oslo")
        bergen = self.platform.add_location("Bergen")
        burst_a = self.platform.add_location("Burst A")
        burst_b = self.platform.add_location("Burst B")
        oslo.overflow1, oslo.overflow2 = burst_a.id, burst_b.id
        for n in range(2):
            self.platform.add_node(f"oslo-{n + 1}", oslo)
        for n in range(23):
            self.platform.add_node(f"bergen-{n + 1:02}", bergen)
        for n in range(3):
            self.platform.add_node(f"a-{n + 1}", burst_a, bursting=True)
        self.platform.add_node("b-1", burst_b, bursting=True)

    def serve(self):
        """The upstream servers, without burstd."""
        self.infinity = FakeInfinity(self.platform, self.ledger, tls=self.tls["infinity"], **self.options["infinity"])
        self.ec2 = FakeEC2(self.platform, self.ledger, tls=self.tls["ec2"], **self.options["ec2"])
        self.bootstrap = FakeBootstrap(self.platform, self.ledger)
        return self

    def start(self, **environment):
        """burstd as configured; observing, bursting off. A variable given as None is left out."""
        if not self.infinity:
            self.serve()
        given = {
            "BURSTD_TIME_SCALE": str(SCALE),
            "BURSTD_INFINITY_URL": self.infinity.url,
            "BURSTD_INFINITY_USER": "api",
            "BURSTD_INFINITY_PASSWORD": PASSWORD,
            "BURSTD_AWS_REGIONS": "eu-west-1",
            "BURSTD_EC2_ENDPOINT": self.ec2.url,
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
            "AWS_EC2_METADATA_DISABLED": "true",
            "BURSTD_BOOTSTRAP_URL": self.bootstrap.url + "/{address}",
        }
        given |= self.environment | environment
        given = {name: value for name, value in given.items() if value is not None}
        self.burstd = Burstd(self.directory, given, self.secrets).start()
        return self.burstd

    def control(self, **settings):
        """burstd in control, both sources heard."""
        burstd = self.burstd or self.start()
        burstd.set_bursting(**(SETTINGS | settings))
        until(lambda: burstd.ready().status_code == 200, lambda: "ready: " + burstd.ready().text)
        until(lambda: burstd.phase("a-1") in ("stopped", "serving"), "the bursting nodes are known")
        burstd.set_bursting(**CONTROL)
        return burstd

    # --- what happened ---

    def starts(self, mark=0):
        return [row["node"] for row in self.ledger.since(mark, "StartInstances") if not row["code"]]

    def stops(self, mark=0):
        return [row["node"] for row in self.ledger.since(mark, "StopInstances") if not row["code"]]

    def looks(self, n):
        """Waits until burstd has looked at both systems `n` times more: time for it to do what it should not."""
        mark = self.ledger.mark()
        until(lambda: self.ledger.count(mark, "describe") >= n, f"{n} looks at EC2")
        return mark

    def end(self):
        try:
            if self.burstd:
                self.burstd.secrets += self.infinity.document_secrets
                self.burstd.end()
            for fake in (self.infinity, self.ec2, self.bootstrap):
                assert not fake.faults, fake.faults[0]
            assert not self.ledger.since(0, "forbidden"), "a method that Infinity does not take"
            assert self.platform.cuts == self.cuts, "calls were cut"
        finally:
            if self.burstd and self.burstd.process.poll() is None:
                self.burstd.kill()
            for fake in (self.infinity, self.ec2, self.bootstrap):
                if fake:
                    fake.close()


class Certificate:
    """A self-signed one for 127.0.0.1."""

    def __init__(self, directory):
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mgr.example.net")])
        now = datetime.datetime.utcnow()
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=30))
            .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
            .sign(key, hashes.SHA256())
        )
        self.path = directory / "certificate.pem"
        self.path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        key_path = directory / "certificate.key"
        key_path.write_bytes(
            key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        )
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(self.path, key_path)
        self.pin = pin_of(key)


def pin_of(key):
    """sha256//BASE64 of the public key, as curl and RFC 7469 count it."""
    der = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return "sha256//" + base64.b64encode(hashlib.sha256(der).digest()).decode()
