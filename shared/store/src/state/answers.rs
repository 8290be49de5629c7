//! What somebody said of two keys: one person, or two. And the key of the marks by which persons
//! are told apart.

use ambient::Timestamp;
use roster::Text;
use serde::{Deserialize, Serialize};

use super::names::Scope;
use super::{from_json, to_json};
use crate::{Condition, StoreError, Stores, Write};

const PREFIX: &str = "identity-answer/";
const KEY: &str = "identity-key";

/// Somebody's word on a former and a new key of a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// The key that vanished.
    pub old: Text,
    /// The key that is new.
    pub new: Text,
    /// Whether they are one person; `None` where what was said is taken back.
    pub same: Option<bool>,
    /// That they are one was taken back: the account goes back to the key that vanished.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub taken_back: bool,
    /// Who said so: a user name of the machine or of the console.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

impl Answer {
    /// Every answer that was given.
    pub async fn all(stores: &Stores, scope: &Scope) -> Result<Vec<Self>, StoreError> {
        let mut all = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let page = stores.table.query(&scope.path(), PREFIX, after.as_deref(), 1000).await?;
            for item in page.items {
                all.push(from_json("an answer about two keys", &item.body)?);
            }
            match page.next {
                Some(next) => after = Some(next),
                None => return Ok(all),
            }
        }
    }

    /// The write that stores it, over an earlier answer about the same two.
    pub fn write(&self, scope: &Scope) -> Result<Write, StoreError> {
        let pair = format!("{}/{}{}", self.old.len(), self.old, self.new);
        let digest = blake3::hash(pair.as_bytes()).to_hex();
        Ok(Write::Put {
            key: scope.item(format!("{PREFIX}{}", &digest[..32])),
            body: to_json("an answer about two keys", self)?,
            condition: Condition::Any,
            expires: None,
        })
    }
}

/// The key of the integration's marks; `fresh` where there is none yet.
pub async fn mark_key(
    stores: &Stores,
    scope: &Scope,
    fresh: impl FnOnce() -> [u8; 32],
) -> Result<[u8; 32], StoreError> {
    let item = scope.item(KEY);
    if let Some(found) = stores.table.get(&item).await? {
        return decode(&found.body);
    }
    let key = fresh();
    match stores.table.put(&item, key.to_vec(), Condition::Absent).await {
        Ok(_) => Ok(key),
        // Somebody else was faster: theirs is the key.
        Err(error) if error.is_condition_failed() => match stores.table.get(&item).await? {
            Some(found) => decode(&found.body),
            None => Err(error),
        },
        Err(error) => Err(error),
    }
}

fn decode(body: &[u8]) -> Result<[u8; 32], StoreError> {
    body.try_into().map_err(|_| StoreError::Damaged {
        what: "the key of marks".into(),
        reason: format!("it has {} bytes, not 32", body.len()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_first_key_stays_and_the_newest_answer_counts() {
        let clock = std::sync::Arc::new(ambient::ManualClock::new(Timestamp::UNIX_EPOCH));
        let stores = Stores::memory(clock);
        let scope = Scope::new("oak", "sis");
        assert_eq!(mark_key(&stores, &scope, || [1; 32]).await.unwrap(), [1; 32]);
        assert_eq!(mark_key(&stores, &scope, || [2; 32]).await.unwrap(), [1; 32]);
        let answer = |new: &str, same| Answer {
            old: Text::new("a"),
            new: Text::new(new),
            same: Some(same),
            taken_back: false,
            by: "clerk".into(),
            at: Timestamp::UNIX_EPOCH,
        };
        for one in [answer("b", false), answer("c", true), answer("b", true)] {
            stores.table.transact(vec![one.write(&scope).unwrap()]).await.unwrap();
        }
        let mut all = Answer::all(&stores, &scope).await.unwrap();
        all.sort_by(|a, b| a.new.cmp(&b.new));
        assert_eq!(all, [answer("b", true), answer("c", true)]);
        let earlier =
            r#"{"old":"a","new":"b","same":true,"by":"clerk","at":"1970-01-01T00:00:00Z"}"#;
        assert_eq!(serde_json::from_str::<Answer>(earlier).unwrap(), answer("b", true));
    }
}
