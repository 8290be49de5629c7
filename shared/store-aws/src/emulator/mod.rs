//! An AWS on this machine, for tests: ministack.
//!
//! `tests/run` installs it. A test starts its own on a free port; it ends with the process that
//! started it, however that ends. Two of its answers that differ from AWS's are put right at its
//! start: `corrections.py` says which.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_sdk_dynamodb::types as dynamo;
use aws_sdk_s3::types as s3;
use aws_sdk_sqs::types::QueueAttributeName;

use crate::{Clients, ConnectError, ConnectOptions, Names, NamesError};

/// Where the emulator says it stands.
pub const REGION: &str = "eu-west-1";
/// How long its start may take.
const PATIENCE: Duration = Duration::from_secs(60);
const LOOK_AGAIN: Duration = Duration::from_millis(100);
/// Runs the emulator until it ends, or until standard input does, which ends with the process that
/// holds its other side, even one that was killed: then all that the emulator started ends too, and
/// its folder goes.
const UNTIL_WE_END: &str = r#"
exec 3<&0
"$0" "$1" </dev/null 3<&- & child=$!
trap '' TERM
(cat <&3 >/dev/null; kill -TERM 0; sleep 1; kill -KILL $child; rm -rf -- "$2") 2>/dev/null &
wait $child
"#;
/// Starts it, corrected.
const CORRECTIONS: &str = include_str!("corrections.py");

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// A running emulator; it ends when this is dropped, or with the process.
#[derive(Debug)]
pub struct Ministack {
    port: u16,
    child: Child,
    folder: PathBuf,
}

impl Ministack {
    /// Starts one and returns once it answers.
    ///
    /// # Panics
    ///
    /// Where it is not installed or does not start: a test that needs it fails then, it is never
    /// skipped.
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// Starts one with further environment variables.
    ///
    /// # Panics
    ///
    /// As [`Self::start`].
    pub fn start_with(variables: &[(&str, &str)]) -> Self {
        match try_start(variables) {
            Ok(started) => started,
            Err(error) => panic!("ministack does not start: {error}"),
        }
    }

    /// Where it answers: `http://127.0.0.1:4566`.
    pub fn endpoint(&self) -> String {
        endpoint(self.port)
    }

    /// Its folder: its log is in it, and it goes with it.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What it has printed so far.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }

    /// Clients of it.
    pub async fn clients(&self) -> Result<Clients, ConnectError> {
        clients_at(&self.endpoint()).await
    }
}

impl Drop for Ministack {
    fn drop(&mut self) {
        // Its standard input ends here, and with it the emulator; nothing is left to be told.
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

/// Clients of an emulator, or of a proxy before it, at `endpoint`.
pub async fn clients_at(endpoint: &str) -> Result<Clients, ConnectError> {
    Clients::connect(ConnectOptions {
        region: Some(REGION.to_owned()),
        endpoint: Some(endpoint.to_owned()),
        credentials: Some(Credentials::new("test", "test", None, None, "emulator")),
        profile: None,
    })
    .await
}

/// Makes table, bucket (with versions), queues and schedule groups of the stack `stack`, as far as
/// the stores need them, and returns their names.
pub async fn create_stack(clients: &Clients, stack: &str) -> Result<Names, Failure> {
    create_table(clients, stack).await?;
    for queue in ["plan", "deliver", "dead"] {
        let call = clients.sqs.create_queue().queue_name(format!("{stack}-{queue}.fifo"));
        call.attributes(QueueAttributeName::FifoQueue, "true").send().await?;
    }
    // Lambda and Scheduler write to it, which know no FIFO queues.
    clients.sqs.create_queue().queue_name(format!("{stack}-parse-dead")).send().await?;
    for group in ["wake", "recurring"] {
        clients.scheduler.create_schedule_group().name(format!("{stack}-{group}")).send().await?;
    }
    let names = names(clients, stack).await?;
    let place = s3::CreateBucketConfiguration::builder()
        .location_constraint(s3::BucketLocationConstraint::from(clients.region()))
        .build();
    let create = clients.s3.create_bucket().bucket(&names.bucket);
    create.create_bucket_configuration(place).send().await?;
    let versions =
        s3::VersioningConfiguration::builder().status(s3::BucketVersioningStatus::Enabled).build();
    let call = clients.s3.put_bucket_versioning().bucket(&names.bucket);
    call.versioning_configuration(versions).send().await?;
    Ok(names)
}

/// Writes `body` to the stack's queue of failed events, as Lambda or Scheduler would.
pub async fn give_up(clients: &Clients, stack: &str, body: &str) -> Result<(), Failure> {
    let queue = crate::names::queue_url(clients, &format!("{stack}-parse-dead")).await?;
    clients.sqs.send_message().queue_url(queue).message_body(body).send().await?;
    Ok(())
}

async fn names(clients: &Clients, stack: &str) -> Result<Names, NamesError> {
    Names::of_stack(clients, stack).await
}

async fn create_table(clients: &Clients, name: &str) -> Result<(), Failure> {
    let mut call = clients.dynamodb.create_table().table_name(name);
    for (attribute, kind) in [("pk", dynamo::KeyType::Hash), ("sk", dynamo::KeyType::Range)] {
        let definition = dynamo::AttributeDefinition::builder().attribute_name(attribute);
        let definition = definition.attribute_type(dynamo::ScalarAttributeType::S).build()?;
        let key = dynamo::KeySchemaElement::builder().attribute_name(attribute).key_type(kind);
        call = call.attribute_definitions(definition).key_schema(key.build()?);
    }
    call.billing_mode(dynamo::BillingMode::PayPerRequest).send().await?;
    Ok(())
}

fn try_start(variables: &[(&str, &str)]) -> Result<Ministack, Failure> {
    let program = program()?;
    let folder = tempfile::tempdir()?.keep();
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
    let log = File::create(folder.join("log"))?;
    let corrected = folder.join("corrected.py");
    fs::write(&corrected, CORRECTIONS)?;
    let child = Command::new("sh")
        .arg("-c")
        .arg(UNTIL_WE_END)
        .arg(python(&program)?)
        .arg(&corrected)
        .arg(&folder)
        // Without the first two it listens to the network.
        .env("BIND_HOST", "127.0.0.1")
        .env("IOT_MTLS_ENABLED", "0")
        .env("GATEWAY_PORT", port.to_string())
        .env("AWS_ENDPOINT_URL", endpoint(port))
        .env("AWS_DEFAULT_REGION", REGION)
        .env("MINISTACK_REGION", REGION)
        .env("TMPDIR", &folder)
        .envs(variables.iter().copied())
        .current_dir(&folder)
        .stdin(Stdio::piped())
        .stdout(log.try_clone()?)
        .stderr(log)
        .process_group(0)
        .spawn()?;
    let mut started = Ministack { port, child, folder };
    let mut waited = Duration::ZERO;
    while !answers(port) {
        if waited > PATIENCE || started.child.try_wait()?.is_some() {
            return Err(format!(
                "{} gave no answer; it said:\n{}",
                program.display(),
                started.log()
            )
            .into());
        }
        std::thread::sleep(LOOK_AGAIN);
        waited += LOOK_AGAIN;
    }
    Ok(started)
}

/// Where it is installed: `ROLLCALL_MINISTACK`, or where `tests/run` puts it.
fn program() -> Result<PathBuf, Failure> {
    let installed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/tools/bin/ministack");
    let program = std::env::var_os("ROLLCALL_MINISTACK").map_or(installed, PathBuf::from);
    match program.canonicalize() {
        Ok(_) => Ok(program),
        Err(_) => Err(format!(
            "there is no {}: run `tests/run`, which installs it, or set ROLLCALL_MINISTACK",
            program.display()
        )
        .into()),
    }
}

/// The Python that the program `program` runs in: its first line says so.
fn python(program: &Path) -> Result<PathBuf, Failure> {
    let text = fs::read_to_string(program)?;
    let first = text.lines().next().and_then(|line| line.strip_prefix("#!"));
    let first = first.map(str::trim).filter(|path| !path.contains(' '));
    Ok(first.map(PathBuf::from).ok_or("it is no Python program with one in its first line")?)
}

fn endpoint(port: u16) -> String {
    format!("http://127.0.0.1:{port}")
}

/// Whether something at `port` answers its question for health.
fn answers(port: u16) -> bool {
    let ask = || -> std::io::Result<String> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let mut stream = TcpStream::connect_timeout(&address, LOOK_AGAIN)?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        stream.write_all(
            b"GET /_ministack/health HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n",
        )?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    ask().is_ok_and(|answer| answer.starts_with("HTTP/1.1 200"))
}
