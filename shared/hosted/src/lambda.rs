//! Each function's loop: decode the event, do the work within the deadline, count it.

use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use ambient::{SystemClock, Timestamp};
use aws_lambda_events::event::s3::S3Event;
use aws_lambda_events::event::sqs::SqsEvent;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use pipeline::{BatchMessage, StepMessage};
use runtime::logging::{self, Shape, Verbosity};
use serde::de::DeserializeOwned;
use store::state::Scope;
use tracing::{Instrument as _, error, error_span, warn};

use crate::{Host, HostError, Metric, Metrics, Upload, Woken};

/// What is left of a function's time is too little for anything.
const MARGIN: Duration = Duration::from_secs(2);

/// Which function this process is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Function {
    /// Uploads.
    Parse,
    /// The plan queue.
    Diff,
    /// The deliver queue.
    Deliver,
    /// Schedules.
    Reconcile,
}

/// Serves `function` until the process is ended.
pub async fn serve(function: Function) -> Result<(), Error> {
    let settings = logging::Settings {
        verbosity: Verbosity::Verbose,
        shape: Shape::Json,
        directives: std::env::var("RUST_LOG").ok(),
    };
    logging::init(&settings, Arc::new(SystemClock), std::io::stdout)?;
    // The runtime sets the variable anew for each event.
    let trace = Arc::new(|| std::env::var("_X_AMZN_TRACE_ID").ok());
    let host = Host::from_env(Some(trace)).await?;
    let host = &host;
    lambda_runtime::run(service_fn(move |event: LambdaEvent<serde_json::Value>| async move {
        let deadline = Timestamp::from_millisecond(event.context.deadline as i64)?;
        let deadline = deadline.checked_sub(MARGIN)?;
        match function {
            Function::Parse => uploads(host, event.payload, deadline).await,
            Function::Diff => steps(host, event.payload, deadline).await,
            Function::Deliver => batches(host, event.payload, deadline).await,
            Function::Reconcile => woken(host, event.payload, deadline).await,
        }
    }))
    .await
}

async fn uploads(host: &Host, event: serde_json::Value, deadline: Timestamp) -> Result<(), Error> {
    let event: S3Event = decode("S3 event", event)?;
    for record in event.records {
        let object = record.s3.object;
        let key = object.key.unwrap_or_default();
        let at = Timestamp::from_millisecond(record.event_time.timestamp_millis())?;
        let upload = Upload::of(
            &key,
            object.version_id,
            object.sequencer.unwrap_or_default(),
            u64::try_from(object.size.unwrap_or_default()).unwrap_or_default(),
            at,
        );
        let Some(upload) = upload else {
            warn!("an upload outside of any source's folder");
            continue;
        };
        let scope = upload.scope.clone();
        work(host, &scope, async |metrics| Box::pin(host.upload(upload, deadline, metrics)).await)
            .await?;
    }
    Ok(())
}

async fn steps(host: &Host, event: serde_json::Value, deadline: Timestamp) -> Result<(), Error> {
    for body in bodies(event)? {
        let Some(message) = message::<StepMessage>("message of the plan queue", &body) else {
            continue;
        };
        let scope = message.scope();
        // Who comes late to the lease still has to plan.
        let until = host.clock.now() + host.knobs.slice;
        let until = until.min(deadline);
        work(host, &scope, async |metrics| Box::pin(host.step(&message, until, metrics)).await)
            .await?;
    }
    Ok(())
}

async fn batches(host: &Host, event: serde_json::Value, deadline: Timestamp) -> Result<(), Error> {
    for body in bodies(event)? {
        let Some(message) = message::<BatchMessage>("message of the deliver queue", &body) else {
            continue;
        };
        let scope = message.scope();
        work(host, &scope, async |metrics| Box::pin(host.batch(&message, deadline, metrics)).await)
            .await?;
    }
    Ok(())
}

async fn woken(host: &Host, event: serde_json::Value, deadline: Timestamp) -> Result<(), Error> {
    let woken: Woken = decode("schedule's input", event)?;
    let scope = woken.scope();
    work(host, &scope, async |metrics| Box::pin(host.wake(&woken, deadline, metrics)).await).await
}

/// Does one piece of work, logs and counts it. What passes by itself is handed back, so that it
/// comes again; what does not is told once and left.
async fn work(
    host: &Host,
    scope: &Scope,
    doing: impl AsyncFnOnce(&mut Metrics) -> Result<(), HostError>,
) -> Result<(), Error> {
    let mut metrics = Metrics::default();
    let trace = std::env::var("_X_AMZN_TRACE_ID").unwrap_or_default();
    let span = error_span!(
        "work", tenant = %scope.tenant, integration = %scope.integration, trace = %trace
    );
    let done = async {
        let done = doing(&mut metrics).await;
        if let Err(error) = &done {
            let (passing, reason) = (error.is_passing(), error.chain());
            error!(passing, reason, "the work came to no end");
            metrics.add(Metric::WorkLeft, u64::from(!passing));
        }
        done
    };
    let done = done.instrument(span).await;
    let now = host.clock.now().as_millisecond();
    if let Some(mut line) = metrics.line(&host.names.stack, scope, now) {
        line.push('\n');
        std::io::stdout().write_all(line.as_bytes())?;
    }
    match done {
        Err(error) if error.is_passing() => Err(error.chain().into()),
        _ => Ok(()),
    }
}

fn bodies(event: serde_json::Value) -> Result<Vec<String>, Error> {
    let event: SqsEvent = decode("SQS event", event)?;
    Ok(event.records.into_iter().filter_map(|record| record.body).collect())
}

/// A message that nobody can read will be read by nobody: it is told and left.
fn message<T: DeserializeOwned>(what: &'static str, body: &str) -> Option<T> {
    match serde_json::from_str(body) {
        Ok(message) => Some(message),
        Err(error) => {
            error!(what, reason = %error, "not understood");
            None
        }
    }
}

fn decode<T: DeserializeOwned>(what: &'static str, event: serde_json::Value) -> Result<T, Error> {
    let decoded = serde_json::from_value(event);
    decoded.map_err(|error| HostError::Message { what, reason: error.to_string() }.into())
}
