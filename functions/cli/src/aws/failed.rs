//! Uploads and wake-ups that their function failed at: `rollcall --aws STACK redrive` wakes their
//! integration, which looks again at all that is due and at files that nobody took in.
//!
//! The wake-up is set before the event is taken away: whoever dies in between sets it twice, and one
//! integration has each wake-up once.

use std::collections::BTreeSet;
use std::time::Duration;

use hosted::Woken;
use store::WakeUp;
use store_aws::FailedEvents;

use super::Installation;
use super::redrive::Letter;
use crate::args::Global;
use crate::failure::Failure;
use crate::home::Setting;

/// How long an event is hidden from others while it is looked at. What is left in the queue is seen
/// again after that.
const HIDDEN: Duration = Duration::from_secs(20);

/// Wakes those that up to `limit` events were for. What was seen goes into `letters`, also where it
/// ends early.
pub(super) async fn again(
    installation: &Installation,
    setting: &Setting,
    limit: u32,
    letters: &mut Vec<Letter>,
) -> Result<(), Failure> {
    let host = &installation.host;
    let events = FailedEvents::of(&host.clients, &host.names).await?;
    let mut woken_already = BTreeSet::new();
    for _ in 0..limit {
        let Some(event) = events.next(HIDDEN).await? else { break };
        let woken = Woken::again(&event.body);
        if woken.as_ref().is_some_and(|woken| !is_meant(woken, &setting.global)) {
            continue;
        }
        letters.push(Letter::of_event(woken.as_ref(), event.receive_count));
        let Some(woken) = woken else { continue };
        let (integration, reason) = (woken.scope().path(), woken.reason);
        if woken_already.insert((integration.clone(), reason.clone())) {
            let due = setting.clock.now();
            installation.stores.wake.set(WakeUp { due, integration, reason }).await?;
        }
        events.forget(&event).await?;
    }
    Ok(())
}

fn is_meant(woken: &Woken, global: &Global) -> bool {
    let fits = |asked: &Option<String>, is: &str| asked.as_deref().is_none_or(|it| it == is);
    fits(&global.aws.of_tenant, &woken.tenant) && fits(&global.integration, &woken.integration)
}
