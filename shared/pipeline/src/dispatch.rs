//! From a message to its step, and on to the next message.
//!
//! The next message is sent before the one that led to it is acknowledged: whoever dies in between
//! has it delivered again, and every step knows what is done already. A step that cannot be taken
//! because somebody else is at work asks for itself again.

use ambient::Timestamp;
use lms::LmsError;
use store::state::run::Run;
use store::{QueueName, StoreError};

use crate::messages::group;
use crate::{
    Ask, BatchMessage, Envelope, Later, Next, Pipeline, PipelineError, StepMessage, Stepped,
};

/// What became of a message. It is to be acknowledged.
#[derive(Debug)]
pub struct Handled {
    /// The run that was worked on, as it stands now.
    pub run: Option<Run>,
    /// What is to be done next: the message for it has been sent.
    pub next: Next,
    /// What kept it from going on.
    pub stopped: Option<LmsError>,
    /// Somebody else was at work the whole time: the same message has been sent again.
    pub busy: bool,
}

impl Pipeline {
    /// Sends the message of what is to be done next.
    pub async fn send(&self, next: &Next) -> Result<(), PipelineError> {
        let scope = &self.integration.scope;
        match next {
            Next::Nothing => Ok(()),
            Next::Plan(ask) => self.post_step(&Envelope::new(scope, ask.clone())).await,
            Next::Deliver(batch) => self.post_batch(&Envelope::new(scope, batch.clone())).await,
        }
    }

    /// Takes the step that a message of the plan queue asks for, and sends what comes next.
    pub async fn handle_step(
        &self,
        message: &StepMessage,
        until: Timestamp,
    ) -> Result<Handled, PipelineError> {
        let stepped = match self.ask(&message.asks, until).await {
            Err(PipelineError::Busy { .. }) => {
                let again = StepMessage { attempt: message.attempt + 1, ..message.clone() };
                self.post_step(&again).await?;
                return Ok(Handled::busy());
            }
            stepped => stepped?,
        };
        self.pass_on(stepped).await
    }

    /// Delivers what a message points to, and sends what comes next.
    pub async fn handle_batch(
        &self,
        message: &BatchMessage,
        until: Timestamp,
    ) -> Result<Handled, PipelineError> {
        let stepped = match self.deliver_step(&message.asks.run, until).await {
            Err(PipelineError::Busy { .. }) => {
                let again = BatchMessage { attempt: message.attempt + 1, ..message.clone() };
                self.post_batch(&again).await?;
                return Ok(Handled::busy());
            }
            // Its run is not kept any more.
            Err(PipelineError::NotFound(_)) => None,
            stepped => Some(stepped?),
        };
        // Where the time was up before a single batch was done, the next message would be the same
        // as this one, and be taken for its duplicate.
        if let Some(Stepped { next: Next::Deliver(next), .. }) = &stepped
            && *next == message.asks
        {
            let again = BatchMessage { attempt: message.attempt + 1, ..message.clone() };
            self.post_batch(&again).await?;
            let Some(Stepped { run, next, stopped }) = stepped else { return Ok(Handled::busy()) };
            return Ok(Handled { run: Some(run), next, stopped, busy: false });
        }
        self.pass_on(stepped).await
    }

    async fn ask(&self, ask: &Ask, until: Timestamp) -> Result<Option<Stepped>, PipelineError> {
        match ask {
            Ask::Plan { run, .. } => match self.plan_step(run, until).await {
                // Its run is not kept any more.
                Err(PipelineError::NotFound(_)) => return Ok(None),
                stepped => return stepped.map(Some),
            },
            Ask::Resync => {}
            Ask::Approve { run, checksum, by } => {
                self.approve(run, checksum, by).await?;
            }
            Ask::Reject { run, by } => {
                self.reject_by(run, by, until).await?;
            }
            Ask::Revert { run, and_later, by } => {
                let later = if *and_later { Later::TakenBackToo } else { Later::Refused };
                let begun = self.begin_revert(run, later, by, until).await?;
                return self.plan_step(&begun.run, until).await.map(Some);
            }
            Ask::Scope { key, act, by } => {
                let said = self.begin_scope(*act, key, by, until).await?;
                return self.plan_step(&said.run, until).await.map(Some);
            }
            Ask::Resume { source, by } => {
                self.resume(source, by).await?;
                return Ok(None);
            }
        }
        // What is wanted, or may be done, is different now.
        let Next::Plan(Ask::Plan { run, .. }) = self.begin_resync(until).await? else {
            return Ok(None);
        };
        self.plan_step(&run, until).await.map(Some)
    }

    async fn pass_on(&self, stepped: Option<Stepped>) -> Result<Handled, PipelineError> {
        let Some(Stepped { run, next, stopped }) = stepped else {
            return Ok(Handled { run: None, next: Next::Nothing, stopped: None, busy: false });
        };
        self.send(&next).await?;
        Ok(Handled { run: Some(run), next, stopped, busy: false })
    }

    async fn post_step(&self, message: &StepMessage) -> Result<(), PipelineError> {
        // What somebody asks for twice is two things, but a run is planned once.
        let moment = match message.asks {
            Ask::Plan { .. } => String::new(),
            _ => self.clock.now().to_string(),
        };
        self.post(QueueName::Plan, message, &moment).await
    }

    async fn post_batch(&self, message: &BatchMessage) -> Result<(), PipelineError> {
        self.post(QueueName::Deliver, message, "").await
    }

    async fn post<T: serde::Serialize>(
        &self,
        queue: QueueName,
        message: &Envelope<T>,
        moment: &str,
    ) -> Result<(), PipelineError> {
        let damaged = |error: serde_json::Error| StoreError::Damaged {
            what: "message in memory".into(),
            reason: error.to_string(),
        };
        let body = message.text().map_err(damaged)?;
        let dedup = message.dedup(moment).map_err(damaged)?;
        let group = group(&message.scope());
        Ok(self.stores.queue.send(queue, &group, &dedup, &body).await?)
    }
}

impl Handled {
    fn busy() -> Self {
        Self { run: None, next: Next::Nothing, stopped: None, busy: true }
    }
}
