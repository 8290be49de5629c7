//! Passwords that were made for new accounts, on their way to whoever hands them over.
//!
//! They are handed over once: whoever has written them where they belong erases them here
//! ([`Pipeline::erase_handed_over`]), and the audit trail says who did. Between the two nothing is
//! lost: a list that was not erased can be handed over again.
//!
//! **Never:** no password is in an error, a log, or the debug form of anything here.

use std::collections::{BTreeMap, BTreeSet};

use ambient::Timestamp;
use delivery::{Handed, hand_over};
use roster::Text;
use store::state::audit;
use store::state::credentials::{Credential, Standing, StoredIssue};

use crate::{Pipeline, PipelineError};

/// A password that waits to be handed over, without it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingCredential {
    /// The person's record id.
    pub key: Text,
    /// What is known of it.
    pub standing: Standing,
    /// When it was made.
    pub at: Timestamp,
    /// From when on nobody gets it any more.
    pub expires: Timestamp,
}

/// What can be handed over now.
#[derive(Debug, Clone)]
pub struct HandOver {
    /// Each account once, by the person's key, and what is known of its password.
    pub handed: Vec<(Handed, Standing)>,
    /// Persons whose password does not open: the installation has another key now.
    pub unreadable: Vec<Text>,
    /// Passwords of batches that are under way: they come with the next list.
    pub under_way: u64,
    /// What is erased once it is handed over.
    from: Vec<StoredIssue>,
}

impl Pipeline {
    /// The passwords that wait to be handed over, by person's key.
    pub async fn credentials(&self) -> Result<Vec<WaitingCredential>, PipelineError> {
        let issues = self.live_issues().await?;
        let mut waiting = BTreeMap::new();
        for stored in &issues {
            let (at, expires) = (stored.issue.at, stored.issue.expires);
            for one in &stored.issue.credentials {
                let (key, standing) = (one.key.clone(), one.standing);
                let line = WaitingCredential { key: key.clone(), standing, at, expires };
                keep_better(&mut waiting, key, line, |line| line.standing);
            }
        }
        Ok(waiting.into_values().collect())
    }

    /// Opens what can be handed over now. Nothing is changed.
    pub async fn hand_over(&self) -> Result<HandOver, PipelineError> {
        let (under_way, from): (Vec<_>, Vec<_>) =
            self.live_issues().await?.into_iter().partition(StoredIssue::is_under_way);
        let open = |key: &str, sealed: &[u8]| self.vault.open(key, sealed);
        let mut handed = BTreeMap::new();
        let mut unreadable = BTreeSet::new();
        for one in from.iter().flat_map(|stored| &stored.issue.credentials) {
            match hand_over(one, &open) {
                Some(line) => {
                    let line = (line, one.standing);
                    keep_better(&mut handed, one.key.clone(), line, |line| line.1);
                }
                None => {
                    unreadable.insert(one.key.clone());
                }
            }
        }
        // What cannot be opened now may be opened again with the key that sealed it.
        let opens = |stored: &StoredIssue| {
            !stored.issue.credentials.iter().any(|one| unreadable.contains(&one.key))
        };
        let from = from.into_iter().filter(opens).collect();
        let waits = |stored: &StoredIssue| stored.issue.credentials.len() as u64;
        Ok(HandOver {
            handed: handed.into_values().collect(),
            unreadable: unreadable.into_iter().collect(),
            under_way: under_way.iter().map(waits).sum(),
            from,
        })
    }

    /// Erases what was handed over, and notes who did. What has changed meanwhile stays, for the
    /// next list.
    pub async fn erase_handed_over(&self, what: &HandOver, by: &str) -> Result<u64, PipelineError> {
        let accounts = what.handed.len();
        let note = format!("passwords of {accounts} new accounts were handed over");
        self.erase_issues(&what.from, by, "handed over", &note).await
    }

    /// Erases every password that waits, but those of batches that are under way.
    pub async fn erase_credentials(&self, by: &str) -> Result<u64, PipelineError> {
        let all = StoredIssue::all(&self.stores, &self.integration.scope).await?;
        let erased: Vec<_> = all.into_iter().filter(|stored| !stored.is_under_way()).collect();
        self.erase_issues(&erased, by, "erased", "passwords of new accounts, handed to nobody")
            .await
    }

    async fn erase_issues(
        &self,
        issues: &[StoredIssue],
        by: &str,
        what: &str,
        note: &str,
    ) -> Result<u64, PipelineError> {
        if issues.is_empty() {
            return Ok(0);
        }
        let scope = &self.integration.scope;
        // Before anything is gone: who asked for it is known even where it ends in between.
        let entry = audit::Entry::new(self.clock.now(), by, what).about("credentials").note(note);
        audit::note(&self.stores, scope, &entry).await?;
        let mut erased = BTreeSet::new();
        for stored in issues {
            match self.stores.table.transact(vec![stored.erase()]).await {
                Ok(()) => {
                    let keys = stored.issue.credentials.iter().map(|one| one.key.clone());
                    erased.extend(keys);
                }
                Err(error) if error.is_condition_failed() => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(erased.len() as u64)
    }

    /// What is not over yet.
    async fn live_issues(&self) -> Result<Vec<StoredIssue>, PipelineError> {
        let now = self.clock.now();
        let mut all = StoredIssue::all(&self.stores, &self.integration.scope).await?;
        all.retain(|stored| stored.issue.expires > now);
        Ok(all)
    }

    /// Erases what nobody handed over in time. The store does so by itself, sooner or later.
    pub(crate) async fn erase_expired_credentials(&self) -> Result<u64, PipelineError> {
        let now = self.clock.now();
        let all = StoredIssue::all(&self.stores, &self.integration.scope).await?;
        let mut erased = 0;
        for stored in all.into_iter().filter(|stored| stored.issue.expires <= now) {
            match self.stores.table.transact(vec![stored.erase()]).await {
                Ok(()) => erased += stored.issue.credentials.len() as u64,
                Err(error) if error.is_condition_failed() => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(erased)
    }

    /// Takes the passwords of a person who is forgotten away; how many items held one.
    pub(crate) async fn forget_credentials(
        &self,
        lease: &store::state::lease::Lease,
        keys: &BTreeSet<String>,
    ) -> Result<u64, PipelineError> {
        let scope = &self.integration.scope;
        let mut touched = 0;
        for mut stored in StoredIssue::all(&self.stores, scope).await? {
            let before = stored.issue.credentials.len();
            let is_theirs = |one: &Credential| keys.contains(one.key.as_str());
            stored.issue.credentials.retain(|one| !is_theirs(one));
            if stored.issue.credentials.len() < before {
                let writes = vec![lease.check(scope), stored.write()?];
                self.stores.table.transact(writes).await.map_err(crate::drive::lease_lost)?;
                touched += 1;
            }
        }
        Ok(touched)
    }
}

/// Of two lines of one person the one of which more is known stays; of two alike, the later.
fn keep_better<T>(
    lines: &mut BTreeMap<Text, T>,
    key: Text,
    line: T,
    standing: impl Fn(&T) -> Standing,
) {
    let better = |standing| match standing {
        Standing::Set => 2,
        Standing::Unknown => 1,
        Standing::UnderWay => 0,
    };
    let worse = |known: &T| better(standing(known)) <= better(standing(&line));
    if lines.get(&key).is_none_or(worse) {
        lines.insert(key, line);
    }
}
