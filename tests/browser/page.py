"""The dashboard as a person uses it: by what stands on it."""

import json
import pathlib

from selenium.common.exceptions import JavascriptException, NoSuchElementException, StaleElementReferenceException
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from harness import ROOT, until

SHOTS = ROOT / "build/screenshots"
MOVED = (NoSuchElementException, StaleElementReferenceException, IndexError)


class Page:
    def __init__(self, driver, address):
        self.driver = driver
        self.address = address
        self.expected = []  # parts of complaints of the browser's console that belong to the test
        driver.get_log("browser")

    # --- going somewhere ---

    def open(self, view=""):
        self.driver.get(f"{self.address}/#/{view}")

    def sign_in(self, token):
        self.open()
        self.driver.execute_script("sessionStorage.clear()")
        self.driver.refresh()
        self.see("#token")
        self.type("#token", token)
        self.press("Show the platform")
        self.see(".headline")

    def leave(self):
        said = [one["message"] for one in self.driver.get_log("browser") if one["level"] == "SEVERE"]
        self.driver.execute_script("sessionStorage.clear()")
        self.driver.get("about:blank")
        left = [text for text in said if not any(part in text for part in self.expected)]
        assert not left, left

    def size(self, width, height):
        self.driver.set_window_size(width, height)

    def scheme(self, name):
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": name}]})

    # --- looking ---

    def all(self, css):
        return self.driver.find_elements(By.CSS_SELECTOR, css)

    def text(self, css="main"):
        return "\n".join(element.text for element in self.all(css))

    def look(self, condition, what):
        """Waits until `condition` holds; elements may be replaced while it looks."""
        def once():
            try:
                return condition()
            except MOVED:
                return None
        try:
            return until(once, what)
        except AssertionError as error:
            self.shot("failed")
            raise AssertionError(f"{error}; the page says:\n{self.text('body')}") from None

    def see(self, css, text=""):
        return self.look(lambda: next((e for e in self.all(css) if e.is_displayed() and text in e.text), None), f"{css} with “{text}”")

    def gone(self, css, text=""):
        self.look(lambda: not any(e.is_displayed() and text in e.text for e in self.all(css)), f"no {css} with “{text}”")

    def row(self, name, text=""):
        """The row of a node, when it says `text`."""
        def found():
            return next((row for row in self.all(".overflow tbody tr") if row.text.startswith(name + "\n") and text in row.text), None)
        return self.look(found, f"the row of {name} with “{text}”")

    def shot(self, name):
        SHOTS.mkdir(parents=True, exist_ok=True)
        height = self.driver.execute_script("return document.documentElement.scrollHeight")
        size = self.driver.get_window_size()
        self.driver.set_window_size(size["width"], max(height + 150, size["height"]))
        path = pathlib.Path(SHOTS, f"{name}.png")
        assert self.driver.save_screenshot(str(path))
        self.driver.set_window_size(size["width"], size["height"])
        return path

    def axe(self, where):
        """No violation of what axe looks for."""
        self.script((ROOT / "build/npm/axe-core/axe.min.js").read_text())
        found = self.driver.execute_async_script(
            "axe.run(document, {resultTypes: ['violations']}).then((r) => arguments[0](r.violations.map((v) => [v.id, v.nodes.map((n) => [n.html, n.failureSummary])])))")
        assert found == [], f"{where}: {json.dumps(found, indent=1)}"

    # --- doing ---

    def press(self, name):
        """The button with this label, or text, that can be pressed."""
        def found():
            for button in self.all("dialog[open] button") or self.all("button"):
                if button.is_displayed() and button.is_enabled() and name in (button.get_attribute("aria-label"), button.text):
                    button.click()
                    return True
            return False
        self.look(found, f"a button “{name}”")

    def type(self, css, text):
        field = self.see(css)
        field.send_keys(Keys.CONTROL, "a")
        field.send_keys(text)

    def labelled(self, label, text):
        """Fills in the field that a label stands before."""
        self.look(lambda: self.script("""
            const label = [...document.querySelectorAll("label")].find((l) => l.checkVisibility() && l.textContent.trim().startsWith(arguments[0]));
            const input = label && (label.control ?? label.querySelector("input, select"));
            if (!input) return false;
            input.focus(); input.select?.(); return true;""", label), f"a field “{label}”")
        active = self.driver.switch_to.active_element
        if active.tag_name == "input" and active.get_attribute("type") != "checkbox":
            active.send_keys(Keys.CONTROL, "a")
        active.send_keys(text)

    def keys(self, *keys):
        self.driver.switch_to.active_element.send_keys(*keys)

    def script(self, text, *arguments):
        try:
            return self.driver.execute_script(text, *arguments)
        except JavascriptException as error:
            raise AssertionError(error.msg) from None
