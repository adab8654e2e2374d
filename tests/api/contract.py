"""openapi.yaml as a check: which operation a request was, and whether the reply is one that the contract describes."""

import re

import jsonschema
import yaml

PLACES = {"{id}": "[1-9][0-9]*", "{file}": "[A-Za-z0-9._-]+", "{instance}": "[A-Za-z0-9._-]+"}  # what stands for a {name} in a path, else any text
METHODS = ("get", "post", "patch", "put", "delete")
# Errors that do not depend on the operation: `default` stands for them. All others are listed by each operation. 413 is one of
# them only where no body is taken.
GENERAL = (405, 413, 414, 421, 500)


class Contract:
    def __init__(self, path):
        with open(path, encoding="utf-8") as f:
            self.document = yaml.safe_load(f)
        self.resolver = jsonschema.RefResolver("", self.document)
        self.formats = jsonschema.FormatChecker()
        self.operations = {}  # operationId -> (METHOD, path, operation)
        self.exercised = {}  # operationId -> statuses seen
        for path, item in self.document["paths"].items():
            for method in METHODS:
                if method in item:
                    operation = dict(item[method], parameters=self.parameters(item) + self.parameters(item[method]))
                    self.operations[operation["operationId"]] = (method.upper(), path, operation)

    def resolve(self, node):
        while "$ref" in node:
            node = self.resolver.resolve(node["$ref"])[1]
        return node

    def parameters(self, item):
        return [self.resolve(p) for p in item.get("parameters", [])]

    def find(self, method, path):
        """The operation of a request, None where the contract has none."""
        method = "GET" if method == "HEAD" else method
        for name, (m, pattern, operation) in self.operations.items():
            expression = "^" + re.sub(r"\{[^}]*\}", lambda m: PLACES.get(m[0], "[^/]+"), pattern) + "$"
            if m == method and re.match(expression, path):
                return name, operation
        return None, None

    def check_schema(self, schema, value, what):
        validator = jsonschema.Draft202012Validator(schema, resolver=self.resolver, format_checker=self.formats)
        problems = [f"{'/'.join(map(str, e.absolute_path))}: {e.message}" for e in validator.iter_errors(value)]
        assert not problems, f"{what}: " + "; ".join(problems[:5])

    def check_reply(self, method, path, reply):
        """Fails where the reply is not one of the contract; notes the operation as exercised."""
        name, operation = self.find(method, path)
        what = f"{method} {path} -> {reply.status_code}"
        status = str(reply.status_code)
        if operation is None:  # no such path, or OPTIONS
            return self.check_problem(reply, what) if reply.status_code >= 400 else None
        self.exercised.setdefault(name, set()).add(reply.status_code)
        described = operation["responses"].get(status)
        if described is None:
            body_taken = reply.status_code == 413 and "requestBody" in operation
            assert reply.status_code in GENERAL and not body_taken, f"{what}: this status is not described"
            return self.check_problem(reply, what)
        return self.check_described(self.resolve(described), method, reply, what)

    def check_described(self, described, method, reply, what):
        for header in described.get("headers", {}):
            assert header in reply.headers, f"{what}: the header {header} is missing"
        content = described.get("content")
        if content is None or method == "HEAD":
            assert not reply.content, f"{what}: a body where none is described"
            return
        media = reply.headers["Content-Type"].split(";")[0]
        assert media in content, f"{what}: {media} is not described"
        if media == "application/problem+json":
            self.check_problem(reply, what)
        elif media.endswith(("/json", "+json")):
            self.check_schema(content[media]["schema"], reply.json(), what)

    def check_problem(self, reply, what):
        assert reply.status_code >= 400, f"{what}: this status is not described"
        assert reply.headers["Content-Type"] == "application/problem+json", what
        if reply.request.method == "HEAD":
            return
        problem = reply.json()
        self.check_schema({"$ref": "#/components/schemas/Problem"}, problem, what)
        assert problem["status"] == reply.status_code, what
