"""/docs: the contract in a form to read, from what is built in alone."""

import gzip
import html.parser
import json
import re

import pytest

from harness import ROOT, problem

FILES = {"/docs": "text/html", "/docs/docs.js": "text/javascript", "/docs/docs.css": "text/css",
         "/docs/swagger-ui.js": "text/javascript", "/docs/swagger-ui.css": "text/css"}


class Page(html.parser.HTMLParser):
    """What a page loads, and what a strict policy would not let it do."""

    def __init__(self, text):
        super().__init__()
        self.loads, self.inline = [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.loads += [attrs[name] for name in ("src", "href") if name in attrs]
        if tag == "style" or tag == "script" and "src" not in attrs:
            self.inline.append(tag)
        self.inline += [name for name in attrs if name == "style" or name.startswith("on")]


@pytest.mark.parametrize("path", FILES)
def test_files_are_served(deaf, path):
    """Without a token, gzip'ed, with an ETag, whole, and safe to show in a browser."""
    reply = deaf.ask("GET", path, token=None)
    assert reply.status_code == 200
    assert reply.headers["Content-Type"] == f"{FILES[path]}; charset=utf-8"
    assert reply.headers["Content-Encoding"] == "gzip" and len(reply.content) > 100
    assert reply.headers["X-Content-Type-Options"] == "nosniff"
    again = deaf.ask("GET", path, token=None, headers={"If-None-Match": reply.headers["ETag"]})
    assert again.status_code == 304 and not again.content


@pytest.mark.parametrize("path", FILES)
def test_files_refuse_what_every_path_refuses(deaf, path):
    problem(deaf.ask("GET", path + "?theme=dark", token=None), 400, "bad-request")
    problem(deaf.ask("GET", path, token=None, headers={"Accept": "application/pdf"}), 406, "not-acceptable")


def test_the_policy_allows_this_server_only(deaf):
    policy = dict(part.split(" ", 1) for part in deaf.ask("GET", "/docs", token=None).headers["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == policy["base-uri"] == policy["form-action"] == policy["frame-ancestors"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert policy["img-src"] == "'self' data:"
    assert "unsafe" not in str(policy) and "//" not in str(policy)


def test_the_page_loads_what_is_there_and_nothing_else(deaf):
    page = Page(deaf.ask("GET", "/docs", token=None).text)
    assert not page.inline
    loads = {f"/{path}" for path in page.loads if not path.startswith("data:")}
    assert loads == set(FILES) - {"/docs"}


def test_no_outside_address(deaf):
    """In our files there is none at all. The renderer's hold some in texts and links, but its style loads nothing but data:."""
    for path in ("/docs", "/docs/docs.js", "/docs/docs.css"):
        assert not re.search(r"https?:|[\"'(]//", deaf.ask("GET", path, token=None).text), path
    style = deaf.ask("GET", "/docs/swagger-ui.css", token=None).text
    assert all(url.startswith("data:") for url in re.findall(r"url\([\"']?([^\"')]*)", style))
    assert "@import" not in style


def test_the_renderer_is_the_locked_one(deaf):
    """As its archive has it, whose hash the build has checked."""
    for built, packed in (("swagger-ui.js", "swagger-ui-bundle.js"), ("swagger-ui.css", "swagger-ui.css")):
        assert deaf.ask("GET", f"/docs/{built}", token=None).content == (ROOT / "build/npm/swagger-ui-dist" / packed).read_bytes()
        assert len(gzip.compress(deaf.ask("GET", f"/docs/{built}", token=None).content)) < 500_000
    version = json.loads((ROOT / "web/docs/package.json").read_text())["dependencies"]["swagger-ui-dist"]
    assert json.loads((ROOT / "build/npm/swagger-ui-dist/package.json").read_text())["version"] == version


def test_the_contract_stays_closed(deaf):
    assert deaf.ask("GET", "/openapi.json", token=None).status_code == 401
    assert "/openapi.json" == "/" + re.search(r'fetch\("([^"]*)"', deaf.ask("GET", "/docs/docs.js", token=None).text).group(1)
