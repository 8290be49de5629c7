//! Secrets in Secrets Manager: an LMS's token, an SFTP password.
//!
//! A secret is called `<stack>/<tenant>/<name>`, so that a role can be fenced to its tenant's. What
//! was read is kept for five minutes, so that a run does not ask for each request and a new value
//! is used soon; [`Secrets::forget`] when the other side refuses it.
//!
//! **Never:** a value in a log, an error or a `Debug` output.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ambient::{Clock, Timestamp};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use secrecy::{ExposeSecret, SecretString};
use store::StoreError;

use crate::clients::Clients;
use crate::fault::{Call, store_error};

const GET: Call = Call::new("read a secret", "secretsmanager:GetSecretValue and kms:Decrypt");
const PUT: Call =
    Call::new("store a secret", "secretsmanager:PutSecretValue, CreateSecret and RestoreSecret");
const DELETE: Call = Call::new("delete a secret", "secretsmanager:DeleteSecret");

/// How long a value is used without asking again.
const FRESH: Duration = Duration::from_secs(5 * 60);
/// The most values that are kept.
const KEPT: usize = 256;
/// The longest value in bytes.
const LONGEST: usize = 65_536;
/// The longest name in characters.
const LONGEST_NAME: usize = 512;
/// How long a deleted secret can be had back, in days.
const RECOVERY_DAYS: i64 = 7;

/// Why there is no secret.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SecretError {
    /// There is none of that name.
    #[error(
        "there is no secret `{id}`: store it with `rollcall --aws STACK tenant secret TENANT NAME` (its \
         name is STACK/TENANT/NAME)"
    )]
    Missing {
        /// Its name in Secrets Manager.
        id: String,
    },
    /// It has been deleted and can still be had back.
    #[error(
        "secret `{id}` was deleted: store it anew, or type `aws secretsmanager restore-secret \
         --secret-id {id}`"
    )]
    Deleted {
        /// Its name in Secrets Manager.
        id: String,
    },
    /// It has bytes where a text must be, or nothing.
    #[error("secret `{id}` holds no text: store one as its SecretString")]
    NoText {
        /// Its name in Secrets Manager.
        id: String,
    },
    /// AWS could not be asked.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The secrets of one stack.
pub struct Secrets {
    client: aws_sdk_secretsmanager::Client,
    stack: String,
    clock: Arc<dyn Clock>,
    kept: Mutex<BTreeMap<String, Kept>>,
}

/// A value and when it was read.
struct Kept {
    value: SecretString,
    read: Timestamp,
}

impl Secrets {
    /// The secrets of the stack `stack`, kept on the time of `clock`.
    pub fn new(clients: &Clients, stack: impl Into<String>, clock: Arc<dyn Clock>) -> Self {
        let (client, kept) = (clients.secrets.clone(), Mutex::default());
        Self { client, stack: stack.into(), clock, kept }
    }

    /// What the secret `name` of `tenant` is called in Secrets Manager.
    pub fn id(&self, tenant: &str, name: &str) -> String {
        format!("{}/{tenant}/{name}", self.stack)
    }

    /// The secret `name` of `tenant`, at most five minutes old.
    pub async fn get(&self, tenant: &str, name: &str) -> Result<SecretString, SecretError> {
        let id = self.checked_id(tenant, name)?;
        let now = self.clock.now();
        if let Some(kept) = self.lock().get(&id)
            && is_fresh(kept, now)
        {
            return Ok(kept.value.clone());
        }
        let output = match self.client.get_secret_value().secret_id(&id).send().await {
            Ok(output) => output,
            Err(error) => {
                return Err(match error.code() {
                    Some("ResourceNotFoundException") => SecretError::Missing { id },
                    // It is marked for deletion.
                    Some("InvalidRequestException") => SecretError::Deleted { id },
                    _ => store_error(GET, &format!("secret {id}"), error).into(),
                });
            }
        };
        let Some(text) = output.secret_string else { return Err(SecretError::NoText { id }) };
        let value = SecretString::from(text);
        self.keep(id, value.clone(), now);
        Ok(value)
    }

    /// Stores `value` as the secret `name` of `tenant`, new or over the one before; one that was
    /// deleted comes back with it.
    pub async fn put(
        &self,
        tenant: &str,
        name: &str,
        value: &SecretString,
    ) -> Result<(), SecretError> {
        let id = self.checked_id(tenant, name)?;
        if value.expose_secret().len() > LONGEST {
            return Err(StoreError::TooLarge { what: "secret", limit: LONGEST }.into());
        }
        if value.expose_secret().is_empty() {
            return Err(invalid("secret", "it is empty").into());
        }
        self.lock().remove(&id);
        let resource = format!("secret {id}");
        match self.put_value(&id, value).await {
            Err(error) if error.code() == Some("ResourceNotFoundException") => {}
            Err(error) if error.code() == Some("InvalidRequestException") => {
                let restored = self.client.restore_secret().secret_id(&id).send().await;
                restored.map_err(|error| store_error(PUT, &resource, error))?;
                let again = self.put_value(&id, value).await;
                return again.map_err(|error| store_error(PUT, &resource, error).into());
            }
            other => return other.map_err(|error| store_error(PUT, &resource, error).into()),
        }
        let text = value.expose_secret();
        match self.client.create_secret().name(&id).secret_string(text).send().await {
            Ok(_) => Ok(()),
            // Somebody else created it between the two.
            Err(error) if error.code() == Some("ResourceExistsException") => {
                let again = self.put_value(&id, value).await;
                again.map_err(|error| store_error(PUT, &resource, error).into())
            }
            Err(error) => Err(store_error(PUT, &resource, error).into()),
        }
    }

    /// Stores `value` as the secret `name` of `tenant` where there is none. Says whether there was
    /// none: what somebody else has stored, at the same moment even, stays.
    pub async fn create(
        &self,
        tenant: &str,
        name: &str,
        value: &SecretString,
    ) -> Result<bool, SecretError> {
        let id = self.checked_id(tenant, name)?;
        self.lock().remove(&id);
        let text = value.expose_secret();
        match self.client.create_secret().name(&id).secret_string(text).send().await {
            Ok(_) => Ok(true),
            Err(error) if error.code() == Some("ResourceExistsException") => Ok(false),
            Err(error) => Err(store_error(PUT, &format!("secret {id}"), error).into()),
        }
    }

    /// Deletes the secret `name` of `tenant`; for seven days it can be had back. Without it
    /// nothing happens.
    pub async fn delete(&self, tenant: &str, name: &str) -> Result<(), SecretError> {
        let id = self.checked_id(tenant, name)?;
        self.lock().remove(&id);
        let call = self.client.delete_secret().secret_id(&id);
        match call.recovery_window_in_days(RECOVERY_DAYS).send().await {
            Ok(_) => Ok(()),
            Err(error) if error.code() == Some("ResourceNotFoundException") => Ok(()),
            Err(error) => Err(store_error(DELETE, &format!("secret {id}"), error).into()),
        }
    }

    /// The next [`Self::get`] asks AWS: the value that is kept was refused.
    pub fn forget(&self, tenant: &str, name: &str) {
        self.lock().remove(&self.id(tenant, name));
    }

    async fn put_value(
        &self,
        id: &str,
        value: &SecretString,
    ) -> Result<
        (),
        aws_sdk_secretsmanager::error::SdkError<
            aws_sdk_secretsmanager::operation::put_secret_value::PutSecretValueError,
        >,
    > {
        let call = self.client.put_secret_value().secret_id(id);
        call.secret_string(value.expose_secret()).send().await.map(drop)
    }

    fn keep(&self, id: String, value: SecretString, read: Timestamp) {
        let mut kept = self.lock();
        kept.retain(|_, other| is_fresh(other, read));
        if kept.len() >= KEPT {
            let oldest = kept.iter().min_by_key(|(_, other)| other.read);
            if let Some(oldest) = oldest.map(|(id, _)| id.clone()) {
                kept.remove(&oldest);
            }
        }
        kept.insert(id, Kept { value, read });
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The id, if AWS takes it and it is within its tenant: an emulator takes any.
    fn checked_id(&self, tenant: &str, name: &str) -> Result<String, StoreError> {
        let odd = |byte: u8| !byte.is_ascii_alphanumeric() && !b"_+=.@-".contains(&byte);
        for part in [tenant, name] {
            if part.is_empty() || part.bytes().any(odd) {
                return Err(invalid(
                    "secret's name",
                    "only A-Z, a-z, 0-9 and `_+=.@-` may be in it",
                ));
            }
        }
        let id = self.id(tenant, name);
        if id.len() > LONGEST_NAME {
            return Err(StoreError::TooLarge { what: "secret's name", limit: LONGEST_NAME });
        }
        Ok(id)
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secrets").field("stack", &self.stack).finish_non_exhaustive()
    }
}

fn is_fresh(kept: &Kept, now: Timestamp) -> bool {
    // On a clock that was set back a value is older than it looks.
    Duration::try_from(now.duration_since(kept.read)).is_ok_and(|age| age < FRESH)
}

fn invalid(what: &'static str, reason: &str) -> StoreError {
    StoreError::Invalid { what, reason: reason.to_owned() }
}
