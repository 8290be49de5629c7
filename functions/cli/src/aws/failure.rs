//! What goes wrong with an installation, told to a person.

use hosted::HostError;
use runtime::Exit;
use store::StoreError;
use store_aws::{ConnectError, NamesError, SecretError};

use crate::failure::Failure;

impl From<HostError> for Failure {
    fn from(error: HostError) -> Self {
        match error {
            HostError::Unknown { tenant, integration } => Self::new(
                Exit::Usage,
                "unknown-integration",
                format!("there is no integration `{integration}` of `{tenant}` here"),
            )
            .hint("`rollcall tenant list` shows which there are, `tenant add` makes one"),
            HostError::Configuration { .. } | HostError::NotHere { .. } => {
                Self::new(Exit::Usage, "configuration", error.to_string())
                    .sources(&error)
                    .hint("correct it and run `rollcall tenant add --config FILE` again")
            }
            HostError::Variable { .. } => Self::new(Exit::Usage, "environment", error.to_string()),
            HostError::Environment(error) => error.into(),
            HostError::Connect(error) => error.into(),
            HostError::Secret(error) => error.into(),
            HostError::Pipeline(error) => error.into(),
            other => Self::new(Exit::Failed, "failed", other.to_string()).sources(&other),
        }
    }
}

impl From<ConnectError> for Failure {
    fn from(error: ConnectError) -> Self {
        Self::new(Exit::Usage, "aws", error.to_string())
    }
}

impl From<NamesError> for Failure {
    fn from(error: NamesError) -> Self {
        let message = error.to_string();
        match error {
            NamesError::Stack(_) => Self::usage(message),
            NamesError::Lookup { stack, source } => {
                let is_passing = source.is_retryable();
                let why = on_aws(source.into());
                let message = match is_passing {
                    true => format!("AWS cannot be asked for stack `{stack}`"),
                    false => message,
                };
                let mut failure = Self::new(why.exit, "stack", message);
                failure.causes.push(why.message);
                failure.causes.extend(why.causes);
                failure.hint("check --aws, AWS_REGION and AWS_PROFILE, and the network")
            }
            other => Self::new(Exit::Usage, "stack", message).sources(&other),
        }
    }
}

impl From<SecretError> for Failure {
    fn from(error: SecretError) -> Self {
        let failure = |message| Self::new(Exit::Usage, "secret", message);
        match error {
            SecretError::Missing { id } => {
                let hint = command(&id);
                failure(format!("there is no secret `{id}`")).hint(hint)
            }
            SecretError::Store(error) => error.into(),
            // The others say what to do themselves.
            other => failure(other.to_string()),
        }
    }
}

/// What puts a missing secret there. Its id is `stack/tenant/name`.
fn command(id: &str) -> String {
    let mut parts = id.splitn(3, '/').skip(1);
    match (parts.next(), parts.next()) {
        (Some(_), Some(hosted::VAULT_KEY)) => {
            "`rollcall tenant add --config FILE` makes it".to_owned()
        }
        (Some(tenant), Some(name)) => format!("rollcall tenant secret {tenant} {name}"),
        _ => "rollcall tenant secret TENANT NAME".to_owned(),
    }
}

/// Whether AWS says no, in words that say what to do about it.
pub fn is_refusal(error: &SecretError) -> bool {
    matches!(error, SecretError::Store(StoreError::Unsupported { .. }))
}

/// The same failure with advice that fits here: the store is AWS and no folder.
pub fn on_aws(failure: Failure) -> Failure {
    match failure.code.as_str() {
        "unavailable" => Failure { exit: Exit::Lms, code: "aws-unavailable".to_owned(), ..failure }
            .hint("AWS cannot be reached: check the network, then run it again"),
        "throttled" => {
            Failure { code: "aws-throttled".to_owned(), ..failure }.hint("run it again in a moment")
        }
        // Its message says which permission or resource is missing.
        "unusable-folder" => Failure { code: "aws-refused".to_owned(), hint: None, ..failure },
        "damaged" => failure.hint("restore the table to a point in time: docs/deploy.md says how"),
        _ => failure,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_secret_names_the_command_that_stores_it() {
        let failure = Failure::from(SecretError::Missing { id: "s/oak/lms-token".into() });
        assert_eq!(failure.hint.unwrap(), "rollcall tenant secret oak lms-token");
        let failure = Failure::from(SecretError::Missing { id: "s/oak/vault-key".into() });
        assert!(failure.hint.unwrap().contains("tenant add"));
    }

    #[test]
    fn advice_about_folders_is_not_given() {
        let refused = StoreError::Unsupported {
            what: "table s".into(),
            reason: "AWS refuses dynamodb:GetItem to this role: allow it there".into(),
        };
        let failure = on_aws(refused.into());
        assert_eq!((failure.code.as_str(), failure.exit), ("aws-refused", Exit::Usage));
        assert!(failure.message.contains("dynamodb:GetItem") && failure.hint.is_none());
        let gone = || StoreError::Unavailable { doing: "get an item", source: "no route".into() };
        let failure = on_aws(gone().into());
        assert_eq!((failure.code.as_str(), failure.exit), ("aws-unavailable", Exit::Lms));
        assert!(!failure.hint.unwrap().contains("folder"));
        let lookup = NamesError::Lookup { stack: "s".into(), source: gone() };
        assert_eq!(Failure::from(lookup).exit, Exit::Lms, "whether it is there is not known");
    }
}
