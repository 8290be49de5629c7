//! `Wake`: what is to be looked at when.

use ambient::Timestamp;
use async_trait::async_trait;

use super::StoreError;

/// One wake-up. There is at most one for each integration and reason: setting it again moves it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct WakeUp {
    /// When it is due.
    pub due: Timestamp,
    /// Whom it wakes: `tenant/integration`.
    pub integration: String,
    /// Why: `retry`, `expiry`, `delayed-delete`, `schedule`.
    pub reason: String,
}

/// Wake-ups that outlive the process. They stay until cleared, so that a crash between waking and
/// doing loses none.
#[async_trait]
pub trait Wake: Send + Sync {
    /// Sets or moves the wake-up of its integration and reason.
    async fn set(&self, wake: WakeUp) -> Result<(), StoreError>;

    /// Every wake-up of `integration`, earliest first.
    async fn of(&self, integration: &str) -> Result<Vec<WakeUp>, StoreError>;

    /// Removes exactly this wake-up; one that was moved meanwhile stays.
    async fn clear(&self, wake: &WakeUp) -> Result<(), StoreError>;
}
