"""
IAM's decision about one call: policy documents are evaluated as IAM does it (an explicit deny wins, else some statement must allow
every resource of the call). So the policies that burstd hands out at /v1/aws/iam-policy can be attached to keys here.
"""

import dataclasses
import fnmatch
import re

ACCOUNT = "111122223333"
SINGLE = {
    "StringEquals": lambda pattern, value: pattern == value,
    "StringEqualsIgnoreCase": lambda pattern, value: pattern.lower() == value.lower(),
    "StringLike": fnmatch.fnmatchcase,
}


@dataclasses.dataclass
class Question:
    """One action on one resource; `context` gives the condition keys, whose names know no case."""

    action: str
    resource: str
    context: dict


def listed(value):
    return value if isinstance(value, list) else [value]


def fits(pattern, text):
    """IAM's wildcards: "*" and "?", nothing else."""
    return re.fullmatch(re.escape(pattern).replace(r"\*", ".*").replace(r"\?", "."), text, re.S) is not None


def condition_holds(operator, key, wanted, context):
    found = {name.lower(): value for name, value in context.items()}.get(key.lower())
    quantifier, _, plain = operator.rpartition(":")
    if plain == "Null":
        return (found is None) == (listed(wanted)[0] == "true")
    if_exists = plain.endswith("IfExists")
    plain = plain.removesuffix("IfExists")
    negated = plain.startswith("StringNot")
    same = SINGLE[plain.replace("StringNot", "String")]
    wanted = [text.replace("${$}", "$") for text in listed(wanted)]
    if found is None:
        return if_exists or negated or quantifier == "ForAllValues"
    good = [any(same(pattern, value) for pattern in wanted) != negated for value in listed(found)]
    return any(good) if quantifier == "ForAnyValue" else all(good)


def statement_holds(statement, question):
    return (
        any(fits(pattern.lower(), question.action.lower()) for pattern in listed(statement["Action"]))
        and any(fits(pattern, question.resource) for pattern in listed(statement["Resource"]))
        and all(
            condition_holds(operator, key, wanted, question.context)
            for operator, keys in statement.get("Condition", {}).items()
            for key, wanted in keys.items()
        )
    )


def allowed(policies, question):
    statements = [s for policy in policies for s in listed(policy["Statement"]) if statement_holds(s, question)]
    return bool(statements) and all(s["Effect"] == "Allow" for s in statements)


def reason(user, question):
    """EC2's message for a call that no policy allows."""
    return (
        f"You are not authorized to perform this operation. User: arn:aws:iam::{ACCOUNT}:user/{user} is not authorized to perform: "
        f"{question.action} on resource: {question.resource} because no identity-based policy allows the {question.action} action. "
        "Encoded authorization failure message: " + "Zq0-x_" * 40
    )
