"""TERM in the middle of things: a clean exit within seconds, and the next start goes on where this one left off."""

import signal
import threading
import time

import pytest
import requests

from daemon import Burstd, until
from proxy import POINTS
from test_kill import check_history, check_world


@pytest.mark.parametrize("face", ["infinity", "ec2"])
@pytest.mark.parametrize("point", POINTS)
def test_term_during_a_change(site, face, point):
    site.start()
    came = threading.Event()

    def term():
        site.burstd.process.send_signal(signal.SIGTERM)
        came.set()

    if face == "ec2":
        site.proxies[face].arm(point, term)
        site.demand("Oslo", 16)
    else:
        site.demand("Oslo", 16)
        until(lambda: site.world.look("metrics")["starts"], "a start")
        site.proxies[face].arm(point, term)
        site.demand("Oslo", 0)
    assert came.wait(30), "the change"
    assert site.burstd.process.wait(timeout=10) == 0, site.burstd.log()[-3000:]
    site.burstd.start()
    site.settle()
    check_world(site)
    check_history(site)


def test_term_while_infinity_does_not_answer(site):
    """The exchange under way is cut short: nobody waits for its deadline of 20 s."""
    site.start()
    site.proxies["infinity"].open.clear()
    until(lambda: not site.burstd.source("infinity")["fresh"], "an exchange hangs")
    asked = time.monotonic()
    assert site.burstd.terminate(within=15) == 0
    assert time.monotonic() - asked < 5
    site.proxies["infinity"].open.set()
    site.burstd.start()
    until(lambda: site.burstd.ready().status_code == 200, "ready again")


def test_term_with_requests_under_way(site):
    """Requests that came before TERM are answered; none is cut in the middle."""
    site.start()
    bad, good, stop = [], [], threading.Event()

    def ask():
        session = requests.Session()
        session.trust_env = False
        session.headers.update(site.burstd.http.headers)
        while not stop.is_set():
            try:
                reply = session.get(site.burstd.url + "/v1/status", timeout=10)
                if reply.status_code != 200 or not reply.json()["sources"]:
                    bad.append(reply.text)
                good.append(reply.status_code)
            except requests.ConnectionError as error:
                if "IncompleteRead" in str(error):
                    bad.append(str(error))
                return

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    until(lambda: len(good) > 100, "a hundred answers")
    assert site.burstd.terminate() == 0
    stop.set()
    for thread in threads:
        thread.join()
    assert not bad, bad[:1]
    site.burstd.start()


def test_int_ends_it_as_well_and_twice_is_no_harm(site):
    site.start()
    site.burstd.process.send_signal(signal.SIGINT)
    site.burstd.process.send_signal(signal.SIGTERM)
    assert site.burstd.process.wait(timeout=10) == 0
    site.burstd.start()


def test_a_second_burstd_on_the_same_state_is_refused(site):
    """One controller: the lock file keeps a second one out, and a kill -9 leaves no lock behind."""
    site.start()
    other = Burstd(site.directory, site.burstd.environment)
    other.log_path = site.directory / "other.log"
    with pytest.raises(AssertionError, match="ended by itself"):
        other.start()
    assert other.process.returncode != 0 and "uses the state directory" in other.log(), other.log()
    site.burstd.kill()
    site.burstd.start()
    until(lambda: site.burstd.ready().status_code == 200, "ready")
