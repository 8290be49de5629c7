"""The rules. Each takes a template under one choice of parameters and yields what is wrong with it."""

import fnmatch
import json
import re

from cfn import ACCOUNT, REGION, STACK

FUNCTIONS = ("parse", "diff", "deliver", "reconcile")
ENVIRONMENT = {
    "ROLLCALL_STACK": STACK,
    "ROLLCALL_TABLE": STACK,
    "ROLLCALL_BUCKET": f"{STACK}-{ACCOUNT}-{REGION}",
    "ROLLCALL_PLAN_QUEUE": f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{STACK}-plan.fifo",
    "ROLLCALL_DELIVER_QUEUE": f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{STACK}-deliver.fifo",
    "ROLLCALL_DEAD_QUEUE": f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{STACK}-dead.fifo",
    "ROLLCALL_WAKE_GROUP": f"{STACK}-wake",
    "ROLLCALL_WAKE_TARGET": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{STACK}-reconcile",
    "ROLLCALL_WAKE_ROLE": f"arn:aws:iam::{ACCOUNT}:role/{STACK}-scheduler",
    "ROLLCALL_WAKE_DEAD": f"arn:aws:sqs:{REGION}:{ACCOUNT}:{STACK}-parse-dead",
    "ROLLCALL_TENANT_ROLE": None,
    "ROLLCALL_ALLOW_PRIVATE": "false",
    "ROLLCALL_SLICE_SECONDS": None,
    "ROLLCALL_LEASE_SECONDS": None,
    "RUST_LOG": None,
}
METRICS = {
    "RunsEnded", "RunsHeld", "RunsFailed", "RunsStalled", "CircuitsOpen", "ExportsOverdue",
    "ExportsRefused", "ChangesApplied", "ChangesRejected", "LmsCalls", "Records", "Bytes",
    "BatchMillis", "OutOfReach", "WorkLeft",
}
ALARMED = {
    "RunsHeld", "RunsStalled", "RunsFailed", "CircuitsOpen", "ExportsOverdue", "WorkLeft",
}
# Statements that may name every resource, because their actions know none.
ANY_RESOURCE = {"xray:PutTraceSegments", "xray:PutTelemetryRecords"}
TAG = "${aws:PrincipalTag/tenant}"


def _many(value):
    return value if isinstance(value, list) else [value]


def _queues(t):
    return {t.arn(name): properties for name, properties in t.of_type("AWS::SQS::Queue").items()}


def _is_fifo(arn):
    return arn.endswith(".fifo")


def _functions(t):
    return {p["FunctionName"]: p for p in t.of_type("AWS::Serverless::Function").values()}


def _statements(t):
    """Every statement of every policy that gives somebody rights: (whose, statement)."""
    for name, role in t.of_type("AWS::IAM::Role").items():
        for policy in role.get("Policies", []):
            for statement in policy["PolicyDocument"]["Statement"]:
                yield name, statement
    for name, policy in t.of_type("AWS::IAM::ManagedPolicy").items():
        for statement in policy["PolicyDocument"]["Statement"]:
            yield name, statement


def queues(t):
    known = _queues(t)
    for arn, queue in known.items():
        if _is_fifo(arn) != (queue.get("FifoQueue") is True):
            yield f"{arn}: a FIFO queue's name ends in .fifo, and only its"
        if queue.get("SqsManagedSseEnabled") is not True:
            yield f"{arn}: not encrypted"
        if queue.get("MessageRetentionPeriod") != 1209600:
            yield f"{arn}: messages are to be kept for 14 days"
        if _is_fifo(arn):
            if queue.get("ContentBasedDeduplication") is not False:
                yield f"{arn}: messages bring their own deduplication id"
            by_group = queue.get("FifoThroughputLimit") == "perMessageGroupId"
            if by_group and queue.get("DeduplicationScope") != "messageGroup":
                yield f"{arn}: SQS takes perMessageGroupId only with DeduplicationScope messageGroup"
        redrive = queue.get("RedrivePolicy")
        if redrive:
            dead = redrive["deadLetterTargetArn"]
            if dead not in known:
                yield f"{arn}: its dead letters go to {dead}, which is not ours"
            elif _is_fifo(dead) != _is_fifo(arn):
                yield f"{arn}: dead letters of a FIFO queue go to a FIFO queue, others to others"
            else:
                allowed = known[dead].get("RedriveAllowPolicy", {}).get("sourceQueueArns", [arn])
                if arn not in allowed:
                    yield f"{arn}: {dead} takes no dead letters from it"
            if not 1 <= redrive["maxReceiveCount"] <= 1000:
                yield f"{arn}: maxReceiveCount is 1 to 1000"
    if not known:
        yield "there are no queues"


def mappings(t):
    known = _queues(t)
    fed = set()
    for name, function in _functions(t).items():
        timeout = int(function["Timeout"])
        reserved = function.get("ReservedConcurrentExecutions")
        for event in function.get("Events", {}).values():
            if event["Type"] != "SQS":
                yield f"{name}: events of type {event['Type']} are not looked at by this check"
                continue
            mapping = event["Properties"]
            arn = mapping["Queue"]
            if arn not in known:
                yield f"{name}: its events come from {arn}, which is no queue of ours"
                continue
            fed.add(arn)
            size = mapping.get("BatchSize", 10)
            if _is_fifo(arn) and size > 10:
                yield f"{name}: a FIFO batch has 10 messages at most"
            if size != 1:
                yield f"{name}: BatchSize is to be 1, so that a poison message takes no other with it"
            if "FunctionResponseTypes" in mapping:
                yield f"{name}: with one message there are no partial failures to report"
            if _is_fifo(arn) and mapping.get("MaximumBatchingWindowInSeconds"):
                yield f"{name}: a FIFO mapping has no batching window"
            visibility = int(known[arn].get("VisibilityTimeout", 30))
            if visibility < timeout:
                yield f"{name}: Lambda refuses a visibility ({visibility} s) under the timeout ({timeout} s)"
            elif visibility != timeout + 60:
                yield f"{name}: visibility is to be the timeout and a minute, not {visibility} s"
            if "RedrivePolicy" not in known[arn]:
                yield f"{name}: {arn} has no dead-letter queue"
            most = int(mapping.get("ScalingConfig", {}).get("MaximumConcurrency", 0))
            if not 2 <= most <= 1000:
                yield f"{name}: MaximumConcurrency is 2 to 1000, not {most}"
            elif reserved is not None and most > int(reserved):
                yield f"{name}: what is not reserved is throttled, and counts as received"
    for queue in ("plan", "deliver"):
        if not any(arn.endswith(f"-{queue}.fifo") for arn in fed):
            yield f"nobody works off the {queue} queue"


def functions(t):
    found = _functions(t)
    expected = {f"{STACK}-{name}" for name in FUNCTIONS}
    if set(found) != expected:
        yield f"the functions are {sorted(found)}, not {sorted(expected)}"
    groups = {p["LogGroupName"] for p in t.of_type("AWS::Logs::LogGroup").values()}
    for name, function in found.items():
        short = name.removeprefix(f"{STACK}-")
        if function.get("Runtime") != "provided.al2023":
            yield f"{name}: the runtime is provided.al2023"
        if function.get("Architectures") != [t.parameters["Architecture"]]:
            yield f"{name}: its architecture is not the parameter's"
        if function.get("CodeUri") != f"../target/lambda/{short}/":
            yield f"{name}: cargo lambda puts its binary into ../target/lambda/{short}/"
        if int(function.get("MemorySize", 128)) < 256:
            yield f"{name}: with little memory there is little CPU, and the first TLS handshake takes long"
        if function.get("Tracing") != "Active":
            yield f"{name}: is not traced"
        logging = function.get("LoggingConfig", {})
        if logging.get("LogFormat") != "JSON" or logging.get("LogGroup") not in groups:
            yield f"{name}: logs as JSON into a log group of the stack"
        environment = function.get("Environment", {}).get("Variables", {})
        for variable, value in ENVIRONMENT.items():
            if variable not in environment:
                yield f"{name}: {variable} is not set"
            elif value is not None and environment[variable] != value:
                yield f"{name}: {variable} is {environment[variable]}, not {value}"
        loops = {"diff", "deliver"}
        if (function.get("RecursiveLoop") == "Allow") != (short in loops):
            yield f"{name}: RecursiveLoop is allowed for {sorted(loops)} and nobody else"
        if short in ("parse", "reconcile"):
            config = function.get("EventInvokeConfig", {})
            target = config.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination", "")
            if not target.endswith(f":{STACK}-parse-dead"):
                yield f"{name}: what fails asynchronously goes to {STACK}-parse-dead"
            if _is_fifo(target):
                yield f"{name}: a destination cannot be a FIFO queue"
            if (config.get("MaximumRetryAttempts"), config.get("MaximumEventAgeInSeconds")) != (2, 21600):
                yield f"{name}: is to be tried twice more, for six hours"


def logs(t):
    for name, group in t.of_type("AWS::Logs::LogGroup").items():
        if not group.get("RetentionInDays"):
            yield f"{name}: logs are kept for ever"
        if not group.get("KmsKeyId"):
            yield f"{name}: is not encrypted with our key"


def table(t):
    tables = t.of_type("AWS::DynamoDB::Table")
    if len(tables) != 1:
        yield "there is to be one table"
    for logical, found in tables.items():
        if found.get("TimeToLiveSpecification") != {"AttributeName": "ttl", "Enabled": True}:
            yield "the table expires nothing: TimeToLiveSpecification names `ttl`"
        if found.get("PointInTimeRecoverySpecification", {}).get("PointInTimeRecoveryEnabled") is not True:
            yield "the table has no point-in-time recovery"
        if found.get("BillingMode") != "PAY_PER_REQUEST":
            yield "the table is not on demand"
        if found.get("SSESpecification", {}).get("SSEType") != "KMS":
            yield "the table is not encrypted with our key"
        keys = {k["AttributeName"]: k["KeyType"] for k in found.get("KeySchema", [])}
        if keys != {"pk": "HASH", "sk": "RANGE"}:
            yield f"the table's keys are pk and sk, not {sorted(keys)}"
        if found.get("TableName") != STACK:
            yield "the table has the stack's name"
        if found.get("DeletionProtectionEnabled") is not (t.parameters["DeletionProtection"] == "true"):
            yield "the table's deletion protection is not the parameter's"


def bucket(t):
    for logical, found in t.of_type("AWS::S3::Bucket").items():
        if found.get("BucketName") != f"{STACK}-{ACCOUNT}-{REGION}":
            yield "the bucket's name is the stack's, the account and the region"
        blocked = found.get("PublicAccessBlockConfiguration", {})
        if [blocked.get(k) for k in ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls",
                                     "RestrictPublicBuckets")] != [True] * 4:
            yield "the bucket can be made public"
        if found.get("VersioningConfiguration", {}).get("Status") != "Enabled":
            yield "the bucket keeps no versions"
        lifecycle = found.get("LifecycleConfiguration", {}).get("Rules", [])
        ends = {r.get("Prefix") for r in lifecycle if r.get("ExpirationInDays") and r["Status"] == "Enabled"}
        if ends != {"incoming/", "plans/", "reports/"}:
            yield f"objects expire under incoming/, plans/ and reports/, and nowhere else: {sorted(map(str, ends))}"
        if not any("NoncurrentVersionExpiration" in r for r in lifecycle):
            yield "overwritten objects are kept for ever"
        for rule in lifecycle:
            if rule.get("ExpiredObjectDeleteMarker") and rule.get("ExpirationInDays"):
                yield "S3 takes ExpiredObjectDeleteMarker only without ExpirationInDays"
        notifications = found.get("NotificationConfiguration", {})
        for queue in notifications.get("QueueConfigurations", []):
            if _is_fifo(queue["Queue"]):
                yield "S3 notifies no FIFO queue"
        prefixes = []
        for target in notifications.get("LambdaConfigurations", []):
            filters = target.get("Filter", {}).get("S3Key", {}).get("Rules", [])
            prefixes += [f["Value"] for f in filters if f["Name"].lower() == "prefix"]
            if not target["Function"].endswith(f":function:{STACK}-parse"):
                yield f"S3 calls {target['Function']}, not parse"
            allowed = any(
                p["Principal"] == "s3.amazonaws.com"
                and p.get("SourceAccount") == ACCOUNT
                and p.get("SourceArn") == t.arn(logical)
                for p in t.of_type("AWS::Lambda::Permission").values()
            )
            if not allowed:
                yield "S3 may not call parse, or any bucket of any account may"
            permissions = t.of_type("AWS::Lambda::Permission")
            if not set(_many(t.resources[logical].get("DependsOn", []))) & set(permissions):
                yield "the bucket is made before S3 may call parse"
        if prefixes != ["incoming/"]:
            yield "parse is called for incoming/, and for nothing else (it writes elsewhere in this bucket)"


def kept(t):
    for kind in ("AWS::S3::Bucket", "AWS::DynamoDB::Table", "AWS::KMS::Key"):
        for logical in t.of_type(kind):
            for policy in ("DeletionPolicy", "UpdateReplacePolicy"):
                if t.resources[logical].get(policy) != "Retain":
                    yield f"{logical}: {policy} is to be Retain"


def tls(t):
    def refuses(document, actions):
        return any(
            s["Effect"] == "Deny" and s["Principal"] == "*" and s["Action"] in actions
            and s.get("Condition") == {"Bool": {"aws:SecureTransport": "false"}}
            for s in document["Statement"]
        )

    policies = {p["Bucket"]: p["PolicyDocument"] for p in t.of_type("AWS::S3::BucketPolicy").values()}
    for logical in t.of_type("AWS::S3::Bucket"):
        if not refuses(policies.get(t.name(logical), {"Statement": []}), ("s3:*",)):
            yield f"{logical}: can be reached without TLS"
    guarded = {
        url for p in t.of_type("AWS::SQS::QueuePolicy").values()
        if refuses(p["PolicyDocument"], ("sqs:*",)) for url in p["Queues"]
    }
    for logical in t.of_type("AWS::SQS::Queue"):
        if t.value({"Ref": logical}) not in guarded:
            yield f"{logical}: can be reached without TLS"
    guarded = {
        arn for p in t.of_type("AWS::SNS::TopicPolicy").values()
        if refuses(p["PolicyDocument"], ("sns:Publish",)) for arn in p["Topics"]
    }
    for logical in t.of_type("AWS::SNS::Topic"):
        if t.arn(logical) not in guarded:
            yield f"{logical}: can be reached without TLS"


def rights(t):
    for whose, statement in _statements(t):
        actions, resources = _many(statement["Action"]), _many(statement["Resource"])
        for action in actions:
            if "*" in action:
                yield f"{whose}: {action} is more than it needs"
        if "*" in resources and not set(actions) <= ANY_RESOURCE:
            yield f"{whose}: {actions} on every resource"
        if "iam:PassRole" in actions:
            to = statement.get("Condition", {}).get("StringEquals", {}).get("iam:PassedToService")
            if to != "scheduler.amazonaws.com":
                yield f"{whose}: a role may be passed to Scheduler and to nobody else"
            if resources != [f"arn:aws:iam::{ACCOUNT}:role/{STACK}-scheduler"]:
                yield f"{whose}: only the scheduler's role may be passed"
        through = statement.get("Condition", {}).get("StringEquals", {}).get("kms:ViaService")
        if any(a.startswith("kms:") for a in actions) and not through:
            yield f"{whose}: the key may be used through the services only"
    roles = {p["Role"] for p in _functions(t).values()}
    if len(roles) != len(_functions(t)):
        yield "each function has a role of its own"
    for name, role in t.of_type("AWS::IAM::Role").items():
        trust = role["AssumeRolePolicyDocument"]["Statement"]
        for statement in trust:
            condition = statement.get("Condition", {})
            if statement["Principal"].get("Service") == "scheduler.amazonaws.com":
                groups = {t.arn(group) for group in t.of_type("AWS::Scheduler::ScheduleGroup")}
                if set(_many(condition.get("ArnEquals", {}).get("aws:SourceArn", []))) != groups:
                    yield f"{name}: only the stack's schedule groups may take it on"
                if condition.get("StringEquals", {}).get("aws:SourceAccount") != ACCOUNT:
                    yield f"{name}: only this account's schedules may take it on"


DATA = ("s3:", "dynamodb:", "secretsmanager:", "kms:")


def fence(t):
    """With the fence, a function has no data by itself, and the tenant role has one tenant's."""
    fenced = t.parameters["FenceTenants"] == "true"
    data = [
        (whose, s) for whose, s in _statements(t)
        if any(a.startswith(DATA) for a in _many(s["Action"]))
    ]
    holder = "TenantRole" if fenced else "OpenData"
    for whose, statement in data:
        if whose != holder:
            yield f"{whose}: holds {statement['Action']} by itself"
    if not data:
        yield f"{holder}: nobody reaches any data"
    role_arn = f"arn:aws:iam::{ACCOUNT}:role/{STACK}-tenant"
    for name, function in _functions(t).items():
        given = function.get("Environment", {}).get("Variables", {}).get("ROLLCALL_TENANT_ROLE")
        if given != (role_arn if fenced else ""):
            yield f"{name}: ROLLCALL_TENANT_ROLE does not say whether tenants are fenced"
    if not fenced:
        return
    tenant = t.of_type("AWS::IAM::Role").get("TenantRole", {})
    for statement in tenant.get("AssumeRolePolicyDocument", {}).get("Statement", []):
        condition = statement.get("Condition", {})
        if condition.get("StringLike", {}).get("aws:RequestTag/tenant") != "?*":
            yield "TenantRole: can be taken on without naming a tenant"
        if condition.get("ForAllValues:StringEquals", {}).get("aws:TagKeys") != ["tenant"]:
            yield "TenantRole: can be taken on with other tags"
        if set(statement["Principal"].get("AWS", [])) != {f["Role"] for f in _functions(t).values()}:
            yield "TenantRole: the four functions may take it on, and nobody else"
    for _, statement in data:
        yield from _fenced(statement)
    for whose, statement in _statements(t):
        if whose == holder and any(a.startswith("scheduler:") for a in _many(statement["Action"])):
            if not all(r.endswith(f":schedule/{STACK}-wake/{TAG}_*") for r in _many(statement["Resource"])):
                yield f"{whose}: sets other tenants' wake-ups"


def _fenced(statement):
    """A statement covers the tenant's own and none of a neighbour's, also of one named alike."""
    actions, resources = _many(statement["Action"]), _many(statement["Resource"])
    condition = statement.get("Condition", {})
    sid = statement.get("Sid")
    if actions[0].startswith("kms:"):
        return
    if actions[0].startswith("dynamodb:"):
        patterns = condition.get("ForAllValues:StringLike", {}).get("dynamodb:LeadingKeys", [])
        own, others = ["oak/sis", "oak/sis#state#0f"], ["oakfield/sis", "elm/sis", "oak"]
        if condition.get("Null", {}).get("dynamodb:LeadingKeys") != "false":
            yield f"TenantRole: {sid}: a request without a leading key passes"
    elif actions == ["s3:ListBucket"]:
        patterns = condition.get("StringLike", {}).get("s3:prefix", [])
        own = ["incoming/oak/", "plans/oak/sis/", "reports/oak/sis/r1"]
        others = ["", "incoming/", "plans/oakfield/", "reports/elm/", "plans/oak"]
    elif actions[0].startswith("s3:"):
        patterns = [r.split(":::", 1)[1].split("/", 1)[-1] for r in resources]
        first = patterns[0].split("/", 1)[0]
        own, others = [f"{first}/oak/sis/x"], [f"{first}/oakfield/sis/x", f"{first}/elm/oak/x", "oak/x"]
    else:
        patterns = [r.replace(TAG, "oak").rsplit(":", 1)[1] for r in resources]
        own, others = [f"{STACK}/oak/token"], [f"{STACK}/oakfield/token", f"{STACK}/token", "oak/token"]
    patterns = [p.replace(TAG, "oak") for p in patterns]
    for key in own:
        if not any(fnmatch.fnmatchcase(key, p) for p in patterns):
            yield f"TenantRole: {sid}: does not reach its own {key}"
    for key in others:
        if any(fnmatch.fnmatchcase(key, p) for p in patterns):
            yield f"TenantRole: {sid}: the tenant `oak` reaches {key!r}"


def same_rights(t):
    """What stands behind the fence stands in front of it, where there is none."""
    inside = t.doc["Resources"]["TenantRole"]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]
    outside = t.doc["Resources"]["OpenData"]["Properties"]["PolicyDocument"]["Statement"]
    text = json.dumps(inside).replace("${!aws:PrincipalTag/tenant}", "*").replace(TAG, "*")
    if json.loads(text) != outside:
        yield "OpenData and TenantRole differ in more than the tenant"


SCHEDULE = re.compile(
    r"rate\(([1-9][0-9]*) (minute|hour|day)s?\)"
    r"|at\(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\)"
    r"|cron\(([^ ()]+ ){5}[^ ()]+\)"
)


def schedules(t):
    groups = {p["Name"] for p in t.of_type("AWS::Scheduler::ScheduleGroup").values()}
    if groups != {f"{STACK}-wake", f"{STACK}-recurring"}:
        yield f"the schedule groups are {STACK}-wake and {STACK}-recurring, not {sorted(groups)}"
    for name, schedule in t.of_type("AWS::Scheduler::Schedule").items():
        expression = schedule.get("ScheduleExpression", "")
        if not SCHEDULE.fullmatch(expression):
            yield f"{name}: {expression!r} is no schedule"
        fields = expression[5:-1].split() if expression.startswith("cron(") else []
        if fields and "?" not in (fields[2], fields[4]):
            yield f"{name}: one of the two days in {expression!r} has to be ?"


def alarms(t):
    topic = {t.arn(name) for name in t.of_type("AWS::SNS::Topic")}
    seen = set()
    for name, alarm in t.of_type("AWS::CloudWatch::Alarm").items():
        words = alarm.get("AlarmDescription", "")
        if f"`rollcall --aws {STACK} " not in words:
            yield f"{name}: does not say what to type"
        if len(words) > 1024:
            yield f"{name}: a description has 1024 characters at most"
        if set(alarm.get("AlarmActions", [])) != topic:
            yield f"{name}: tells nobody"
        if alarm.get("TreatMissingData") != "notBreaching":
            yield f"{name}: nothing happening is no alarm"
        if not alarm["AlarmName"].startswith(f"{STACK}-"):
            yield f"{name}: the topic takes alarms that begin with the stack's name"
        for part in alarm.get("Metrics", [alarm]):
            metric = part.get("MetricStat", {}).get("Metric", part)
            where = metric.get("Dimensions", [{}])[0].get("Value")
            seen.add((metric.get("MetricName"), where))
            if metric.get("Namespace") == "Rollcall":
                if metric["MetricName"] not in METRICS:
                    yield f"{name}: nobody writes a metric {metric['MetricName']}"
                if metric["Dimensions"] != [{"Name": "Stack", "Value": STACK}]:
                    yield f"{name}: our metrics have the dimension Stack"
    wanted = {(metric, STACK) for metric in ALARMED}
    wanted |= {(m, f"{STACK}-{f}") for m in ("Errors", "Duration", "Throttles") for f in FUNCTIONS}
    wanted |= {("ApproximateAgeOfOldestMessage", f"{STACK}-{q}.fifo") for q in ("plan", "deliver")}
    wanted |= {("ApproximateNumberOfMessagesVisible", f"{STACK}-{q}") for q in ("dead.fifo", "parse-dead")}
    for metric, where in sorted(wanted - seen):
        yield f"no alarm looks at {metric} of {where}"


def dashboard(t):
    for name, board in t.of_type("AWS::CloudWatch::Dashboard").items():
        try:
            body = json.loads(board["DashboardBody"])
        except json.JSONDecodeError as error:
            yield f"{name}: is no JSON: {error}"
            continue
        for widget in body["widgets"]:
            for row in widget["properties"].get("metrics", []):
                if row[0] == "Rollcall" and row[1] not in METRICS:
                    yield f"{name}: nobody writes a metric {row[1]}"


def door(t):
    statements = [s for _, s in _statements(t)]
    folder = f"arn:aws:s3:::<Stack>-{ACCOUNT}-{REGION}/incoming/<Tenant>/*"
    allowed = {(a, r) for s in statements for a in _many(s["Action"]) for r in _many(s["Resource"])}
    key = "<import <Stack>-key>"
    if allowed != {("s3:PutObject", folder), ("kms:GenerateDataKey", key), ("kms:Decrypt", key)}:
        yield f"a door puts files into its folder and does nothing else: {sorted(allowed)}"
    for statement in statements:
        if statement["Effect"] != "Allow" or "Condition" not in statement:
            yield f"{statement.get('Sid')}: has no condition"
    for name, role in t.of_type("AWS::IAM::Role").items():
        for statement in role["AssumeRolePolicyDocument"]["Statement"]:
            if "sts:ExternalId" not in statement.get("Condition", {}).get("StringEquals", {}):
                yield f"{name}: can be taken on without its external id"


STACK_RULES = (queues, mappings, functions, logs, table, bucket, kept, tls, rights, fence, same_rights,
               schedules, alarms, dashboard)
DOOR_RULES = (door,)
