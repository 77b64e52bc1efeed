//! The control plane: what is known of the channel, and the call that is needed to know the rest.
//!
//! Losing an endpoint or a channel is forgetting it. A failing fetch of ICE servers never holds up
//! the rest, and nothing here ever touches a connection that is open.

use alloc::string::String;

use kvs_message::ClientId;
use smolrtc_base::Instant;

use super::backoff::Backoff;
use super::ice::Ice;
use crate::control::{Operation, RoleName, wire};
use crate::event::{Reason, Step};
use crate::exchange::Exchange;
use crate::http::Response;
use crate::store::ChannelRecord;
use crate::url::Url;
use crate::{ChannelRef, Config, Role};

/// The C SDK's name for a master that asks for ICE servers.
const MASTER_ID: &str = "ProducerMaster";

pub(super) struct Plane {
    pub(super) http: Exchange,
    state: State,
    /// The call under way.
    step: Option<Step>,
    endpoint: Url,
    pub(super) created: bool,
    pub(super) backoff: Backoff,
    pub(super) ice: Ice,
}

enum State {
    /// Nothing but the name: DescribeSignalingChannel.
    Unknown,
    /// Described as missing: CreateSignalingChannel.
    Missing,
    /// GetSignalingChannelEndpoint.
    Found { arn: String },
    /// All that a connection needs; GetIceServerConfig where wanted.
    Ready { arn: String, endpoints: Endpoints },
}

pub(super) struct Endpoints {
    pub(super) wss: Url,
    pub(super) https: Option<Url>,
}

/// What is learned about the channel.
pub(super) enum Input {
    Described(String),
    /// By a call or a handshake.
    NotFound {
        create: bool,
    },
    Created,
    /// It was to be created, and exists.
    Exists,
    Endpoints(Endpoints),
    /// The WebSocket's endpoint cannot be reached, or refuses.
    EndpointFailed,
    /// The service sends us away: another endpoint, perhaps even another channel.
    GoAway,
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
            state: State::start(config),
            step: None,
            endpoint,
            created: false,
            backoff: Backoff::default(),
            ice: Ice::new(),
        }
    }

    /// The machine's only transitions.
    pub(super) fn transition(&mut self, config: &Config, input: Input) {
        let state = core::mem::replace(&mut self.state, State::Unknown);
        self.state = match (state, input) {
            (_, Input::Described(arn)) => State::Found { arn },
            (State::Unknown, Input::NotFound { create: true }) => State::Missing,
            (_, Input::NotFound { .. } | Input::GoAway) => State::start(config),
            (State::Missing, Input::Created) => {
                self.created = true;
                State::Unknown
            }
            (State::Missing, Input::Exists) => State::Unknown,
            (State::Found { arn } | State::Ready { arn, .. }, Input::Endpoints(endpoints)) => {
                State::Ready { arn, endpoints }
            }
            (State::Ready { arn, .. }, Input::EndpointFailed) => State::Found { arn },
            (state, _) => state,
        };
    }

    /// Begins with what an earlier client has learned.
    pub(super) fn remember(&mut self, record: &ChannelRecord) {
        let wss = Url::parse(&record.wss);
        if let (Ok(wss), Some(arn)) = (wss, checked_arn(record.arn.clone())) {
            let https = record.https.as_deref().map(Url::parse);
            let https = https.and_then(Result::ok);
            let endpoints = Endpoints { wss, https };
            self.state = State::Ready { arn, endpoints };
        }
    }

    pub(super) fn arn(&self) -> Option<&str> {
        match &self.state {
            State::Found { arn } | State::Ready { arn, .. } => Some(arn),
            _ => None,
        }
    }

    /// Where a connection leads, once that is known: the ARN and the endpoints.
    pub(super) const fn ready(&self) -> Option<(&String, &Endpoints)> {
        match &self.state {
            State::Ready { arn, endpoints } => Some((arn, endpoints)),
            _ => None,
        }
    }

    /// The control plane's own endpoint.
    pub(super) const fn endpoint(&self) -> &Url {
        &self.endpoint
    }

    pub(super) const fn begin(&mut self, step: Step) {
        self.step = Some(step);
    }

    pub(super) const fn end(&mut self) -> Option<Step> {
        self.step.take()
    }

    /// The call that is needed now, and where it goes.
    pub(super) fn next(&self, now: Instant, config: &Config) -> Option<(Step, Operation, &Url)> {
        if self.step.is_some() {
            return None;
        }
        let (step, operation, endpoint) = match &self.state {
            State::Ready { arn, endpoints } => {
                if !self.ice.is_due(now) {
                    return None;
                }
                let client_id = match &config.role {
                    Role::Master => ClientId::new(MASTER_ID).ok(),
                    Role::Viewer(id) => Some(id.clone()),
                };
                let arn = arn.clone();
                let operation = Operation::GetIceServers { arn, client_id };
                return Some((Step::GetIceServers, operation, endpoints.https.as_ref()?));
            }
            State::Found { arn } => {
                let (arn, role) = (arn.clone(), RoleName::from(&config.role));
                let operation = Operation::GetEndpoint { arn, role };
                (Step::GetEndpoint, operation, &self.endpoint)
            }
            State::Missing => {
                let operation = Operation::Create {
                    name: config.channel.channel_name().into(),
                    message_ttl: config.message_ttl,
                    tags: config.tags.clone(),
                };
                (Step::Create, operation, &self.endpoint)
            }
            State::Unknown => {
                let operation = Operation::Describe(config.channel.clone());
                (Step::Describe, operation, &self.endpoint)
            }
        };
        self.backoff
            .is_open(now)
            .then_some((step, operation, endpoint))
    }

    /// Whether nothing is to be called before something else happens: a stream that is kept open
    /// for reuse would only cost memory.
    pub(super) fn is_idle(&self) -> bool {
        self.step.is_none() && matches!(self.state, State::Ready { .. }) && !self.ice.is_wanted()
    }

    /// When [`Plane::next`] may have something again.
    pub(super) fn poll_timeout(&self) -> Option<(Instant, Reason)> {
        if self.step.is_some() {
            return None;
        }
        match &self.state {
            State::Ready { endpoints, .. } => endpoints
                .https
                .as_ref()
                .and_then(|_| self.ice.poll_timeout()),
            _ => self.backoff.retry_at().map(|at| (at, Reason::Retry)),
        }
    }

    /// Takes the body of a 200. `None` if it is not what the API promises.
    pub(super) fn take(
        &mut self,
        now: Instant,
        config: &Config,
        step: Step,
        response: &Response,
    ) -> Option<Answer> {
        let body = response.body.as_slice();
        match step {
            Step::Describe => {
                let parsed: wire::DescribeResponse = serde_json::from_slice(body).ok()?;
                let arn = checked_arn(parsed.channel_info.channel_arn)?;
                self.transition(config, Input::Described(arn));
                Some(Answer::Channel)
            }
            Step::Create => {
                let _: wire::CreateResponse = serde_json::from_slice(body).ok()?;
                self.transition(config, Input::Created);
                Some(Answer::Created)
            }
            Step::GetEndpoint => {
                let parsed: wire::EndpointResponse = serde_json::from_slice(body).ok()?;
                let find = |protocol: &str| {
                    let mut list = parsed.resource_endpoint_list.iter();
                    let found = list.find(|endpoint| endpoint.protocol == protocol)?;
                    Url::parse(&found.resource_endpoint).ok()
                };
                let (wss, https) = (find("WSS")?, find("HTTPS"));
                self.transition(config, Input::Endpoints(Endpoints { wss, https }));
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

    pub(super) const fn name(&self) -> &'static str {
        match self.state {
            State::Unknown => "Unknown",
            State::Missing => "Missing",
            State::Found { .. } => "Found",
            State::Ready { .. } => "Ready",
        }
    }
}

impl State {
    /// An ARN that the user gave needs no description.
    fn start(config: &Config) -> Self {
        match &config.channel {
            ChannelRef::Arn(arn) => Self::Found { arn: arn.clone() },
            ChannelRef::Name(_) => Self::Unknown,
        }
    }
}

fn checked_arn(arn: String) -> Option<String> {
    (arn.starts_with("arn:") && arn.len() <= 1_024).then_some(arn)
}
