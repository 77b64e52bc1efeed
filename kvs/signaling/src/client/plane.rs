//! What is known of the channel, and the next call that is needed to know the rest.
//!
//! There is no table of states: knowledge (`arn`, `endpoints`, ICE servers) is data, and
//! [`Plane::next`] names the first call whose answer is missing. Losing an endpoint or a channel is
//! forgetting it. A failing fetch of ICE servers never holds up the rest.

use alloc::string::String;
use alloc::vec::Vec;

use kvs_message::{ClientId, IceServer};
use smolrtc_base::{Duration, Instant, SecretBytes};

use super::backoff::Backoff;
use crate::control::{Operation, RoleName, wire};
use crate::event::Step;
use crate::exchange::Exchange;
use crate::http::Response;
use crate::url::Url;
use crate::{ChannelRef, Config, Role};

/// ICE servers are taken for expired this long before they are.
const ICE_GRACE: Duration = Duration::from_secs(30);
/// The C SDK's name for a master that asks for ICE servers.
const MASTER_ID: &str = "ProducerMaster";

pub(super) struct Plane {
    pub(super) http: Exchange,
    /// The call under way.
    pub(super) step: Option<Step>,
    pub(super) endpoint: Url,
    pub(super) arn: Option<String>,
    /// Describe said 404, and we are to create.
    pub(super) missing: bool,
    pub(super) created: bool,
    pub(super) endpoints: Option<Endpoints>,
    pub(super) backoff: Backoff,
    pub(super) ice: Ice,
}

pub(super) struct Endpoints {
    pub(super) wss: Url,
    pub(super) https: Option<Url>,
}

#[derive(Default)]
pub(super) struct Ice {
    /// To be fetched.
    pub(super) wanted: bool,
    pub(super) backoff: Backoff,
    pub(super) servers: Vec<IceServer>,
    expires: Option<Instant>,
}

/// An answer, understood.
pub(super) enum Answer {
    Channel,
    Created,
    Endpoints,
    IceServers,
}

impl Plane {
    pub(super) fn new(endpoint: Url, config: &Config) -> Self {
        Self {
            http: Exchange::default(),
            step: None,
            endpoint,
            arn: config.channel.arn().cloned(),
            missing: false,
            created: false,
            endpoints: None,
            backoff: Backoff::default(),
            ice: Ice {
                wanted: true,
                ..Ice::default()
            },
        }
    }

    /// The call that is needed now, and where it goes.
    pub(super) fn next(&self, now: Instant, config: &Config) -> Option<(Step, Operation, &Url)> {
        if self.step.is_some() {
            return None;
        }
        let Some(arn) = &self.arn else {
            if !self.backoff.is_open(now) {
                return None;
            }
            let (step, operation) = match &config.channel {
                ChannelRef::Name(name) if self.missing => (
                    Step::Create,
                    Operation::Create {
                        name: name.clone(),
                        message_ttl: config.message_ttl,
                    },
                ),
                channel => (Step::Describe, Operation::Describe(channel.clone())),
            };
            return Some((step, operation, &self.endpoint));
        };
        let Some(endpoints) = &self.endpoints else {
            let operation = Operation::GetEndpoint {
                arn: arn.clone(),
                role: RoleName::from(&config.role),
            };
            return self.backoff.is_open(now).then_some((
                Step::GetEndpoint,
                operation,
                &self.endpoint,
            ));
        };
        let https = endpoints.https.as_ref()?;
        if !self.ice.wanted || !self.ice.backoff.is_open(now) {
            return None;
        }
        let client_id = match &config.role {
            Role::Master => ClientId::new(MASTER_ID).ok(),
            Role::Viewer(id) => Some(id.clone()),
        };
        let operation = Operation::GetIceServers {
            arn: arn.clone(),
            client_id,
        };
        Some((Step::GetIceServers, operation, https))
    }

    /// When [`Plane::next`] may have something again.
    pub(super) fn retry_at(&self) -> Option<Instant> {
        if self.step.is_some() {
            return None;
        }
        if self.arn.is_none() || self.endpoints.is_none() {
            return self.backoff.retry_at();
        }
        if self.ice.wanted {
            self.ice.backoff.retry_at()
        } else {
            None
        }
    }

    /// Takes the body of a 200. `None` if it is not what the API promises.
    pub(super) fn take(&mut self, now: Instant, step: Step, response: &Response) -> Option<Answer> {
        let body = response.body.as_slice();
        match step {
            Step::Describe => {
                let parsed: wire::DescribeResponse = serde_json::from_slice(body).ok()?;
                self.arn = Some(checked_arn(parsed.channel_info.channel_arn)?);
                Some(Answer::Channel)
            }
            Step::Create => {
                let _: wire::CreateResponse = serde_json::from_slice(body).ok()?;
                (self.missing, self.created) = (false, true);
                Some(Answer::Created)
            }
            Step::GetEndpoint => {
                let parsed: wire::EndpointResponse = serde_json::from_slice(body).ok()?;
                let find = |protocol: &str| {
                    parsed
                        .resource_endpoint_list
                        .iter()
                        .find(|endpoint| endpoint.protocol == protocol)
                        .and_then(|endpoint| Url::parse(&endpoint.resource_endpoint).ok())
                };
                self.endpoints = Some(Endpoints {
                    wss: find("WSS")?,
                    https: find("HTTPS"),
                });
                Some(Answer::Endpoints)
            }
            Step::GetIceServers => {
                let parsed: wire::IceServersResponse = serde_json::from_slice(body).ok()?;
                self.ice.take(now, parsed);
                Some(Answer::IceServers)
            }
            _ => None,
        }
    }

    /// Forgets the channel: it is described anew. An ARN that the user gave stays.
    pub(super) fn forget_channel(&mut self, config: &Config) {
        self.arn = config.channel.arn().cloned();
        self.endpoints = None;
    }
}

impl Ice {
    fn take(&mut self, now: Instant, response: wire::IceServersResponse) {
        let entries = response.ice_server_list.into_iter();
        self.servers = entries
            .map(|entry| IceServer {
                urls: entry.uris,
                username: entry.username.unwrap_or_default(),
                credential: SecretBytes::from(entry.password.unwrap_or_default()),
                ttl: Duration::from_secs(entry.ttl.unwrap_or(0).into()),
            })
            .collect();
        let ttls = self
            .servers
            .iter()
            .map(|server| server.ttl)
            .filter(|ttl| !ttl.is_zero());
        self.expires = ttls.min().map(|ttl| now.plus(ttl));
        self.wanted = false;
        self.backoff.reset();
    }

    /// Whether new sessions need a fresh fetch.
    pub(super) fn is_stale(&self, now: Instant) -> bool {
        self.expires
            .is_some_and(|expires| now.plus(ICE_GRACE) >= expires)
    }

    /// Servers that a new session can use.
    pub(super) fn usable(&self, now: Instant) -> &[IceServer] {
        if self.expires.is_some_and(|expires| now >= expires) {
            &[]
        } else {
            &self.servers
        }
    }
}

fn checked_arn(arn: String) -> Option<String> {
    (arn.starts_with("arn:") && arn.len() <= 1_024).then_some(arn)
}
