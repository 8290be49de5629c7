//! A fence around each tenant: clients that can reach one tenant's data only.
//!
//! They act in the stack's tenant role under the session tag `tenant`, and the role's policy lets
//! `${aws:PrincipalTag/tenant}`'s keys and partitions through. So a mistake in a key is refused by
//! AWS and not only by us. A session lasts an hour and the SDK renews it before its end.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_config::sts::AssumeRoleProvider;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use store::StoreError;

use crate::clients::Clients;
use crate::fault::{Call, credentials_error};

const ASSUME: Call = Call::new("assume the tenant role", "sts:AssumeRole and sts:TagSession");

/// The most sessions that are kept: a function works for one tenant after another.
const KEPT: usize = 100;
/// The longest that a role may be assumed from another one.
const SESSION: Duration = Duration::from_secs(60 * 60);
/// The longest tenant name: it is part of the session's name, which ends at 64.
const LONGEST_TENANT: usize = 55;

/// Makes clients for one tenant each.
pub struct Fence {
    clients: Clients,
    role: String,
    /// The least lately used first.
    sessions: Mutex<Vec<(String, Arc<Clients>)>>,
}

impl Fence {
    /// A fence whose sessions are of the role `role` (its ARN), assumed with the credentials of
    /// `clients`.
    pub fn new(clients: &Clients, role: impl Into<String>) -> Self {
        Self { clients: clients.clone(), role: role.into(), sessions: Mutex::default() }
    }

    /// Clients that can reach `tenant`'s data only. The role is assumed at the first call for a
    /// tenant; where AWS refuses that, the error says what to allow.
    pub async fn clients(&self, tenant: &str) -> Result<Arc<Clients>, StoreError> {
        check_tenant(tenant)?;
        if let Some(found) = self.kept(tenant) {
            return Ok(found);
        }
        let provider = AssumeRoleProvider::builder(&self.role)
            .configure(self.clients.config())
            .session_name(format!("rollcall-{tenant}"))
            .session_length(SESSION)
            .tags([("tenant", tenant)])
            .build()
            .await;
        let provider = SharedCredentialsProvider::new(provider);
        // Once now, so that a refusal is not taken for one of the first read.
        provider.provide_credentials().await.map_err(|error| self.refused(&error))?;
        let clients = Arc::new(self.clients.with_credentials(provider));
        self.keep(tenant, Arc::clone(&clients));
        Ok(clients)
    }

    fn kept(&self, tenant: &str) -> Option<Arc<Clients>> {
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        let place = sessions.iter().position(|(of, _)| of == tenant)?;
        let session = sessions.remove(place);
        let clients = Arc::clone(&session.1);
        sessions.push(session);
        Some(clients)
    }

    fn keep(&self, tenant: &str, clients: Arc<Clients>) {
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.retain(|(of, _)| of != tenant);
        if sessions.len() >= KEPT {
            sessions.remove(0);
        }
        sessions.push((tenant.to_owned(), clients));
    }

    fn refused(
        &self,
        error: &aws_credential_types::provider::error::CredentialsError,
    ) -> StoreError {
        let text = crate::fault::chain(error);
        if text.contains("AccessDenied") || text.contains("not authorized") {
            return StoreError::Unsupported {
                what: format!("role {}", self.role),
                reason: format!(
                    "AWS refuses {}: let this function's role do both in its trust policy ({text})",
                    ASSUME.permission
                ),
            };
        }
        credentials_error(ASSUME, error, format!("role {}", self.role))
    }
}

impl fmt::Debug for Fence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fence").field("role", &self.role).finish_non_exhaustive()
    }
}

/// A tenant's name goes into policies: nothing that could widen them.
fn check_tenant(tenant: &str) -> Result<(), StoreError> {
    let odd = |byte: u8| !byte.is_ascii_lowercase() && !byte.is_ascii_digit() && byte != b'-';
    if tenant.is_empty() || tenant.len() > LONGEST_TENANT || tenant.bytes().any(odd) {
        return Err(StoreError::Invalid {
            what: "tenant",
            reason: format!("it is not 1 to {LONGEST_TENANT} of a-z, 0-9 and `-`"),
        });
    }
    Ok(())
}
