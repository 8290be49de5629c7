//! `rollcall sweep`

use report::json::Answer;
use runtime::Exit;

use super::sync::{Now, told};
use crate::failure::Failure;
use crate::home::{Access, Home, Setting};

/// Do what is due: retries and tidying up (for cron)
#[derive(Debug, clap::Args)]
#[command(after_help = "\
What was refused or could not be delivered is tried again; what is no longer needed is cleared.

Example, as a line of a crontab:
  */5 * * * *  rollcall --data /var/lib/rollcall --config /etc/rollcall.toml --quiet sweep")]
pub struct Sweep {
    #[command(flatten)]
    pub now: Now,
}

impl Sweep {
    /// Sweeps.
    pub async fn run(self, setting: &Setting) -> Result<Exit, Failure> {
        let console = &setting.console;
        let mut home = Home::open(setting, Access::Deliver).await?;
        home.wait_unless(&self.now);
        let swept = home.pipeline.sweep().await;
        home.watch.clear();
        let swept = swept?;
        let expired = home.place.drop_expired()?;
        home.clear_forgotten().await?;
        let old = swept.cleared;
        if old.objects + old.items + old.history > 0 {
            let (objects, items) = (old.objects, old.items + old.history);
            console
                .say(&format!("{objects} plans and reports and {items} items were kept no longer"));
        }
        if swept.segments_deleted > 0 || expired > 0 {
            let (segments, word) = (swept.segments_deleted, "cleared of what is no longer needed");
            console.say(&format!("{segments} segments and {expired} items {word}"));
        }
        if let Some(until) = swept.circuit_open_until {
            let why = format!(
                "the LMS was out of reach several times in a row and is left alone until {until:.0}"
            );
            return Err(Failure::new(Exit::Lms, "circuit-open", why)
                .hint("once it is back, `rollcall sync` with the newest export tries at once"));
        }
        if let Some(rest) = &swept.rest {
            console.answer(&Answer::default())?;
            console.report(&format!("Nothing is delivered now: {}.\n", rest.why));
            return Ok(Exit::Done);
        }
        match &swept.outcome {
            Some(outcome) => told(setting, &home, outcome).await,
            None => {
                console.answer(&Answer::default())?;
                console.report("The integration is inactive: nothing is due.\n");
                Ok(Exit::Done)
            }
        }
    }
}
