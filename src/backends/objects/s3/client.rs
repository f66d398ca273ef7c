//! The driver as it is wanted here: rustls with ring, checksums only where the protocol demands them (many stores refuse
//! others), a few attempts with back-off, and a deadline for everything.

use std::time::Duration;

use aws_sdk_s3::{
    Client, Config,
    config::{
        BehaviorVersion, Credentials, Region, RequestChecksumCalculation, ResponseChecksumValidation,
        SharedHttpClient, StalledStreamProtectionConfig,
        retry::{RetryConfig, RetryPartition},
        timeout::TimeoutConfig,
    },
};
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};

use super::address::{Address, Keys};

const ATTEMPTS_MAX: u32 = 5;
const BACKOFF_FIRST: Duration = Duration::from_millis(100);
const BACKOFF_MAX: Duration = Duration::from_secs(5);
const CONNECT_WITHIN: Duration = Duration::from_secs(3);

/// How long calls may take. The store is given up after `whole`, one attempt after `attempt`.
#[derive(Clone, Copy)]
pub(super) struct Patience {
    pub(super) attempt: Duration,
    pub(super) whole: Duration,
}

/// What all clients of one store share: its connections, and how many attempts it may still be tried with when it keeps
/// failing.
#[derive(Clone)]
pub(super) struct Shared {
    http: SharedHttpClient,
    retries: RetryPartition,
}

impl Shared {
    pub(super) fn new() -> Self {
        Self { http: http(), retries: RetryPartition::custom("objects").build() }
    }
}

fn http() -> SharedHttpClient {
    aws_smithy_http_client::Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https()
}

pub(super) fn client(address: &Address, keys: &Keys, shared: &Shared, patience: Patience) -> Client {
    let retries = RetryConfig::standard()
        .with_max_attempts(ATTEMPTS_MAX)
        .with_initial_backoff(BACKOFF_FIRST)
        .with_max_backoff(BACKOFF_MAX);
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(CONNECT_WITHIN)
        .operation_attempt_timeout(patience.attempt)
        .operation_timeout(patience.whole)
        .build();
    let credentials =
        Credentials::new(&keys.id, &keys.secret, keys.session_token.clone(), None, "configuration");
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(shared.http.clone())
        .credentials_provider(credentials)
        .region(Region::new(address.region()))
        .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
        .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
        // Bodies have a deadline of their own, see `read`.
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .retry_config(retries)
        .retry_partition(shared.retries.clone())
        .timeout_config(timeouts);
    let config = match &address.endpoint {
        Some(endpoint) => config.endpoint_url(endpoint).force_path_style(true),
        None => config,
    };
    Client::from_conf(config.build())
}
