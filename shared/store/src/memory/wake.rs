//! `Wake` in memory.

use std::collections::BTreeMap;
use std::sync::Mutex;

use ambient::Timestamp;
use async_trait::async_trait;

use super::lock;
use crate::port::{StoreError, Wake, WakeUp};

/// Wake-ups in memory.
#[derive(Debug, Default)]
pub struct MemoryWake {
    /// By integration and reason.
    due: Mutex<BTreeMap<(String, String), Timestamp>>,
}

impl MemoryWake {
    /// No wake-ups.
    pub fn new() -> Self {
        Self::default()
    }

    /// All wake-ups, earliest first.
    pub fn wakes(&self) -> Vec<WakeUp> {
        self.matching(|_| true)
    }

    /// Wake-ups of their own with the same content.
    pub fn fork(&self) -> Self {
        Self { due: Mutex::new(lock(&self.due).clone()) }
    }

    fn matching(&self, wanted: impl Fn(&WakeUp) -> bool) -> Vec<WakeUp> {
        let mut wakes: Vec<_> = lock(&self.due)
            .iter()
            .map(|((integration, reason), due)| WakeUp {
                due: *due,
                integration: integration.clone(),
                reason: reason.clone(),
            })
            .filter(wanted)
            .collect();
        wakes.sort();
        wakes
    }
}

#[async_trait]
impl Wake for MemoryWake {
    async fn set(&self, wake: WakeUp) -> Result<(), StoreError> {
        lock(&self.due).insert((wake.integration, wake.reason), wake.due);
        Ok(())
    }

    async fn of(&self, integration: &str) -> Result<Vec<WakeUp>, StoreError> {
        Ok(self.matching(|wake| wake.integration == integration))
    }

    async fn clear(&self, wake: &WakeUp) -> Result<(), StoreError> {
        let mut due = lock(&self.due);
        let key = (wake.integration.clone(), wake.reason.clone());
        if due.get(&key) == Some(&wake.due) {
            due.remove(&key);
        }
        Ok(())
    }
}
