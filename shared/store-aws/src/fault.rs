//! What AWS's errors mean to a store.
//!
//! | answer | error |
//! |---|---|
//! | throttling, `SlowDown`, too many in flight | `Throttled`, with the wait it asks for |
//! | no connection, timeout, 5xx, broken answer | `Unavailable` |
//! | access denied, no such table, bucket, queue or role, bad credentials | `Unsupported`: says what to give or set |
//! | any other refusal (4xx) | `Invalid`: a bug in what called, or a limit that AWS has moved |
//!
//! **Never:** an item, an object or a message in an error. AWS's own text names keys and roles at
//! most; the answer itself is dropped here, since the SDK's errors would carry it along.

use std::error::Error;
use std::time::Duration;

use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use store::StoreError;

/// What a call is called where it fails.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Call {
    /// What is being done: `put an object`.
    pub doing: &'static str,
    /// The permission that it needs: `s3:PutObject`.
    pub permission: &'static str,
}

impl Call {
    pub(crate) const fn new(doing: &'static str, permission: &'static str) -> Self {
        Self { doing, permission }
    }
}

/// AWS's answer that it failed, without what it was about.
#[derive(Debug, thiserror::Error)]
#[error("{code}: {message} (status {status}, request {request})")]
pub(crate) struct Answer {
    code: String,
    message: String,
    status: u16,
    request: String,
}

/// No answer at all.
#[derive(Debug, thiserror::Error)]
#[error("AWS gave no answer that could be read")]
struct NoAnswer(#[source] Box<dyn Error + Send + Sync>);

const THROTTLING: [&str; 15] = [
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "RequestThrottledException",
    "RequestThrottled",
    "TooManyRequestsException",
    "ProvisionedThroughputExceededException",
    "TransactionInProgressException",
    "TransactionConflictException",
    "ReplicatedWriteConflictException",
    "RequestLimitExceeded",
    "LimitExceededException",
    "SlowDown",
    "OverLimit",
    "BandwidthLimitExceeded",
];

const DENIED: [&str; 6] = [
    "AccessDenied",
    "AccessDeniedException",
    "KmsAccessDenied",
    "KMS.AccessDeniedException",
    "UnauthorizedOperation",
    "AuthorizationError",
];

const BAD_CREDENTIALS: [&str; 9] = [
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "InvalidToken",
    "SignatureDoesNotMatch",
    "InvalidSignatureException",
    "UnrecognizedClientException",
    "MissingAuthenticationToken",
];

const MISSING: [&str; 4] = [
    "ResourceNotFoundException",
    "NoSuchBucket",
    "QueueDoesNotExist",
    "AWS.SimpleQueueService.NonExistentQueue",
];

/// What the failure of `call` on `resource` (`table rollcall`) means.
pub(crate) fn store_error<E>(
    call: Call,
    resource: &str,
    error: SdkError<E, HttpResponse>,
) -> StoreError
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
{
    let Some(raw) = error.raw_response() else { return no_answer(call, error) };
    let status = raw.status().as_u16();
    let retry_after = retry_after(raw);
    let code = error.code().unwrap_or("no code").to_owned();
    let message = error.message().unwrap_or("no message").to_owned();
    let request = raw.headers().get("x-amzn-requestid").or(raw.headers().get("x-amz-request-id"));
    let request = request.unwrap_or("unknown").to_owned();
    let of = |codes: &[&str]| codes.contains(&code.as_str());
    let unsupported =
        |what: &str, reason: String| StoreError::Unsupported { what: what.to_owned(), reason };
    match status {
        _ if of(&THROTTLING) || status == 429 => StoreError::Throttled { retry_after },
        _ if of(&DENIED) => unsupported(
            resource,
            format!("AWS refuses {} to this role ({message}): allow it there", call.permission),
        ),
        _ if of(&BAD_CREDENTIALS) => unsupported(
            "the set of AWS credentials",
            format!("AWS does not take it ({code}: {message}): sign in again or renew it"),
        ),
        _ if of(&MISSING) => unsupported(
            resource,
            format!("AWS has none of that name ({code}): check stack, account and region"),
        ),
        // A head has no body and so no code.
        403 => unsupported(
            resource,
            format!("AWS refuses {} to this role: allow it there", call.permission),
        ),
        400..=499 if matches!(error, SdkError::ServiceError(_)) => StoreError::Invalid {
            what: call.doing,
            reason: format!("AWS refuses it: {}", Answer { code, message, status, request }),
        },
        _ => StoreError::Unavailable {
            doing: call.doing,
            source: Box::new(Answer { code, message, status, request }),
        },
    }
}

/// A request that never came to an answer: no network, or no credentials to sign it with.
fn no_answer<E>(call: Call, error: SdkError<E, HttpResponse>) -> StoreError
where
    E: Error + Send + Sync + 'static,
{
    let source = match error.into_source() {
        Ok(source) => source,
        Err(error) => error.to_string().into(),
    };
    let mut cause: Option<&(dyn Error + 'static)> = Some(source.as_ref());
    while let Some(error) = cause {
        if let Some(found) = error.downcast_ref::<CredentialsError>() {
            return credentials_error(call, found, source.to_string());
        }
        cause = error.source();
    }
    StoreError::Unavailable { doing: call.doing, source: Box::new(NoAnswer(source)) }
}

/// What it means that there are no credentials.
pub(crate) fn credentials_error(call: Call, error: &CredentialsError, text: String) -> StoreError {
    let what = "the set of AWS credentials".to_owned();
    match error {
        CredentialsError::CredentialsNotLoaded(_) => StoreError::Unsupported {
            what,
            reason: "there is none: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY or \
                     AWS_PROFILE, or sign in (aws sso login)"
                .to_owned(),
        },
        CredentialsError::InvalidConfiguration(_) => {
            StoreError::Unsupported { what, reason: chain(error) }
        }
        _ => StoreError::Unavailable {
            doing: call.doing,
            source: format!("{text}: {}", chain(error)).into(),
        },
    }
}

/// An error and what caused it, in one line.
pub(crate) fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

/// How long AWS asks to wait: milliseconds in its own header, seconds in HTTP's.
fn retry_after(raw: &HttpResponse) -> Option<Duration> {
    let header = |name| raw.headers().get(name).and_then(|text| text.parse::<u64>().ok());
    header("x-amz-retry-after")
        .map(Duration::from_millis)
        .or_else(|| header("retry-after").map(Duration::from_secs))
}
