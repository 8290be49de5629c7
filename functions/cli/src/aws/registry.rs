//! Which integrations an installation serves: one item each, so that they can be listed.
//!
//! `pk` is `#tenants`, which no tenant's role may read; `sk` is `tenant/integration`.

use ambient::Timestamp;
use serde::{Deserialize, Serialize};
use store::state::Scope;
use store::{Condition, ItemKey, StoreError, Table};

/// The partition of the list.
const PARTITION: &str = "#tenants";

/// What the list says of an integration.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Entry {
    /// When it was added first.
    pub added: Timestamp,
}

/// All of them, or those of one tenant, by name.
pub async fn list(table: &dyn Table, tenant: Option<&str>) -> Result<Vec<Scope>, StoreError> {
    let prefix = tenant.map(|tenant| format!("{tenant}/")).unwrap_or_default();
    let (mut scopes, mut after) = (Vec::new(), None);
    loop {
        let page = table.query(PARTITION, &prefix, after.as_deref(), 1000).await?;
        let of = page.items.iter().filter_map(|item| item.key.sk.split_once('/'));
        scopes.extend(of.map(|(tenant, integration)| Scope::new(tenant, integration)));
        after = page.next;
        if after.is_none() {
            return Ok(scopes);
        }
    }
}

/// What the list says of `scope`, where it is on it.
pub async fn entry(table: &dyn Table, scope: &Scope) -> Result<Option<Entry>, StoreError> {
    let Some(item) = table.get(&key(scope)).await? else { return Ok(None) };
    let entry = serde_json::from_slice(&item.body).map_err(|error| damaged(scope, &error))?;
    Ok(Some(entry))
}

/// Puts `scope` on the list; where it is on it, nothing changes.
pub async fn add(table: &dyn Table, scope: &Scope, now: Timestamp) -> Result<(), StoreError> {
    let body = serde_json::to_vec(&Entry { added: now }).map_err(|error| damaged(scope, &error))?;
    match table.put(&key(scope), body, Condition::Absent).await {
        Err(error) if !error.is_condition_failed() => Err(error),
        _ => Ok(()),
    }
}

/// Takes `scope` off the list.
pub async fn remove(table: &dyn Table, scope: &Scope) -> Result<(), StoreError> {
    table.delete(&key(scope), Condition::Any).await
}

fn key(scope: &Scope) -> ItemKey {
    ItemKey::new(PARTITION, scope.path())
}

fn damaged(scope: &Scope, error: &serde_json::Error) -> StoreError {
    let what = format!("entry of {} in the list of tenants", scope.path());
    StoreError::Damaged { what, reason: error.to_string() }
}

#[cfg(test)]
mod tests {
    use store::MemoryTable;

    use super::*;

    #[tokio::test]
    async fn an_integration_is_listed_once_with_the_day_it_came() {
        let (table, oak) = (MemoryTable::new(), Scope::new("oak", "sis"));
        let (first, later) = (Timestamp::UNIX_EPOCH, Timestamp::MAX);
        add(&table, &oak, first).await.unwrap();
        add(&table, &oak, later).await.unwrap();
        add(&table, &Scope::new("oakfield", "hr"), first).await.unwrap();
        assert_eq!(entry(&table, &oak).await.unwrap().unwrap().added, first);
        assert_eq!(list(&table, None).await.unwrap().len(), 2);
        assert_eq!(
            list(&table, Some("oak")).await.unwrap(),
            std::slice::from_ref(&oak),
            "not oakfield's"
        );
        remove(&table, &oak).await.unwrap();
        assert!(entry(&table, &oak).await.unwrap().is_none());
    }
}
