//! The connection to AWS: one HTTP client, one TLS configuration, one set of credentials.

use std::fmt;
use std::time::Duration;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::{Builder, Connector};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;

/// How often the SDK tries a call, the first time included.
const ATTEMPTS: u32 = 5;
/// The SDK waits at random up to 50 ms, 100 ms, 200 ms, 400 ms between them.
const FIRST_BACKOFF: Duration = Duration::from_millis(50);
const LONGEST_BACKOFF: Duration = Duration::from_secs(5);
/// Until the first byte of an answer: long enough for the upload of a large plan before it.
const READ_TIMEOUT: Duration = Duration::from_secs(60);
/// A small call's try, to the end of its answer.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(10);

/// Why there is no connection to AWS.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// No region is set.
    #[error("no AWS region is set: set AWS_REGION, or a region in the AWS profile")]
    NoRegion,
}

/// What differs from the environment's own settings. The default takes all from there.
#[derive(Debug, Clone, Default)]
pub struct ConnectOptions {
    /// The region; otherwise `AWS_REGION`, then the profile's.
    pub region: Option<String>,
    /// The named profile; otherwise `AWS_PROFILE`.
    pub profile: Option<String>,
    /// Where all of AWS stands: an emulator; otherwise `AWS_ENDPOINT_URL`, then AWS itself.
    pub endpoint: Option<String>,
    /// Credentials; otherwise those of the environment, the profile, the container or the machine.
    pub credentials: Option<Credentials>,
}

/// One client for each service, all on the same connections. Made once in a process; a clone is
/// another handle on the same.
#[derive(Clone)]
pub struct Clients {
    config: SdkConfig,
    pub(crate) dynamodb: aws_sdk_dynamodb::Client,
    pub(crate) s3: aws_sdk_s3::Client,
    pub(crate) scheduler: aws_sdk_scheduler::Client,
    pub(crate) secrets: aws_sdk_secretsmanager::Client,
    pub(crate) sqs: aws_sdk_sqs::Client,
}

impl Clients {
    /// Clients as the environment says. Connects to nothing yet, except that a machine without
    /// any setting is asked for its region.
    pub async fn from_env() -> Result<Self, ConnectError> {
        Self::connect(ConnectOptions::default()).await
    }

    /// Clients as `options` say, and the environment where they do not.
    pub async fn connect(options: ConnectOptions) -> Result<Self, ConnectError> {
        let retries = RetryConfig::standard()
            .with_max_attempts(ATTEMPTS)
            .with_initial_backoff(FIRST_BACKOFF)
            .with_max_backoff(LONGEST_BACKOFF);
        // All services have the same, since another read timeout is another TLS configuration.
        let timeouts = TimeoutConfig::builder().read_timeout(READ_TIMEOUT).build();
        let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12())
            .http_client(http_client())
            .retry_config(retries)
            .timeout_config(timeouts);
        if let Some(region) = options.region {
            loader = loader.region(Region::new(region));
        }
        if let Some(profile) = options.profile {
            loader = loader.profile_name(profile);
        }
        if let Some(endpoint) = options.endpoint {
            loader = loader.endpoint_url(endpoint);
        }
        if let Some(credentials) = options.credentials {
            loader = loader.credentials_provider(credentials);
        }
        let config = loader.load().await;
        if config.region().is_none() {
            return Err(ConnectError::NoRegion);
        }
        Ok(Self::new(config))
    }

    fn new(config: SdkConfig) -> Self {
        // An attempt's timeout counts an object's upload too, so that S3 has none: there the SDK
        // ends a transfer that stands still.
        let small = config
            .timeout_config()
            .cloned()
            .unwrap_or_else(TimeoutConfig::disabled)
            .to_builder()
            .operation_attempt_timeout(ATTEMPT_TIMEOUT)
            .build();
        let small = config.to_builder().timeout_config(small).build();
        // An emulator has one address for all buckets.
        let s3 = aws_sdk_s3::config::Builder::from(&config)
            .force_path_style(config.endpoint_url().is_some())
            .build();
        Self {
            dynamodb: aws_sdk_dynamodb::Client::new(&small),
            s3: aws_sdk_s3::Client::from_conf(s3),
            scheduler: aws_sdk_scheduler::Client::new(&small),
            secrets: aws_sdk_secretsmanager::Client::new(&small),
            sqs: aws_sdk_sqs::Client::new(&small),
            config,
        }
    }

    /// The region that these clients speak to.
    pub fn region(&self) -> &str {
        self.config.region().map_or("", |region| region.as_ref())
    }

    /// What the SDK's other clients (Lambda's, CloudWatch's) are made from, on the same
    /// connections.
    pub fn config(&self) -> &SdkConfig {
        &self.config
    }

    /// The same connections with other credentials.
    pub(crate) fn with_credentials(&self, provider: SharedCredentialsProvider) -> Self {
        Self::new(self.config.to_builder().credentials_provider(provider).build())
    }
}

impl fmt::Debug for Clients {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Clients").field("region", &self.region()).finish_non_exhaustive()
    }
}

/// The one HTTP client: rustls with ring, the machine's root certificates (so that a school's own
/// proxy can be trusted), the proxy that the environment names.
fn http_client() -> SharedHttpClient {
    Builder::new().build_with_connector_fn(|settings, components| {
        let mut builder = Connector::builder()
            .tls_provider(Provider::Rustls(CryptoMode::Ring))
            .proxy_config(ProxyConfig::from_env());
        builder.set_connector_settings(settings.cloned());
        builder.set_sleep_impl(components.and_then(|components| components.sleep_impl()));
        builder.build()
    })
}
