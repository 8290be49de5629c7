//! What people at a school do one after the other beside the nightly export: lists of changed keys,
//! answers about keys. Each can be cut short by the death of its process, and is then done again.

use std::io::Cursor;
use std::sync::Arc;
use std::time::Duration;

use ambient::Timestamp;
use pipeline::{ExportInput, NoProgress, PipelineError, Said, Source, Speaks, SyncOutcome, read};
use readers::{Format, FormatChoice, ReadOptions};
use roster::{Mode, Text};

use crate::tap::Crash;
use crate::town::Town;
use crate::world::{Ended, LEASE, Process, World, source};

/// The source of changed keys.
pub const LIST: &str = "keys";

/// Something that somebody does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// The registrar delivers the school as it is.
    Export(Box<Town>),
    /// The key office delivers a list of changed keys.
    List(String),
    /// Somebody says whether a former and a new key are one person, and has it delivered.
    Answer(String, String, Said),
    /// Somebody takes back what was said of a former and a new key, and has that delivered.
    TakeBack(String, String),
}

/// A world whose integration has a source of changed keys beside the registrar.
pub fn world(seed: u64) -> World {
    let mut world = World::new(seed);
    let mut integration = (*world.integration).clone();
    let format = FormatChoice::Named(Format::Changes);
    integration.sources.push(Source {
        name: LIST.to_owned(),
        mode: Mode::Incremental,
        scope: Speaks::ForSource,
        precedence: 0,
        read: ReadOptions { format, ..ReadOptions::default() },
        part: roster::merge::Part { adds: false, ..Default::default() },
    });
    world.integration = Arc::new(integration);
    world
}

/// Does it, unless the process dies in it.
pub async fn act(process: &Process, act: &Act) -> Ended {
    tokio::select! {
        biased;
        ended = work(process, act) => Ended::Came(ended.map(Box::new)),
        () = process.tap.killed() => Ended::Killed,
    }
}

async fn work(process: &Process, act: &Act) -> Result<SyncOutcome, PipelineError> {
    let pipeline = &process.pipeline;
    match act {
        Act::Export(town) => take_in(process, &source(), town.export()).await,
        Act::List(text) => {
            let integration = Arc::clone(&pipeline.integration);
            let list = integration.source(LIST).expect("the world has a list");
            take_in(process, list, text.clone().into_bytes()).await
        }
        Act::Answer(old, new, said) => {
            let pairs = [(Text::new(old), Text::new(new))];
            let until = pipeline.clock.now();
            pipeline.rename(&pairs, *said, "the key office", until).await?;
            pipeline.resync().await
        }
        Act::TakeBack(old, new) => {
            let pairs = [(Text::new(old), Text::new(new))];
            let until = pipeline.clock.now();
            pipeline.take_rename_back(&pairs, "the key office", until).await?;
            pipeline.resync().await
        }
    }
}

async fn take_in(
    process: &Process,
    source: &Source,
    bytes: Vec<u8>,
) -> Result<SyncOutcome, PipelineError> {
    let reader = Box::new(Cursor::new(bytes));
    let input = ExportInput { name: format!("{}.export", source.name), reader };
    let export = read(source, source.mode, vec![input], &*process.pipeline.vault, &NoProgress)?;
    process.pipeline.sync(source, export).await
}

/// Does it with as many processes as it takes, of which the first may die. The answer is the first
/// one and the outcome, or what the last one came to where nothing comes of it.
pub async fn settle(
    world: &mut World,
    what: &Act,
    crash: Option<Crash>,
    sole_writer: bool,
) -> Result<(Process, Box<SyncOutcome>), String> {
    let first = world.process(crash, None, sole_writer);
    let mut ended = act(&first, what).await;
    for _ in 0..20 {
        match ended {
            ended if ended.is_settled() => {
                // Whatever is still on its way comes in before anybody looks.
                world.platform().land(Timestamp::MAX);
                return Ok((first, ended.outcome()));
            }
            Ended::Came(Err(PipelineError::Busy { .. })) => world.clock.advance(LEASE),
            Ended::Killed => world.clock.advance(Duration::from_secs(1)),
            Ended::Came(Ok(_)) => world.clock.advance(Duration::from_secs(150)),
            Ended::Came(Err(error)) => return Err(format!("{error}")),
        }
        ended = act(&world.process(None, None, sole_writer), what).await;
    }
    Err(format!("it came to no rest: {ended:?}"))
}
