//! The messages of the two queues.

use ambient::Timestamp;
use pipeline::{BatchMessage, Handled, StepMessage};
use store::state::run::RunState;
use tracing::info;

use crate::emf::{Metric, Metrics};
use crate::{Host, HostError, Reach};

impl Host {
    /// Takes the step that a message of the plan queue asks for. `until`: until when it may wait
    /// for whoever is at work on the integration.
    pub async fn step(
        &self,
        message: &StepMessage,
        until: Timestamp,
        metrics: &mut Metrics,
    ) -> Result<(), HostError> {
        let open = self.open(&message.scope(), Reach::Never).await?;
        let handled = open.pipeline.handle_step(message, until).await?;
        tell(&handled, metrics);
        Ok(())
    }

    /// Delivers what a message of the deliver queue points to, until the slice is over.
    pub async fn batch(
        &self,
        message: &BatchMessage,
        deadline: Timestamp,
        metrics: &mut Metrics,
    ) -> Result<(), HostError> {
        let open = self.open(&message.scope(), Reach::Live).await?;
        let begun = self.clock.now();
        // A batch that is begun last must end before the function is stopped.
        let last = deadline.checked_sub(open.pipeline.integration.lease).unwrap_or(begun);
        let slice = begun.saturating_add(self.knobs.slice).unwrap_or(last);
        let handled = open.pipeline.handle_batch(message, slice.min(last).max(begun)).await?;
        let took = self.clock.now().duration_since(begun).as_millis();
        metrics.add(Metric::BatchMillis, u64::try_from(took).unwrap_or_default());
        tell(&handled, metrics);
        Ok(())
    }
}

fn tell(handled: &Handled, metrics: &mut Metrics) {
    if handled.busy {
        info!("somebody else was at work: asked for again");
    }
    let Some(run) = &handled.run else { return };
    info!(run = %run.id, state = run.state.name(), delivered = run.delivered, "step taken");
    // What waits is told once, by the step that made it wait.
    if run.state.is_final() || (run.state == RunState::Waiting && handled.stopped.is_some()) {
        metrics.run(run);
    }
}
