"""Breaks the templates in memory, one thing at a time, and asserts that each is refused.

A check that cannot fail is worth nothing: this is where every rule fails once.
"""

import copy
import sys

from cfn import load


def at(doc, path):
    """The parent and the last key of a path like `Table/Properties/BillingMode`."""
    *way, last = [int(step) if step.isdigit() else step for step in path.split("/")]
    here = doc["Resources"]
    for step in way:
        here = here[step]
    return here, last


def put(path, value):
    def breaks(doc):
        here, last = at(doc, path)
        here[last] = value

    return breaks


def drop(path):
    def breaks(doc):
        here, last = at(doc, path)
        del here[last]

    return breaks


def _parameter_timeout(doc):
    doc["Mappings"]["Times"]["300"]["Visibility"] = 240


def _missing_timeout(doc):
    del doc["Mappings"]["Times"]["900"]


def _no_plan_queue_variable(doc):
    del doc["Globals"]["Function"]["Environment"]["Variables"]["ROLLCALL_PLAN_QUEUE"]


def _other_wake_target(doc):
    doc["Globals"]["Function"]["Environment"]["Variables"]["ROLLCALL_WAKE_TARGET"] = "arn:x"


def _unknown_output(doc):
    doc["Outputs"]["Bucket"]["Value"] = {"Fn::GetAtt": ["Bucket", "Nmae"]}


def _schedule(expression):
    return put("Nightly", {
        "Type": "AWS::Scheduler::Schedule", "Properties": {"ScheduleExpression": expression},
    })


ITEMS = "TenantRole/Properties/Policies/0/PolicyDocument/Statement/3"
LIST = "TenantRole/Properties/Policies/0/PolicyDocument/Statement/2"
PLANS = "TenantRole/Properties/Policies/0/PolicyDocument/Statement/1"
SECRETS = "TenantRole/Properties/Policies/0/PolicyDocument/Statement/4"
KEYS = "TenantRole/Properties/Policies/0/PolicyDocument/Statement/5"
TRUST = "TenantRole/Properties/AssumeRolePolicyDocument/Statement/0"
WAKE = "WakePolicy/Properties/PolicyDocument/Statement"
STEPS = "Diff/Properties/Events/Steps/Properties"
EVERYONE = {"AWS": "*"}

STACK = [
    # What the emulator lets pass and AWS refuses.
    ("a FIFO batch of 11", put(f"{STEPS}/BatchSize", 11), "10 messages at most"),
    ("a batch of 2", put(f"{STEPS}/BatchSize", 2), "BatchSize is to be 1"),
    ("the default batch size", drop(f"{STEPS}/BatchSize"), "BatchSize is to be 1"),
    ("a batching window", put(f"{STEPS}/MaximumBatchingWindowInSeconds", 5), "no batching window"),
    ("a visibility under the timeout", _parameter_timeout, "Lambda refuses a visibility"),
    ("a visibility that does not follow", put("PlanQueue/Properties/VisibilityTimeout", 1000), "and a minute"),
    ("the default visibility", drop("DeliverQueue/Properties/VisibilityTimeout"), "Lambda refuses a visibility"),
    ("a timeout that the mapping lacks", _missing_timeout, "has no 900/Visibility"),
    ("S3 to a FIFO queue",
     put("Bucket/Properties/NotificationConfiguration/QueueConfigurations",
         [{"Event": "s3:ObjectCreated:*", "Queue": {"Fn::GetAtt": ["PlanQueue", "Arn"]}}]), "notifies no FIFO"),
    ("a standard queue for FIFO dead letters",
     put("PlanQueue/Properties/RedrivePolicy/deadLetterTargetArn", {"Fn::GetAtt": ["ParseDeadQueue", "Arn"]}),
     "go to a FIFO queue"),
    ("a FIFO queue for failed uploads",
     put("Parse/Properties/EventInvokeConfig/DestinationConfig/OnFailure/Destination",
         {"Fn::GetAtt": ["DeadQueue", "Arn"]}), "cannot be a FIFO queue"),
    ("dead letters that are not taken",
     put("DeadQueue/Properties/RedriveAllowPolicy/sourceQueueArns", []), "takes no dead letters"),
    ("no dead letters", drop("DeliverQueue/Properties/RedrivePolicy"), "has no dead-letter queue"),
    ("an attribute that is not there", _unknown_output, "has no attribute Nmae"),
    ("a reference to nothing", put("Parse/Properties/MemorySize", {"Ref": "ParseMemroy"}), "ParseMemroy"),
    ("a resource that is not made", put("Parse/Properties/Description", {"Ref": "OpenData"}), "condition does not hold"),
    ("rate(0 minutes)", _schedule("rate(0 minutes)"), "is no schedule"),
    ("a cron of five fields", _schedule("cron(0 3 * * *)"), "is no schedule"),
    ("a cron with two days", _schedule("cron(0 3 * * * *)"), "has to be ?"),
    ("no TTL", drop("Table/Properties/TimeToLiveSpecification"), "expires nothing"),
    ("no PITR", drop("Table/Properties/PointInTimeRecoverySpecification"), "no point-in-time recovery"),
    ("high throughput without its scope", put("PlanQueue/Properties/DeduplicationScope", "queue"), "only with"),
    ("a FIFO queue that is none", drop("PlanQueue/Properties/FifoQueue"), "ends in .fifo"),
    ("more at once than reserved",
     put("Deliver/Properties/Events/Batches/Properties/ScalingConfig/MaximumConcurrency", 50), "is throttled"),
    ("one at once", put(f"{STEPS}/ScalingConfig/MaximumConcurrency", 1), "2 to 1000"),
    ("a loop that Lambda would stop", drop("Deliver/Properties/RecursiveLoop"), "RecursiveLoop"),
    ("a loop that nobody meant", put("Parse/Properties/RecursiveLoop", "Allow"), "RecursiveLoop"),
    ("partial failures of one", put(f"{STEPS}/FunctionResponseTypes", ["ReportBatchItemFailures"]), "partial failures"),
    # The contract with the program.
    ("another function's name", put("Diff/Properties/FunctionName", "x-diff"), "the functions are"),
    ("another folder", put("Diff/Properties/CodeUri", "../target/lambda/parse/"), "puts its binary into"),
    ("a fixed architecture", put("Diff/Properties/Architectures", ["x86_64"]), "not the parameter's"),
    ("128 MB", put("Deliver/Properties/MemorySize", 128), "TLS handshake"),
    ("a variable less", _no_plan_queue_variable, "ROLLCALL_PLAN_QUEUE is not set"),
    ("a variable that says something else", _other_wake_target, "ROLLCALL_WAKE_TARGET is arn:x"),
    ("another group", put("WakeGroup/Properties/Name", "wake"), "the schedule groups are"),
    ("nobody on the deliver queue", drop("Deliver/Properties/Events"), "works off the deliver queue"),
    ("no retries", put("Parse/Properties/EventInvokeConfig/MaximumRetryAttempts", 0), "tried twice more"),
    ("a notification for everything",
     drop("Bucket/Properties/NotificationConfiguration/LambdaConfigurations/0/Filter"), "for incoming/"),
    ("anybody's bucket", drop("ParsePermission/Properties/SourceAccount"), "any bucket of any account"),
    ("a bucket that comes first", drop("Bucket/DependsOn"), "made before"),
    # What is kept, and for how long.
    ("plans for ever", drop("Bucket/Properties/LifecycleConfiguration/Rules/1"), "objects expire under"),
    ("a table that goes with its stack", put("Table/DeletionPolicy", "Delete"), "is to be Retain"),
    ("a key that goes before its data", drop("Key/DeletionPolicy"), "is to be Retain"),
    ("logs for ever", drop("DiffLogs/Properties/RetentionInDays"), "kept for ever"),
    ("logs in clear", drop("DiffLogs/Properties/KmsKeyId"), "not encrypted"),
    ("messages for four days", drop("PlanQueue/Properties/MessageRetentionPeriod"), "for 14 days"),
    ("no protection", put("Table/Properties/DeletionProtectionEnabled", False), "deletion protection"),
    ("no versions", drop("Bucket/Properties/VersioningConfiguration"), "keeps no versions"),
    # Who may do what.
    ("a public bucket", put("Bucket/Properties/PublicAccessBlockConfiguration/BlockPublicPolicy", False), "made public"),
    ("a bucket without TLS", drop("BucketPolicy/Properties/PolicyDocument/Statement/0"), "Bucket: can be reached"),
    ("a queue without TLS", put("QueuePolicy/Properties/Queues", [{"Ref": "PlanQueue"}]), "DeadQueue: can be reached"),
    ("a topic without TLS", drop("AlarmTopicPolicy/Properties/PolicyDocument/Statement/1"), "AlarmTopic: can be reached"),
    ("a queue in clear", put("PlanQueue/Properties/SqsManagedSseEnabled", False), "not encrypted"),
    ("every action", put("DiffRole/Properties/Policies/0/PolicyDocument/Statement/1/Action", "sqs:*"), "more than it needs"),
    ("every queue", put("DiffRole/Properties/Policies/0/PolicyDocument/Statement/1/Resource", "*"), "on every resource"),
    ("a role for everybody", drop(f"{WAKE}/1/Condition"), "to Scheduler and to nobody else"),
    ("another role", put(f"{WAKE}/1/Resource", {"Fn::GetAtt": ["ParseRole", "Arn"]}), "only the scheduler's role"),
    ("one role for two", put("Diff/Properties/Role", {"Fn::GetAtt": ["ParseRole", "Arn"]}), "a role of its own"),
    ("data in front of the fence",
     put("DiffRole/Properties/Policies/0/PolicyDocument/Statement/0/Action", "s3:GetObject"), "by itself"),
    ("a tenant role without a tenant", drop(f"{TRUST}/Condition/StringLike"), "without naming a tenant"),
    ("other tags", drop(f"{TRUST}/Condition/ForAllValues:StringEquals"), "with other tags"),
    ("a tenant role for everybody", put(f"{TRUST}/Principal", EVERYONE), "the four functions"),
    ("items by a prefix without its end",
     put(f"{ITEMS}/Condition/ForAllValues:StringLike/dynamodb:LeadingKeys", ["${aws:PrincipalTag/tenant}*"]), "'oakfield/sis'"),
    ("items of all", put(f"{ITEMS}/Condition/ForAllValues:StringLike/dynamodb:LeadingKeys", ["*"]), "'elm/sis'"),
    ("items by no key", drop(f"{ITEMS}/Condition/Null"), "without a leading key"),
    ("a list of everything", drop(f"{LIST}/Condition"), "does not reach its own"),
    ("a list of the neighbours", put(f"{LIST}/Condition/StringLike/s3:prefix", ["*/${aws:PrincipalTag/tenant}*"]), "oakfield"),
    ("objects of all", put(f"{PLANS}/Resource", ["arn:aws:s3:::rollcall/plans/*"]), "'plans/elm/oak/x'"),
    ("secrets of all", put(f"{SECRETS}/Resource", "arn:aws:secretsmanager:eu-central-1:1:secret:rollcall/*"), "rollcall/oakfield/token"),
    ("the key by itself", drop(f"{KEYS}/Condition"), "through the services only"),
    ("wake-ups of all",
     put("TenantRole/Properties/Policies/1/PolicyDocument/Statement/1/Resource",
         {"Fn::Sub": "arn:aws:scheduler:eu-central-1:1:schedule/${AWS::StackName}-wake/*"}), "other tenants' wake-ups"),
    ("less behind the fence", drop(SECRETS), "differ in more than the tenant"),
    ("any schedule group", drop("SchedulerRole/Properties/AssumeRolePolicyDocument/Statement/0/Condition/ArnEquals"), "schedule groups may"),
    ("any account's schedules", drop("SchedulerRole/Properties/AssumeRolePolicyDocument/Statement/0/Condition/StringEquals"), "this account's"),
    # Who is told.
    ("an alarm less", drop("RunStalledAlarm"), "no alarm looks at RunsStalled"),
    ("an alarm of nothing", put("RunHeldAlarm/Properties/MetricName", "RunsHold"), "nobody writes a metric"),
    ("an alarm that tells nobody", put("RunHeldAlarm/Properties/AlarmActions", []), "tells nobody"),
    ("an alarm that leaves one puzzled", put("RunHeldAlarm/Properties/AlarmDescription", "Oh."), "what to type"),
    ("an alarm over another stack", put("RunHeldAlarm/Properties/Dimensions/0/Name", "stack"), "dimension Stack"),
    ("a dashboard that is no JSON", put("Overview/Properties/DashboardBody", "{"), "is no JSON"),
    ("a dashboard of nothing",
     put("Overview/Properties/DashboardBody", '{"widgets": [{"properties": {"metrics": [["Rollcall", "Ran"]]}}]}'), "metric Ran"),
]

DOOR = [
    ("a door that reads", put("Put/Properties/PolicyDocument/Statement/0/Action", ["s3:PutObject", "s3:GetObject"]), "nothing else"),
    ("a door to every folder",
     put("Put/Properties/PolicyDocument/Statement/0/Resource", {"Fn::Sub": "arn:aws:s3:::${Stack}/incoming/*"}), "nothing else"),
    ("the key by itself", drop("Put/Properties/PolicyDocument/Statement/1/Condition"), "has no condition"),
    ("a role without its word", drop("Role/Properties/AssumeRolePolicyDocument/Statement/0/Condition"), "external id"),
]


def run(check, folder):
    """Runs all; prints a line; the exit code."""
    failures, done = [], 0
    for name, cases in (("template.yaml", STACK), ("door.yaml", DOOR)):
        whole = load((folder / name).read_text(encoding="utf-8"))
        sound = check(name, whole)
        failures += [f"{name} as it is: {problem}" for problem in sound]
        for what, breaks, expected in cases:
            doc = copy.deepcopy(whole)
            breaks(doc)
            problems = check(name, doc)
            done += 1
            if not any(expected in problem for problem in problems):
                failures.append(f"{name}: {what}: was not refused with {expected!r}, but {problems}")
    for failure in failures:
        print(failure, file=sys.stderr)
    print(f"template-checks: {done - len(failures)} passed, {len(failures)} failed")
    return 1 if failures else 0
