"""TLS of the server, with certificates that openssl makes: what a start needs, what a client gets, renewal on HUP."""

import os
import pathlib
import signal
import socket
import ssl
import stat
import subprocess
import tempfile
import threading

import pytest
import requests

from harness import PATIENCE, Burstd, run, until, upstreams

GOOD = upstreams("http://127.0.0.1:9", "http://127.0.0.1:9")
NAMES = "subjectAltName=IP:127.0.0.1,DNS:localhost"


def openssl(*arguments):
    subprocess.run(["openssl", *arguments], check=True, capture_output=True, timeout=PATIENCE)


class Authority:
    """A root, an intermediate that it signed, and server certificates of the intermediate."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.root = self.folder / "root.pem"
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                "-subj", "/CN=root", "-keyout", str(self.folder / "root.key"), "-out", str(self.root))
        self.sign("middle", "root", "basicConstraints=critical,CA:TRUE", "ec")

    def sign(self, name, signer, extension, kind):
        path = {end: str(self.folder / f"{name}.{end}") for end in ("key", "csr", "pem", "ext")}
        pathlib.Path(path["ext"]).write_text(extension + "\n", encoding="ascii")
        made = ["-newkey", "rsa:2048"] if kind == "rsa" else ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
        openssl("req", *made, "-nodes", "-subj", f"/CN={name}", "-keyout", path["key"], "-out", path["csr"])
        openssl("x509", "-req", "-in", path["csr"], "-days", "2", "-CA", str(self.folder / f"{signer}.pem"),
                "-CAkey", str(self.folder / f"{signer}.key"), "-CAcreateserial", "-extfile", path["ext"],
                "-out", path["pem"])
        os.chmod(path["key"], 0o600)

    def server(self, name, kind="ec"):
        """Paths of a chain (the server's certificate first) and of its key."""
        self.sign(name, "middle", NAMES, kind)
        chain = self.folder / f"{name}-chain.pem"
        chain.write_text((self.folder / f"{name}.pem").read_text("ascii") +
                         (self.folder / "middle.pem").read_text("ascii"), "ascii")
        return chain, self.folder / f"{name}.key"


@pytest.fixture(scope="module")
def authority():
    with tempfile.TemporaryDirectory(prefix="burstd-tls-") as folder:
        yield Authority(folder)


def settings(chain, key, **more):
    return {**GOOD, "BURSTD_TLS_CERT": str(chain), "BURSTD_TLS_KEY": str(key), **more}


@pytest.fixture(scope="module")
def server(contract, authority):
    burstd = Burstd(contract, settings(*authority.server("first"), BURSTD_CLIENT_IDLE_SECONDS="2"))
    yield burstd
    burstd.close()


def context(authority, least=ssl.TLSVersion.TLSv1_2, most=ssl.TLSVersion.MAXIMUM_SUPPORTED):
    made = ssl.create_default_context(cafile=str(authority.root))
    made.set_ciphers("DEFAULT:@SECLEVEL=0")  # so that a refusal of an old version is the server's
    made.minimum_version, made.maximum_version = least, most
    return made


def connect(burstd, how):
    host, port = burstd.address.split(":")
    plain = socket.create_connection((host, int(port)), timeout=PATIENCE)
    return how.wrap_socket(plain, server_hostname="127.0.0.1")


def name_shown(burstd, authority):
    with connect(burstd, context(authority)) as s:
        return dict(part[0] for part in s.getpeercert()["subject"])["commonName"]


def https(burstd, authority, method, path, **options):
    headers = {"Authorization": f"Bearer {burstd.token}", **options.pop("headers", {})}
    reply = requests.request(method, f"https://{burstd.address}{path}", verify=str(authority.root), timeout=PATIENCE,
                             headers=headers, **options)
    burstd.contract.check_reply(method, path, reply)
    return reply


def test_chain_and_replies(server, authority):
    """The client knows the root alone, so the intermediate has to come from the server."""
    for path in ("/healthz", "/v1/status", "/openapi.yaml", "/v1/nodes/1", "/v1/bursting"):
        reply = https(server, authority, "GET", path)
        assert reply.headers["Strict-Transport-Security"].startswith("max-age="), path
    etag = https(server, authority, "GET", "/v1/bursting").headers["ETag"]
    again = https(server, authority, "GET", "/v1/bursting", headers={"If-None-Match": etag})
    assert again.status_code == 304 and "Strict-Transport-Security" in again.headers
    changed = https(server, authority, "PATCH", "/v1/bursting", json={"bursting_threshold": 7},
                    headers={"If-Match": "*"})
    assert changed.status_code == 200 and changed.json()["bursting_threshold"] == 7


def test_no_hsts_without_tls(deaf):
    assert "Strict-Transport-Security" not in deaf.ask("GET", "/v1/status").headers


def test_a_large_body_and_many_requests(server, authority):
    """More than one TLS record each way, on one connection."""
    with requests.Session() as session:
        session.trust_env = False  # a CA bundle named in the environment goes before verify
        session.verify = str(authority.root)
        session.headers["Authorization"] = f"Bearer {server.token}"
        whole = session.get(f"https://{server.address}/openapi.yaml", timeout=PATIENCE)
        assert len(whole.content) > 40_000
        refused = session.patch(f"https://{server.address}/v1/bursting", data=b" " * (1 << 20), timeout=PATIENCE,
                                headers={"Content-Type": "application/json"})
        assert refused.status_code == 413
        for _ in range(50):
            assert session.get(f"https://{server.address}/healthz", timeout=PATIENCE).status_code == 200


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_versions(server, authority, version):
    with connect(server, context(authority, version, version)) as s:
        assert s.version() == version.name.replace("_", ".")
        assert "GCM" in s.cipher()[0] or "CHACHA20" in s.cipher()[0]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
def test_old_versions_are_refused(server, authority, version):
    with pytest.raises((ssl.SSLError, ConnectionError)) as refused:
        connect(server, context(authority, version, version))
    assert "no protocols" not in str(refused.value).lower(), "the client itself would not have it"


def test_weak_ciphers_are_refused(server, authority):
    how = context(authority, most=ssl.TLSVersion.TLSv1_2)
    how.set_ciphers("ECDHE+AES+SHA256:ECDHE+AES+SHA:AES:!AESGCM:!AESCCM:@SECLEVEL=0")
    with pytest.raises((ssl.SSLError, ConnectionError)):
        connect(server, how)


def test_plain_http_ends_cleanly(server, authority):
    host, port = server.address.split(":")
    for data in (b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", b"\0" * 50, b"\x16\x03\x01\xff\xff" + b"x" * 500, b""):
        with socket.create_connection((host, int(port)), timeout=PATIENCE) as s:
            s.sendall(data)
            out = b""
            try:
                while got := s.recv(1000):
                    out += got
            except ConnectionError:
                pass
            assert b"HTTP/1" not in out
    assert https(server, authority, "GET", "/healthz").status_code == 200


def test_handshake_that_never_ends(server, authority):
    """One byte of a ClientHello now and then: the deadline of a request ends it too."""
    host, port = server.address.split(":")
    hello = b"\x16\x03\x01\x10\x00" + b"\x01\x00\x0f\xfc\x03\x03" + b"\0" * 4000
    with socket.create_connection((host, int(port)), timeout=PATIENCE) as s:
        s.settimeout(0.2)
        for byte in hello[:int(PATIENCE / 0.2)]:
            try:
                s.sendall(bytes([byte]))
                if s.recv(100) == b"":
                    break
            except TimeoutError:
                continue
            except ConnectionError:
                break
        else:
            pytest.fail("the connection is still open")
    assert https(server, authority, "GET", "/healthz").status_code == 200


def test_reload(contract, authority):
    """HUP shows the new certificate to new connections; those that are open go on; a broken pair changes nothing."""
    with tempfile.TemporaryDirectory() as folder:
        chain, key = pathlib.Path(folder, "chain.pem"), pathlib.Path(folder, "key.pem")

        def install(made):
            chain.write_bytes(made[0].read_bytes())
            key.write_bytes(made[1].read_bytes())
            key.chmod(0o600)

        def hang_up(word):
            before = len(burstd.process.lines)
            burstd.process.child.send_signal(signal.SIGHUP)
            until(lambda: any(word in line for line in burstd.process.lines[before:]), word)

        old, new = authority.server("old"), authority.server("new", "rsa")
        install(old)
        burstd = Burstd(contract, settings(chain, key))
        try:
            with connect(burstd, context(authority)) as kept:
                assert name_shown(burstd, authority) == "old"
                chain.write_bytes(new[0].read_bytes())  # half of a renewal
                hang_up("was not reloaded")
                assert name_shown(burstd, authority) == "old"
                install(new)
                hang_up("reloaded the certificate")
                assert name_shown(burstd, authority) == "new"
                kept.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
                assert kept.recv(1000).startswith(b"HTTP/1.1 200")
            key.unlink()
            hang_up("was not reloaded")
            assert name_shown(burstd, authority) == "new"
        finally:
            burstd.close()


def test_reload_under_load(contract, authority):
    """Handshakes and reloads at once: every request is answered."""
    made = [authority.server("left"), authority.server("right")]
    with tempfile.TemporaryDirectory() as folder:
        for kind, file in zip(("chain", "key"), made[0]):
            path = pathlib.Path(folder, kind)
            path.write_bytes(file.read_bytes())
            path.chmod(0o600)
        burstd = Burstd(contract, settings(f"{folder}/chain", f"{folder}/key"))
        problems = []

        def ask():
            try:
                for _ in range(40):
                    assert https(burstd, authority, "GET", "/healthz").status_code == 200
            except Exception as e:  # pylint: disable=broad-except
                problems.append(e)

        try:
            threads = [threading.Thread(target=ask) for _ in range(4)]
            for thread in threads:
                thread.start()
            turn = 0
            while any(thread.is_alive() for thread in threads):
                turn += 1
                for kind, file in zip(("chain", "key"), made[turn % 2]):
                    pathlib.Path(folder, kind).write_bytes(file.read_bytes())
                burstd.process.child.send_signal(signal.SIGHUP)
                threads[0].join(0.05)
            for thread in threads:
                thread.join()
            assert not problems, problems[0]
        finally:
            burstd.close()


def refused_start(line, **env):
    with tempfile.TemporaryDirectory() as state:
        done = run(env={**GOOD, "BURSTD_STATE_DIR": state, "BURSTD_LISTEN": "127.0.0.1:0", **env})
        assert done.returncode == 1
        assert line in done.stderr and done.stderr.count("\n") == 1, done.stderr
        assert os.listdir(state) == []


def test_bad_files_stop_the_start(authority, tmp_path):
    chain, key = map(str, authority.server("good"))
    other = str(authority.server("other")[1])
    refused_start("BURSTD_TLS_CERT: set without BURSTD_TLS_KEY", BURSTD_TLS_CERT=chain)
    refused_start("BURSTD_TLS_KEY: set without BURSTD_TLS_CERT", BURSTD_TLS_KEY=key)
    refused_start("BURSTD_TLS_CERT: /nowhere: No such file", BURSTD_TLS_CERT="/nowhere", BURSTD_TLS_KEY=key)
    refused_start("BURSTD_TLS_KEY: /nowhere: No such file", BURSTD_TLS_CERT=chain, BURSTD_TLS_KEY="/nowhere")
    refused_start("does not belong to", BURSTD_TLS_CERT=chain, BURSTD_TLS_KEY=other)
    refused_start(f"BURSTD_TLS_CERT: {key}:", BURSTD_TLS_CERT=key, BURSTD_TLS_KEY=key)
    refused_start(f"BURSTD_TLS_KEY: {tmp_path}: not a regular file", BURSTD_TLS_CERT=chain, BURSTD_TLS_KEY=str(tmp_path))
    open_key = tmp_path / "open.key"
    open_key.write_bytes(pathlib.Path(key).read_bytes())
    for mode in (0o644, 0o604, 0o620, 0o602):
        open_key.chmod(mode)
        refused_start(f"BURSTD_TLS_KEY: {open_key}: others may read it", BURSTD_TLS_CERT=chain,
                      BURSTD_TLS_KEY=str(open_key))
    empty = tmp_path / "empty"
    empty.touch(0o600)
    refused_start(f"BURSTD_TLS_CERT: {empty}:", BURSTD_TLS_CERT=str(empty), BURSTD_TLS_KEY=key)
    refused_start(f"BURSTD_TLS_KEY: {empty}:", BURSTD_TLS_CERT=chain, BURSTD_TLS_KEY=str(empty))


def test_group_may_read_the_key(contract, authority):
    chain, key = authority.server("group")
    key.chmod(0o640)
    burstd = Burstd(contract, settings(chain, key))
    burstd.close()
    assert stat.S_IMODE(key.stat().st_mode) == 0o640


def test_listening_openly_needs_tls_or_a_proxy(contract, authority):
    refused_start("set BURSTD_TLS_CERT and BURSTD_TLS_KEY", BURSTD_LISTEN="0.0.0.0:0")
    refused_start("set BURSTD_TLS_CERT and BURSTD_TLS_KEY", BURSTD_LISTEN="[::]:0")
    burstd = Burstd(contract, settings(*authority.server("open"), BURSTD_LISTEN="127.0.0.2:0"))
    burstd.close()
