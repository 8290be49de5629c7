"""Reads a CloudFormation template and works out what its values come to.

No part of this calls AWS. It knows the functions that our templates use, and refuses the others, so
that a check never looks at a value that it has not understood.
"""

import re

import yaml

ACCOUNT, REGION, STACK = "111122223333", "eu-central-1", "rollcall"
NOTHING = object()
"""Stands for AWS::NoValue until the list or mapping around it drops it."""


class Broken(Exception):
    """The template refers to something that is not there."""


class _Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short forms (`!Ref`, `!Sub`, ...)."""


def _short_form(loader, suffix, node):
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _short_form)


def load(text):
    """The template as nested dictionaries, short forms written out."""
    return yaml.load(text, Loader=_Loader)


# What makes up a resource's name, its ARN, and which attributes it has besides.
_TYPES = {
    "AWS::S3::Bucket": ("BucketName", "arn:aws:s3:::{name}", {"DomainName", "RegionalDomainName"}),
    "AWS::SQS::Queue": ("QueueName", "arn:aws:sqs:{region}:{account}:{name}", {"QueueName", "QueueUrl"}),
    "AWS::DynamoDB::Table": ("TableName", "arn:aws:dynamodb:{region}:{account}:table/{name}", {"StreamArn"}),
    "AWS::Serverless::Function": ("FunctionName", "arn:aws:lambda:{region}:{account}:function:{name}", set()),
    "AWS::IAM::Role": ("RoleName", "arn:aws:iam::{account}:role/{name}", {"RoleId"}),
    "AWS::IAM::User": ("UserName", "arn:aws:iam::{account}:user/{name}", set()),
    "AWS::KMS::Key": (None, "arn:aws:kms:{region}:{account}:key/{name}", {"KeyId"}),
    "AWS::Logs::LogGroup": ("LogGroupName", "arn:aws:logs:{region}:{account}:log-group:{name}:*", set()),
    "AWS::SNS::Topic": ("TopicName", "arn:aws:sns:{region}:{account}:{name}", {"TopicArn", "TopicName"}),
    "AWS::Scheduler::ScheduleGroup": ("Name", "arn:aws:scheduler:{region}:{account}:schedule-group/{name}", {"State"}),
}
# Types whose Ref is their ARN.
_REF_IS_ARN = {"AWS::SNS::Topic", "AWS::IAM::ManagedPolicy"}


class Template:
    """A template under a choice of parameters."""

    def __init__(self, doc, **parameters):
        self.doc = doc
        declared = doc.get("Parameters", {})
        unknown = set(parameters) - set(declared)
        if unknown:
            raise Broken(f"no parameter is called {sorted(unknown)}")
        self.parameters = {
            name: parameters.get(name, spec.get("Default", f"<{name}>"))
            for name, spec in declared.items()
        }
        self.conditions = {}
        for name in doc.get("Conditions", {}):
            self.conditions[name] = self._truth(doc["Conditions"][name])
        self.resources = {
            name: resource
            for name, resource in doc["Resources"].items()
            if "Condition" not in resource or self._is(resource["Condition"])
        }

    def of_type(self, kind):
        """Name and properties, worked out, of each resource of a type that is made."""
        return {
            name: self.properties(name)
            for name, resource in self.resources.items()
            if resource["Type"] == kind
        }

    def properties(self, name):
        """The properties of a resource, worked out; a function's with what is set globally."""
        resource = self._resource(name)
        properties = resource.get("Properties", {})
        if resource["Type"] == "AWS::Serverless::Function":
            properties = {**self.doc.get("Globals", {}).get("Function", {}), **properties}
        return self.value(properties)

    def name(self, logical):
        """What a resource will be called."""
        resource = self._resource(logical)
        property_ = _TYPES.get(resource["Type"], (None,))[0]
        given = resource.get("Properties", {}).get(property_)
        return logical if given is None else self.value(given)

    def arn(self, logical):
        """The ARN that a resource will have."""
        kind = self._resource(logical)["Type"]
        if kind == "AWS::IAM::ManagedPolicy":
            return f"arn:aws:iam::{ACCOUNT}:policy/{logical}"
        if kind not in _TYPES:
            raise Broken(f"{kind} ({logical}) has no ARN that this check knows")
        return _TYPES[kind][1].format(name=self.name(logical), region=REGION, account=ACCOUNT)

    def value(self, raw):
        """What a value comes to."""
        if isinstance(raw, list):
            return [v for v in map(self.value, raw) if v is not NOTHING]
        if not isinstance(raw, dict):
            return raw
        if len(raw) == 1:
            (key, argument), = raw.items()
            if key == "Ref":
                return self._ref(argument)
            if key.startswith("Fn::"):
                return self._function(key[4:], argument)
        return {k: v for k, v in ((k, self.value(v)) for k, v in raw.items()) if v is not NOTHING}

    def _function(self, name, argument):
        if name == "Sub":
            return self._sub(argument)
        if name == "GetAtt":
            return self._attribute(*argument)
        if name == "If":
            return self.value(argument[1] if self._is(argument[0]) else argument[2])
        if name == "FindInMap":
            where, first, second = (self.value(part) for part in argument)
            try:
                return self.doc["Mappings"][where][str(first)][second]
            except KeyError:
                raise Broken(f"mapping {where} has no {first}/{second}") from None
        if name == "ImportValue":
            return f"<import {self.value(argument)}>"
        raise Broken(f"this check does not know Fn::{name}")

    def _ref(self, name):
        pseudo = {
            "AWS::AccountId": ACCOUNT, "AWS::Region": REGION, "AWS::StackName": STACK,
            "AWS::Partition": "aws", "AWS::NoValue": NOTHING, "AWS::URLSuffix": "amazonaws.com",
        }
        if name in pseudo:
            return pseudo[name]
        if name in self.parameters:
            return self.parameters[name]
        kind = self._resource(name)["Type"]
        if kind == "AWS::SQS::Queue":
            return f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{self.name(name)}"
        return self.arn(name) if kind in _REF_IS_ARN else self.name(name)

    def _attribute(self, logical, attribute):
        kind = self._resource(logical)["Type"]
        if kind not in _TYPES:
            raise Broken(f"this check knows no attributes of {kind} ({logical}.{attribute})")
        if attribute == "Arn":
            return self.arn(logical)
        if attribute not in _TYPES[kind][2]:
            raise Broken(f"{kind} has no attribute {attribute} ({logical}.{attribute})")
        return self.name(logical) if attribute == "QueueName" else f"{logical}.{attribute}"

    def _sub(self, argument):
        text, given = argument if isinstance(argument, list) else (argument, {})

        def put(match):
            inner = match.group(1)
            if inner.startswith("!"):
                return "${" + inner[1:] + "}"
            if inner in given:
                return str(self.value(given[inner]))
            if "." in inner:
                return str(self._attribute(*inner.split(".", 1)))
            return str(self._ref(inner))

        return re.sub(r"\$\{([^}]+)\}", put, text)

    def _resource(self, name):
        if name not in self.doc["Resources"]:
            raise Broken(f"there is no resource, parameter or pseudo parameter {name}")
        if name not in self.resources:
            raise Broken(f"{name} is referred to where its condition does not hold")
        return self.resources[name]

    def _is(self, condition):
        if condition not in self.conditions:
            raise Broken(f"there is no condition {condition}")
        return self.conditions[condition]

    def _truth(self, raw):
        (key, argument), = raw.items()
        if key == "Fn::Equals":
            return str(self.value(argument[0])) == str(self.value(argument[1]))
        if key == "Fn::Not":
            return not self._truth(argument[0])
        if key == "Condition":
            return self._is(argument)
        raise Broken(f"this check does not know {key} in a condition")
