//! What everything of one stack is called.

use aws_sdk_sqs::error::SdkError;
use store::StoreError;

use crate::clients::Clients;
use crate::fault::{Call, store_error};

const DESCRIBE: Call = Call::new("look for the stack's table", "dynamodb:DescribeTable");
const QUEUE_URL: Call = Call::new("look for the stack's queue", "sqs:GetQueueUrl");

/// The longest stack name: a bucket's name, with account and region in it, ends at 63.
const LONGEST_STACK: usize = 30;

/// The names of one stack's table, bucket, queues, schedule groups and roles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names {
    /// The stack itself; secrets' names begin with it.
    pub stack: String,
    /// The table.
    pub table: String,
    /// The bucket.
    pub bucket: String,
    /// URL of the FIFO queue of steps that are asked for.
    pub plan_queue: String,
    /// URL of the FIFO queue of batches on their way.
    pub deliver_queue: String,
    /// URL of the FIFO queue of dead letters.
    pub dead_queue: String,
    /// Scheduler group of the one-time schedules.
    pub wake_group: String,
    /// Scheduler group of the recurring schedules.
    pub recurring_group: String,
    /// ARN of the function that schedules invoke.
    pub wake_target: String,
    /// ARN of the role in which Scheduler invokes it.
    pub wake_role: String,
    /// ARN of the queue that takes what Scheduler could not hand over; `None`: it is dropped.
    pub wake_dead: Option<String>,
    /// ARN of the role to assume for one tenant's data; `None`: tenants are not fenced here.
    pub tenant_role: Option<String>,
}

/// Why there are no names.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NamesError {
    /// A variable is not set.
    #[error("environment variable {0} is not set: the stack's template sets it for each function")]
    Missing(&'static str),
    /// The stack's name is none.
    #[error("`{0}` cannot be a stack's name: 1 to 30 of a-z, 0-9 and `-`, beginning with a letter")]
    Stack(String),
    /// AWS could not be asked, or has no such stack.
    #[error("stack `{stack}` was not found")]
    Lookup {
        /// The stack.
        stack: String,
        /// Why.
        #[source]
        source: StoreError,
    },
}

impl Names {
    /// The names that a function finds in its environment, each asked of `lookup` by its
    /// variable's name. An empty variable counts as not set.
    ///
    /// ```
    /// let error = store_aws::Names::from_lookup(|_| None).unwrap_err();
    /// assert!(error.to_string().contains("ROLLCALL_STACK"));
    /// ```
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, NamesError> {
        let set = |name| lookup(name).filter(|value| !value.is_empty());
        let needed = |name: &'static str| set(name).ok_or(NamesError::Missing(name));
        let stack = needed("ROLLCALL_STACK")?;
        check_stack(&stack)?;
        Ok(Self {
            table: needed("ROLLCALL_TABLE")?,
            bucket: needed("ROLLCALL_BUCKET")?,
            plan_queue: needed("ROLLCALL_PLAN_QUEUE")?,
            deliver_queue: needed("ROLLCALL_DELIVER_QUEUE")?,
            dead_queue: needed("ROLLCALL_DEAD_QUEUE")?,
            wake_group: needed("ROLLCALL_WAKE_GROUP")?,
            recurring_group: format!("{stack}-recurring"),
            wake_target: needed("ROLLCALL_WAKE_TARGET")?,
            wake_role: needed("ROLLCALL_WAKE_ROLE")?,
            wake_dead: set("ROLLCALL_WAKE_DEAD"),
            tenant_role: set("ROLLCALL_TENANT_ROLE"),
            stack,
        })
    }

    /// The names of the stack `stack` in the account and region of `clients`: for a person at a
    /// terminal. They act in their own role, so that no tenant role is named.
    pub async fn of_stack(clients: &Clients, stack: &str) -> Result<Self, NamesError> {
        check_stack(stack)?;
        let failed = |source| NamesError::Lookup { stack: stack.to_owned(), source };
        let resource = format!("table {stack}");
        let described = clients.dynamodb.describe_table().table_name(stack).send().await;
        let described =
            described.map_err(|error| failed(store_error(DESCRIBE, &resource, error)))?;
        let arn = described.table.and_then(|table| table.table_arn).unwrap_or_default();
        let Some(place) = Place::of_arn(&arn) else {
            let reason = format!("its ARN `{arn}` names no account and region");
            return Err(failed(StoreError::Damaged { what: resource, reason }));
        };
        Ok(Self {
            table: stack.to_owned(),
            bucket: format!("{stack}-{}-{}", place.account, place.region),
            plan_queue: queue_url(clients, &format!("{stack}-plan.fifo")).await.map_err(failed)?,
            deliver_queue: queue_url(clients, &format!("{stack}-deliver.fifo"))
                .await
                .map_err(failed)?,
            dead_queue: queue_url(clients, &format!("{stack}-dead.fifo")).await.map_err(failed)?,
            wake_group: format!("{stack}-wake"),
            recurring_group: format!("{stack}-recurring"),
            wake_target: place.arn("lambda", &format!("function:{stack}-reconcile")),
            wake_role: place.role(&format!("{stack}-scheduler")),
            wake_dead: Some(place.arn("sqs", &format!("{stack}-parse-dead"))),
            tenant_role: None,
            stack: stack.to_owned(),
        })
    }
}

/// Where a stack stands.
struct Place<'a> {
    partition: &'a str,
    region: &'a str,
    account: &'a str,
}

impl<'a> Place<'a> {
    fn of_arn(arn: &'a str) -> Option<Self> {
        let mut parts = arn.split(':');
        let (Some("arn"), Some(partition), Some(_)) = (parts.next(), parts.next(), parts.next())
        else {
            return None;
        };
        let (region, account) = (parts.next()?, parts.next()?);
        let whole = ![partition, region, account].contains(&"");
        whole.then_some(Self { partition, region, account })
    }

    fn arn(&self, service: &str, rest: &str) -> String {
        format!("arn:{}:{service}:{}:{}:{rest}", self.partition, self.region, self.account)
    }

    fn role(&self, name: &str) -> String {
        format!("arn:{}:iam::{}:role/{name}", self.partition, self.account)
    }
}

pub(crate) async fn queue_url(clients: &Clients, name: &str) -> Result<String, StoreError> {
    let resource = format!("queue {name}");
    match clients.sqs.get_queue_url().queue_name(name).send().await {
        Ok(found) => found.queue_url.ok_or_else(|| StoreError::Damaged {
            what: resource,
            reason: "SQS did not tell its URL".to_owned(),
        }),
        Err(SdkError::ServiceError(error)) if error.err().is_queue_does_not_exist() => {
            Err(StoreError::Unsupported {
                what: resource,
                reason: "AWS has none of that name: check stack, account and region".to_owned(),
            })
        }
        Err(error) => Err(store_error(QUEUE_URL, &resource, error)),
    }
}

fn check_stack(stack: &str) -> Result<(), NamesError> {
    let odd = |byte: u8| !byte.is_ascii_lowercase() && !byte.is_ascii_digit() && byte != b'-';
    let fits = stack.len() <= LONGEST_STACK && stack.starts_with(|c: char| c.is_ascii_lowercase());
    if !fits || stack.bytes().any(odd) {
        return Err(NamesError::Stack(stack.to_owned()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    const NEEDED: [&str; 9] = [
        "ROLLCALL_STACK",
        "ROLLCALL_TABLE",
        "ROLLCALL_BUCKET",
        "ROLLCALL_PLAN_QUEUE",
        "ROLLCALL_DELIVER_QUEUE",
        "ROLLCALL_DEAD_QUEUE",
        "ROLLCALL_WAKE_GROUP",
        "ROLLCALL_WAKE_TARGET",
        "ROLLCALL_WAKE_ROLE",
    ];

    fn value(name: &str) -> Option<String> {
        NEEDED.contains(&name).then(|| name.to_lowercase().replace('_', "-"))
    }

    #[test]
    fn each_variable_that_is_missing_is_named() {
        assert_eq!(Names::from_lookup(value).unwrap().plan_queue, "rollcall-plan-queue");
        for missing in NEEDED {
            for nothing in [None, Some(String::new())] {
                let lookup =
                    |name: &str| if name == missing { nothing.clone() } else { value(name) };
                let error = Names::from_lookup(lookup).unwrap_err().to_string();
                assert!(error.contains(missing), "{error}");
            }
        }
    }

    #[test]
    fn the_tenant_role_may_be_empty() {
        let role = |role: &'static str| {
            move |name: &str| match name {
                "ROLLCALL_TENANT_ROLE" => Some(role.to_owned()),
                _ => value(name),
            }
        };
        assert_eq!(Names::from_lookup(role("")).unwrap().tenant_role, None);
        assert_eq!(Names::from_lookup(role("arn:x")).unwrap().tenant_role.unwrap(), "arn:x");
    }

    #[test]
    fn a_stack_name_makes_a_bucket_name() {
        for bad in ["", "Rollcall", "1st", "a_b", "a.b", "-a", &"a".repeat(31)] {
            assert!(matches!(check_stack(bad), Err(NamesError::Stack(_))), "{bad}");
        }
        check_stack("rollcall-2").unwrap();
    }

    #[test]
    fn an_arn_tells_where_it_stands() {
        let place = Place::of_arn("arn:aws-cn:dynamodb:cn-north-1:123456789012:table/t").unwrap();
        assert_eq!(
            place.arn("lambda", "function:f"),
            "arn:aws-cn:lambda:cn-north-1:123456789012:function:f"
        );
        assert_eq!(place.role("r"), "arn:aws-cn:iam::123456789012:role/r");
        assert!(Place::of_arn("arn:aws:s3:::bucket").is_none());
        assert!(Place::of_arn("").is_none());
    }
}
