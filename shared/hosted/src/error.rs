//! What stops a piece of work.

use pipeline::PipelineError;
use runtime::ConfigError;
use store::StoreError;
use store_aws::{ConnectError, NamesError, SecretError};

/// Why a piece of work came to no end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HostError {
    /// There is no such integration here.
    #[error(
        "there is no integration `{integration}` of `{tenant}` here: `rollcall --aws STACK tenant \
         add` makes one"
    )]
    Unknown {
        /// The tenant.
        tenant: String,
        /// Its integration.
        integration: String,
    },
    /// Its configuration cannot be used.
    #[error("the configuration of {of} cannot be used")]
    Configuration {
        /// Whose: `tenant/integration`.
        of: String,
        /// What is wrong.
        #[source]
        source: Box<ConfigError>,
    },
    /// Its configuration asks for something that is not to be had here.
    #[error("the configuration of {of} asks for what is not to be had here: {what}")]
    NotHere {
        /// Whose.
        of: String,
        /// What, and what to do.
        what: String,
    },
    /// The way to the LMS cannot be set up.
    #[error("HTTP cannot be set up")]
    Http(#[from] lms::http::HttpConfigError),
    /// An event or message is none that this home sends.
    #[error("this is no {what}: {reason}")]
    Message {
        /// What it should be.
        what: &'static str,
        /// What does not fit.
        reason: String,
    },
    /// The environment is not that of a function of the template.
    #[error(transparent)]
    Environment(#[from] NamesError),
    /// A variable of the environment is not what it should be.
    #[error("the environment variable {name} is not {wanted}")]
    Variable {
        /// Its name.
        name: &'static str,
        /// What it should be.
        wanted: &'static str,
    },
    /// There is no way to AWS.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// A secret could not be had.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// A step failed.
    #[error(transparent)]
    Pipeline(#[from] PipelineError),
    /// The export could not be read from S3.
    #[error("the export could not be read to its end")]
    Reading(#[source] std::io::Error),
    /// A thread died.
    #[error("reading the export came to no end")]
    Died,
}

impl From<StoreError> for HostError {
    fn from(error: StoreError) -> Self {
        Self::Pipeline(error.into())
    }
}

impl HostError {
    /// Whether the same work can succeed later without anybody doing anything. What cannot is
    /// told, and its message or event is not kept.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Unknown { .. }
            | Self::Configuration { .. }
            | Self::NotHere { .. }
            | Self::Message { .. } => false,
            Self::Pipeline(error) => !matches!(
                error,
                PipelineError::NotFound(_)
                    | PipelineError::Configuration(_)
                    | PipelineError::OtherSite { .. }
                    | PipelineError::Refused { .. }
            ),
            _ => true,
        }
    }

    /// The whole chain in one line, for a log. It names no person.
    pub fn chain(&self) -> String {
        let mut text = self.to_string();
        let mut source = std::error::Error::source(self);
        while let Some(error) = source {
            text.push_str(": ");
            text.push_str(&error.to_string());
            source = error.source();
        }
        text
    }
}
