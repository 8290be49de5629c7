"""What only this project knows about its templates.

    check_template.py infra/template.yaml infra/door.yaml    says what is wrong; exit code 1 if anything
    check_template.py --self-test                            breaks the template in memory, in many ways,
                                                             and asserts that each is refused

The emulator of the local tests lets pass what AWS refuses (batch sizes, visibility, dead-letter queues
of the wrong kind, references to nothing), and enforces no IAM. So these rules do.
"""

import sys
from pathlib import Path

sys.dont_write_bytecode = True  # no __pycache__ beside the templates

import rules
from cfn import Broken, Template, load

HERE = Path(__file__).parent
# Every choice that changes what is made, and every timeout.
CHOICES = [
    {"FunctionTimeout": "30"},
    {"FunctionTimeout": "900", "DeliverConcurrency": "5"},
    {"FenceTenants": "false", "Dashboard": "false", "DeletionProtection": "false"},
    {"AlarmEmail": "operator@example.org"},
]


def check(name, doc):
    """What is wrong with a template, under all choices of its parameters."""
    problems = []
    if name == "door.yaml":
        choices, of_kind = [{"Kind": "role"}, {"Kind": "user"}], rules.DOOR_RULES
    else:
        timeouts = doc["Parameters"]["FunctionTimeout"]["AllowedValues"]
        choices = CHOICES + [{"FunctionTimeout": timeout} for timeout in timeouts]
        of_kind = rules.STACK_RULES
    for choice in choices:
        try:
            template = Template(doc, **choice)
            for logical in template.resources:
                template.properties(logical)
            outputs = doc.get("Outputs", {}).values()
            for output in outputs:
                if template.conditions.get(output.get("Condition"), True):
                    template.value(output["Value"])
        except Broken as broken:
            problems.append(str(broken))
            continue
        for rule in of_kind:
            try:
                problems += rule(template)
            except (Broken, KeyError, IndexError, TypeError, AttributeError, ValueError) as error:
                problems.append(f"{rule.__name__}: not in a form that this check knows: {error!r}")
    return list(dict.fromkeys(problems))


def main(arguments):
    if arguments == ["--self-test"]:
        import self_test

        return self_test.run(check, HERE)
    if not arguments:
        print(__doc__, file=sys.stderr)
        return 64
    found = 0
    for path in map(Path, arguments):
        for problem in check(path.name, load(path.read_text(encoding="utf-8"))):
            print(f"{path}: {problem}", file=sys.stderr)
            found += 1
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
