"""
EC2's Query protocol as botocore's own model of the service describes it: a form is read into the structure that a client of AWS's
would have sent, and an answer is written as the XML that it would read. A name that the model does not know is refused, so that no
misspelt parameter goes unseen. The XML varies as documented: indented or on one line, any order of elements, requestId first or
last, empty sets self-closed, namespace with or without its trailing slash, an element of a later version.
"""

import datetime
import functools
import re
import uuid
from xml.sax.saxutils import escape

import botocore.session

from sigv4 import Refusal

NAMESPACE = "http://ec2.amazonaws.com/doc/2016-11-15"
XML = {"Content-Type": "text/xml;charset=UTF-8"}

# Later than the model (of December 2022), and documented since.
LATER = {"DescribeImages": {"MaxResults": int, "NextToken": str}}


@functools.cache
def service():
    return botocore.session.Session().get_service_model("ec2")


@functools.cache
def operation(action):
    try:
        return service().operation_model(action)
    except botocore.model.OperationNotFoundError:
        raise Refusal(400, "InvalidAction", f"The action {action} is not valid for this web service.") from None


# --- requests ---


def wire_name(member, shape):
    given = shape.serialization
    if "queryName" in given:
        return given["queryName"]
    return given["name"][0].upper() + given["name"][1:] if "name" in given else member[0].upper() + member[1:]


def scalar(shape, text, name):
    if shape.type_name == "boolean":
        if text not in ("true", "false"):
            raise Refusal(400, "InvalidParameterValue", f"Value ({text}) for parameter {name} is invalid. Expected: 'true'/'false'")
        return text == "true"
    if shape.type_name in ("integer", "long"):
        if not re.fullmatch(r"-?\d+", text):
            raise Refusal(400, "InvalidParameterValue", f"Value ({text}) for parameter {name} is invalid.")
        return int(text)
    if shape.enum and text not in shape.enum:
        raise Refusal(400, "InvalidParameterValue", f"Value ({text}) for parameter {name} is invalid.")
    return text


def read(shape, name, form, used):
    """What the form says of one member; None = nothing. `used` gets the names that were understood."""
    if shape.type_name == "structure":
        found = {member: read(s, f"{name}.{wire_name(member, s)}", form, used) for member, s in shape.members.items()}
        found = {member: value for member, value in found.items() if value is not None}
        return found or None
    if shape.type_name == "list":
        found = []
        while any(key == f"{name}.{len(found) + 1}" or key.startswith(f"{name}.{len(found) + 1}.") for key in form):
            found.append(read(shape.member, f"{name}.{len(found) + 1}", form, used))
        return found or None
    if name not in form:
        return None
    used.add(name)
    return scalar(shape, form[name], name)


def arguments(form):
    """(action, what was asked for, by the names of boto3)."""
    if form.get("Version") != "2016-11-15":
        raise Refusal(400, "NoSuchVersion", "The requested version is not supported")
    action = form.get("Action", "")
    shape = operation(action).input_shape
    used, given = {"Action", "Version"}, {}
    for member, s in shape.members.items():
        value = read(s, wire_name(member, s), form, used)
        if value is not None:
            given[member] = value
    for name, kind in LATER.get(action, {}).items():
        if name in form:
            used.add(name)
            given[name] = kind(form[name])
    for name in sorted(set(form) - used):
        raise Refusal(400, "UnknownParameter", f"The parameter {name} is not recognized")
    for name in shape.required_members:
        if name not in given:
            raise Refusal(400, "MissingParameter", f"The request must contain the parameter {name}")
    return action, given


# --- answers ---


def scalar_text(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, datetime.datetime):
        return value.astimezone(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    return value


def element(name, shape, value):
    """(name, text or list of children) of one member."""
    if shape.type_name == "structure":
        unknown = set(value) - set(shape.members)
        assert not unknown, f"{name} has no {unknown}"
        children = [
            element(s.serialization.get("name", member), s, value[member])
            for member, s in shape.members.items()
            if value.get(member) is not None
        ]
        return name, children
    if shape.type_name == "list":
        item = shape.member.serialization.get("name", "item")
        return name, [element(item, shape.member, one) for one in value]
    return name, scalar_text(value)


class Writer:
    """Writes answers; `random` chooses among the forms that the service uses."""

    def __init__(self, random):
        self.random = random

    def put(self, one, indent, depth):
        name, content = one
        margin = "\n" + "    " * depth if indent else ""
        if content in (None, [], ""):
            return f"{margin}<{name}/>"
        if isinstance(content, str):
            return f"{margin}<{name}>{escape(content)}</{name}>"
        children = list(content)
        if any(child[0] != "item" for child in children):
            if len(children) > 4:
                children.append(("elementOfALaterVersion", [("state", [("name", "running")])]))
            self.random.shuffle(children)
        inner = "".join(self.put(child, indent, depth + 1) for child in children)
        return f"{margin}<{name}>{inner}{margin}</{name}>"

    def answer(self, action, value):
        shape = operation(action).output_shape
        children = element(action, shape, value)[1] if shape else [("return", "true")]
        indent = self.random.random() < 0.5
        namespace = NAMESPACE + self.random.choice(("", "/"))
        body = [self.put(child, indent, 1) for child in children]
        body.insert(self.random.choice((0, len(body))), self.put(("requestId", str(uuid.uuid4())), indent, 1))
        head = '<?xml version="1.0" encoding="UTF-8"?>\n' if self.random.random() < 0.5 else ""
        return 200, XML, f'{head}<{action}Response xmlns="{namespace}">{"".join(body)}</{action}Response>'.encode()


def error(status, code, message):
    text = (
        '<?xml version="1.0" encoding="UTF-8"?>\n<Response><Errors><Error>'
        f"<Code>{code}</Code><Message>{escape(message)}</Message></Error></Errors>"
        f"<RequestID>{uuid.uuid4()}</RequestID></Response>"
    )
    return status, XML, text.encode()
