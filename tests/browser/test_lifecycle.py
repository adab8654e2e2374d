"""The life cycle of nodes in a real browser: forms, menus and operations, from the question to the end."""

import pytest
import requests
from selenium.webdriver.common.keys import Keys

from harness import until

DEPLOYMENT = {"name": "burst-9", "hostname": "burst-9", "domain": "video.example.com", "ssh_password": "hush-hush-password",
              "subnet": "subnet-0world00000000001", "security_groups": ["sg-0world00000000001"], "key_name": "node-key"}


def instances(world):
    return requests.get(world.control + "/state", timeout=10).json()["instances"]


def instance(world, node):
    return next(one for one in instances(world) if one["id"] == world.node(node)["instance"])


def ask(burstd, path, body, status=202):
    reply = burstd.ask("POST", path, body=body)
    assert reply.status_code == status, reply.text
    return reply.json()


def number(burstd, name):
    return next(node["id"] for node in burstd.get("/v1/nodes")["items"] if node["name"] == name)


def location(burstd, name):
    return next(one["id"] for one in burstd.get("/v1/locations")["items"] if one["name"] == name)


def state(burstd, operation, *states):
    until(lambda: burstd.get(f"/v1/operations/{operation['id']}")["state"] in states, f"{operation['kind']} is {states}")


@pytest.fixture(name="allowed")
def life_cycle_operations_are_allowed(burstd):
    assert burstd.ask("PATCH", "/v1/bursting", body={"allow_lifecycle": True}).status_code == 200
    return burstd


def halted(burstd, world):
    """A resize whose change of the type EC2 refuses."""
    world("fail_next", action="ModifyInstanceAttribute", code="InvalidParameterValue", status=400, times=1)
    made = ask(burstd, f"/v1/nodes/{number(burstd, 'burst-1')}/resize", {"instance_type": "c5.4xlarge"})
    state(burstd, made, "halted")
    return made


def ended(page, name, text):
    """The card of an operation that has ended."""
    page.open("operations")
    page.labelled("also the ended ones", Keys.SPACE)
    return page.see(f".operation.{name}", text)


# --- asking -------------------------------------------------------------------------------------------------------


def test_deploying_a_node_from_the_permission_to_the_end(page, world):
    page.open("nodes")
    page.see("main", "Life-cycle operations are off.")
    page.open("settings")
    page.labelled("Life-cycle operations are allowed", Keys.SPACE)
    page.labelled("AWS access key of life-cycle", "AKIAWORLDEXAMPLE0002")
    page.labelled("AWS secret key of life-cycle", "lifecycle/secret+EXAMPLEONLY0123456789abc")
    page.press("Review the changes")
    page.see("dialog", "lifecycle secret access key: not set → a new one")
    assert "lifecycle/secret" not in page.text("dialog")
    page.press("Save")
    page.see("#toasts", "The settings are saved.")
    page.see(".settings", "Set. It is never shown.")
    page.open("nodes")
    page.press("Deploy a node…")
    page.see("dialog .plan-box", "Fill in the fields")
    for label, text in (("Name", "burst-4"), ("Domain", "video.example.com"), ("SSH password", "hush-hush-password"), ("SSH key pair", "node-key"),
                        ("Subnet", "subnet-0world00000000001"), ("Security groups", "sg-0world00000000001"), ("Location", "AWS burst"), ("Public address", "auto")):
        page.labelled(label, text)
    page.keys(Keys.TAB)
    page.see("dialog .plan-box", "launch the instance")
    page.shot("deploy")
    assert len(instances(world)) == 3  # a plan changes nothing
    page.press("Deploy it")
    page.see("#toasts", "The node is being deployed.")
    page.see(".operation.open", "deploy node burst-4")
    page.see(".operation progress")
    page.look(lambda: page.all(".operation .steps .done"), "steps are done")
    page.shot("deploying")
    page.gone(".operation.open")
    card = ended(page, "done", "deploy node burst-4")
    assert "deploy node by admin" in card.text and not card.find_elements("css selector", ".steps .waiting")
    page.open()
    page.row("burst-4", "stopped")
    assert world.node("burst-4")["state"] == "stopped" and len(instances(world)) == 4


def test_resizing_through_the_menu(page, allowed, world):
    page.press("More for burst-1")
    page.see("dialog", "between overflow and always on")
    page.shot("menu")
    page.press("Resize")
    page.labelled("Instance type", "c5.4xlarge")
    page.keys(Keys.TAB)
    page.see("dialog .plan-box", "What will happen")
    page.shot("resize")
    page.press("Resize it")
    page.gone("dialog")
    ended(page, "done", "resize burst-1")
    assert instance(world, "burst-1")["type"] == "c5.4xlarge"


def test_converting_there_and_back_on_the_view_of_nodes(page, allowed):
    page.open("nodes")
    page.press("More for burst-2")
    page.press("Convert")
    page.labelled("Location", "Oslo")
    page.keys(Keys.TAB)
    page.press("Convert it")
    ended(page, "done", "convert burst-2")
    page.open("nodes")
    page.look(lambda: any("burst-2" in row.text and "always on" in row.text for row in page.all(".nodes tbody tr")), "burst-2 is always on")
    page.shot("nodes")
    page.press("More for burst-2")
    page.see("dialog", "Shut down")
    page.press("Convert")
    page.see("dialog", "Make burst-2 an overflow node")
    page.press("Cancel")
    assert allowed.get(f"/v1/nodes/{number(allowed, 'burst-2')}")["bursting"] is False


def test_removing_needs_a_second_tick(page, allowed, world):
    page.press("More for burst-3")
    page.press("Remove")
    page.see("dialog .plan-box", "terminate the instance")
    assert not page.see("dialog .danger", "Remove it").is_enabled()
    page.labelled("Yes, delete burst-3 and terminate its instance", Keys.SPACE)
    page.look(lambda: page.see("dialog .danger").is_enabled(), "it can be confirmed")
    page.labelled("Force", Keys.SPACE)  # another question: ticked anew
    page.see("dialog .sure", "and cut its calls")
    assert not page.see("dialog .danger").is_enabled()
    page.labelled("Force", Keys.SPACE)
    page.see("dialog .plan-box", "terminate the instance")
    page.labelled("Yes, delete burst-3", Keys.SPACE)
    page.shot("remove")
    page.press("Remove it")
    page.gone(".operation.open")
    ended(page, "done", "remove burst-3")
    page.open()
    page.gone(".overflow tbody tr", "burst-3")
    assert all(node["name"] != "burst-3" for node in allowed.get("/v1/nodes")["items"])


def test_force_is_ticked_twice_and_shown(page, allowed):
    page.press("Start burst-1")
    page.press("Start it")
    page.row("burst-1", "serving")
    page.press("Stop burst-1")
    page.labelled("Force: stop at once", Keys.SPACE)
    page.see("dialog .sure", "Yes, cut the calls on burst-1")
    assert not page.see("dialog .danger").is_enabled()
    page.labelled("Yes, cut the calls", Keys.SPACE)
    page.press("Stop it")
    page.row("burst-1", "stopped")
    page.open("operations")
    page.labelled("also the ended ones", Keys.SPACE)
    page.see(".operation", "forced")
    page.see(".operation", "by admin, with force")


def test_what_a_token_may_not_do(page, allowed):
    page.press("Sign out")
    page.type("#token", allowed.create_token("operator", "operator"))
    page.press("Show the platform")
    page.press("More for burst-1")
    page.press("Enable ENA")
    page.see("dialog .wrong", "Your token's role does not allow this.")
    page.press("Cancel")
    page.expected += ["403"]


def test_life_cycle_operations_that_are_off(page):
    page.press("More for burst-1")
    page.see("dialog", "An admin allows them under Settings.")
    assert not [button for button in page.all("dialog button") if button.text == "Resize"]
    page.press("Close")


# --- what goes wrong ----------------------------------------------------------------------------------------------


def test_a_halted_operation_is_resumed(page, allowed, world):
    halted(allowed, world)
    page.open("operations")
    page.see(".operation.halted .halt", "InvalidParameterValue")
    page.see(".operation.halted .halt", "What stands")
    page.shot("halted")
    page.press("Resume: resize burst-1")
    page.see("dialog .plan-box", "What will happen")
    assert instance(world, "burst-1")["type"] != "c5.4xlarge"
    page.press("Resume it")
    page.gone(".operation.open")
    ended(page, "done", "resize burst-1")
    assert instance(world, "burst-1")["type"] == "c5.4xlarge"


def test_a_halted_operation_is_left_as_it_is(page, allowed, world):
    halted(allowed, world)
    page.open("operations")
    page.press("Leave as it is: resize burst-1")
    page.press("Leave it")
    page.gone(".operation.open")
    ended(page, "abandoned", "resize burst-1")
    assert instance(world, "burst-1")["type"] != "c5.4xlarge"


def test_an_undo(page, allowed, world):
    """Infinity refuses the new node: the instance that was launched for it is terminated again."""
    world("fail_next", path="worker_vm", method="POST", status=400, times=1)
    made = ask(allowed, "/v1/nodes", {**DEPLOYMENT, "location": location(allowed, "AWS burst")})
    state(allowed, made, "halted")
    page.open("operations")
    page.press("Undo: deploy node burst-9")
    page.see("dialog .plan-box", "What will happen")
    page.shot("undo")
    page.press("Undo it")
    page.gone(".operation.open")
    card = ended(page, "cancelled", "deploy node burst-9")
    assert card.find_elements("css selector", ".steps .undone")
    until(lambda: [one["state"] for one in instances(world)].count("terminated") == 1, "its instance is terminated")


def test_what_only_a_person_can_do(page, allowed):
    made = ask(allowed, "/v1/management-nodes", {"name": "manager-2", **{name: DEPLOYMENT[name] for name in ("subnet", "security_groups", "key_name")}})
    state(allowed, made, "needs_person")
    page.open("operations")
    page.see(".operation.needs_person .person pre", "ssh")
    page.press("Copy the instructions of deploy management node manager-2")
    page.see("#toasts", "Copied.")
    page.shot("person")
    page.press("Undo: deploy management node manager-2")
    page.press("Undo it")
    page.gone(".operation.open")
    ended(page, "cancelled", "deploy management node")


# --- settings of both ---------------------------------------------------------------------------------------------


def test_the_settings_of_infinity_beside_ours(page, allowed):
    assert allowed.ask("PATCH", "/v1/bursting", body={"bursting_threshold": 9}).status_code == 200
    page.open("settings")
    page.see("main table", "differs")
    page.shot("settings-infinity")
    page.press("Push…")
    page.see("dialog .plan-box", "What will happen")
    page.press("Push them")
    page.gone(".operation.open")
    ended(page, "done", "push settings")
    until(lambda: allowed.get("/v1/bursting/infinity")["bursting_threshold"] == 9, "Infinity has the threshold")
    assert allowed.ask("PATCH", "/v1/bursting", body={"bursting_threshold": 4}).status_code == 200
    page.open("settings")
    page.press("Pull…")
    page.see("dialog .plan-box", "bursting threshold: 4 → 9")
    page.press("Pull them")
    page.see("#toasts", "The settings are taken over.")
    page.look(lambda: "differs" not in page.text("main"), "no difference is left")
    assert allowed.get("/v1/bursting")["bursting_threshold"] == 9


# --- accessible ---------------------------------------------------------------------------------------------------


def tab_to(page, label):
    """The focus moves by Tab alone until it is on what has this label or text."""
    for _ in range(80):
        page.keys(Keys.TAB)
        active = page.driver.switch_to.active_element
        if label in (active.get_attribute("aria-label"), active.text):
            return active
    raise AssertionError(f"Tab does not reach “{label}”")


def test_resizing_by_keyboard_alone(page, allowed, world):
    page.script("document.activeElement.blur()")
    tab_to(page, "More for burst-2").send_keys(Keys.ENTER)
    page.look(lambda: page.driver.switch_to.active_element.text == "Convert", "the first choice has the focus")
    tab_to(page, "Resize").send_keys(Keys.ENTER)
    page.see("dialog", "Resize burst-2")
    page.keys("c5.4xlarge", Keys.TAB)
    page.see("dialog .plan-box", "What will happen")
    page.keys(Keys.ESCAPE)
    page.gone("dialog")
    assert page.driver.switch_to.active_element.get_attribute("aria-label") == "More for burst-2"
    page.keys(Keys.ENTER)
    page.look(lambda: page.driver.switch_to.active_element.text == "Convert", "the first choice has the focus")
    tab_to(page, "Resize").send_keys(Keys.ENTER)
    page.see("dialog", "Resize burst-2")
    page.keys("c5.4xlarge", Keys.ENTER)  # before the plan is there nothing can be confirmed
    page.see("dialog .plan-box", "What will happen")
    tab_to(page, "Resize it").send_keys(Keys.ENTER)
    page.gone("dialog")
    ended(page, "done", "resize burst-2")
    assert instance(world, "burst-2")["type"] == "c5.4xlarge"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [380, 1280, 2560])
def test_axe_finds_no_violation(page, allowed, world, scheme, width):
    halted(allowed, world)
    made = ask(allowed, "/v1/management-nodes", {"name": "manager-2", **{name: DEPLOYMENT[name] for name in ("subnet", "security_groups", "key_name")}})
    state(allowed, made, "needs_person")
    page.scheme(scheme)
    page.size(width, 900)

    def look(name, shot=False):
        page.axe(f"{name} {scheme} {width}")
        wide = page.script("return [...document.querySelectorAll('main *, dialog[open] *')].filter((e) => !e.closest('.scroll, .unseen') && e.getBoundingClientRect().right > innerWidth + 1).map((e) => e.outerHTML.slice(0, 120))")
        assert not wide, f"{name} {width}: wider than the screen: {wide}"
        if shot:
            page.shot(f"{name}-{scheme}-{width}")

    page.open("operations")
    page.see(".operation.halted")
    page.see(".operation.needs_person")
    look("operations", shot=True)
    page.press("Undo: resize burst-1")
    page.see("dialog .plan-box", "What will happen")
    look("undo")
    page.press("Cancel")
    page.open("nodes")
    page.see(".nodes", "burst-3")
    look("nodes", shot=True)
    page.press("More for burst-3")
    page.see("dialog", "Resize")
    look("menu")
    page.press("Remove")
    page.see("dialog .sure", "Yes, delete burst-3")
    look("remove")
    page.press("Cancel")
    page.script("scrollTo(0, 0)")
    page.press("Deploy a node…")
    page.see("dialog summary", "More fields").click()
    look("deploy", shot=True)
    page.press("Cancel")
    page.open("settings")
    page.see("main table", "Infinity")
    page.press("Push…")
    page.see("dialog .plan-box", "What will happen")
    look("push")
    page.press("Cancel")
    page.size(1280, 900)
    page.scheme("light")
