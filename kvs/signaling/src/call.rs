//! One control-plane call, for a command line.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use kvs_message::ClientId;
use smolrtc_base::{Instant, UnixTime};
use smolrtc_crypto::Provider;

use crate::Credentials;
use crate::clock::Clock;
use crate::config::{Config, ConfigError, Role, Tag};
use crate::control::{Operation, RoleName, ServiceError, wire};
use crate::event::{Error, Event, Input, Reason, Step, StreamTransmit};
use crate::exchange::{Exchange, Origin, Outcome, Outputs};
use crate::prepare::Signing;
use crate::sigv4::parse_http_date;
use crate::url::Url;

/// What to do to a channel. Where the API wants an ARN and the settings hold a name, the channel is
/// described first.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Command {
    /// Describe it.
    Describe,
    /// Create it.
    Create,
    /// List all channels whose names begin with a prefix, page by page.
    List {
        /// The prefix; `None` for every channel.
        prefix: Option<String>,
    },
    /// Delete it, in the version that was described.
    Delete,
    /// Ask for its endpoints.
    Endpoints,
    /// Ask for its STUN and TURN servers.
    IceServers {
        /// For whom.
        client_id: Option<ClientId>,
    },
    /// Change how long it keeps messages, in the version that was described.
    Update {
        /// Seconds, 5–120.
        message_ttl: u32,
    },
    /// Add tags, or change their values.
    Tag {
        /// The tags; see [`check_tags`](crate::check_tags).
        tags: Vec<Tag>,
    },
    /// Remove tags.
    Untag {
        /// Their keys.
        keys: Vec<String>,
    },
    /// List its tags.
    ListTags,
    /// Ask whether its media are stored, and where.
    DescribeStorage,
    /// Have its media stored, or not.
    UpdateStorage {
        /// ARN of the stream that they go to; `None`: nowhere.
        stream: Option<String>,
    },
    /// Join its storage session as the role in the settings: the service sends an offer.
    JoinStorage,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum CallResult {
    /// From [`Command::Describe`].
    Described(wire::ChannelInfo),
    /// From [`Command::Create`]: the ARN.
    Created(String),
    /// From [`Command::List`].
    Listed(Vec<wire::ChannelInfo>),
    /// From [`Command::Delete`].
    Deleted,
    /// From [`Command::Endpoints`].
    Endpoints {
        /// The channel.
        arn: String,
        /// For the WebSocket.
        wss: Url,
        /// For GetIceServerConfig.
        https: Option<Url>,
    },
    /// From [`Command::IceServers`].
    IceServers(Vec<wire::IceServerEntry>),
    /// From [`Command::Update`], [`Command::Tag`], [`Command::Untag`],
    /// [`Command::UpdateStorage`] and [`Command::JoinStorage`].
    Done,
    /// From [`Command::ListTags`].
    Tags(Vec<Tag>),
    /// From [`Command::DescribeStorage`].
    Storage(wire::MediaStorage),
}

/// Most channels that a list collects.
const MAX_LISTED: usize = 10_000;

/// One command to its end. The five verbs are those of [`Client`](crate::Client); events are only
/// [`Event::OpenStream`], [`Event::CloseStream`] and [`Event::ClockSkew`]. The clock's skew is
/// corrected once; nothing else is tried twice.
pub struct Call {
    config: Config,
    command: Command,
    credentials: Credentials,
    provider: &'static dyn Provider,
    clock: Clock,
    endpoint: Url,
    arn: Option<String>,
    version: Option<String>,
    https: Option<Url>,
    webrtc: Option<Url>,
    listed: Vec<wire::ChannelInfo>,
    tags: Vec<Tag>,
    next_token: Option<String>,
    skew_tried: bool,
    outputs: Outputs,
    http: Exchange,
    step: Step,
    started: bool,
    result: Option<Result<CallResult, Error>>,
}

impl Call {
    /// A call that begins with the first verb after [`Call::set_wall_clock`].
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn new(
        now: Instant,
        config: Config,
        command: Command,
        credentials: Credentials,
        provider: &'static dyn Provider,
    ) -> Result<Self, ConfigError> {
        let endpoint = config.control_plane()?;
        Ok(Self {
            arn: config.channel.arn().cloned(),
            config,
            command,
            credentials,
            provider,
            clock: Clock::new(now),
            endpoint,
            version: None,
            https: None,
            webrtc: None,
            listed: Vec::new(),
            tags: Vec::new(),
            next_token: None,
            skew_tried: false,
            outputs: Outputs::default(),
            http: Exchange::default(),
            step: Step::Describe,
            started: false,
            result: None,
        })
    }

    /// Tells the wall time.
    pub fn set_wall_clock(&mut self, now: Instant, unix: UnixTime) {
        self.clock.set(now, unix);
        self.start(now);
    }

    /// Reports what happened to a stream.
    pub fn handle_input(&mut self, now: Instant, input: Input<'_>) {
        let outcome = match input {
            Input::StreamOpened(id) if self.http.owns(id) => {
                self.http.handle_opened();
                None
            }
            Input::StreamBytes(id, bytes) if self.http.owns(id) => {
                self.http.handle_bytes(&mut self.outputs, bytes)
            }
            Input::StreamClosed(id, reason) if self.http.owns(id) => {
                self.http.handle_closed(&mut self.outputs, reason)
            }
            _ => None,
        };
        self.finish(now, outcome);
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.start(now);
        let outcome = self.http.handle_timeout(now, &mut self.outputs);
        self.finish(now, outcome);
    }

    /// Bytes to write to a stream.
    pub fn poll_transmit(&mut self, now: Instant, buf: &mut [u8]) -> Option<StreamTransmit> {
        self.start(now);
        self.http.poll_transmit(buf)
    }

    /// Streams to open and close.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.outputs.events.pop_front()
    }

    /// When [`Call::handle_timeout`] wants to be called, and why.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<(Instant, Reason)> {
        if !self.started {
            return Some((Instant::ZERO, Reason::Retry));
        }
        self.http.poll_timeout()
    }

    /// The result, once it is there; it is given once.
    pub const fn take_result(&mut self) -> Option<Result<CallResult, Error>> {
        self.result.take()
    }

    fn start(&mut self, now: Instant) {
        if !self.started {
            self.started = true;
            self.next(now);
        }
    }

    /// Begins the next call of the command.
    fn next(&mut self, now: Instant) {
        let time = self.clock.now(now);
        if self.credentials.expired(time) {
            return self.end(Err(Error::CredentialsExpired));
        }
        let described = self.arn.is_some();
        let (step, operation) = match (&self.command, &self.arn) {
            (Command::Create, _) => (
                Step::Create,
                Operation::Create {
                    name: self.config.channel.channel_name().into(),
                    message_ttl: self.config.message_ttl,
                    tags: self.config.tags.clone(),
                },
            ),
            (Command::List { prefix }, _) => (
                Step::List,
                Operation::List {
                    prefix: prefix.clone(),
                    max_results: Some(100),
                    next_token: self.next_token.clone(),
                },
            ),
            (Command::Delete, Some(arn)) if described && self.version.is_some() => (
                Step::Delete,
                Operation::Delete {
                    arn: arn.clone(),
                    version: self.version.clone(),
                },
            ),
            (Command::Update { message_ttl }, Some(arn)) if self.version.is_some() => (
                Step::Update,
                Operation::Update {
                    arn: arn.clone(),
                    version: self.version.clone().unwrap_or_default(),
                    message_ttl: *message_ttl,
                },
            ),
            (Command::Tag { tags }, Some(arn)) => (
                Step::Tag,
                Operation::Tag {
                    arn: arn.clone(),
                    tags: tags.clone(),
                },
            ),
            (Command::Untag { keys }, Some(arn)) => (
                Step::Tag,
                Operation::Untag {
                    arn: arn.clone(),
                    keys: keys.clone(),
                },
            ),
            (Command::ListTags, Some(arn)) => (
                Step::ListTags,
                Operation::ListTags {
                    arn: arn.clone(),
                    next_token: self.next_token.clone(),
                },
            ),
            (Command::DescribeStorage, _) => (
                Step::DescribeStorage,
                Operation::DescribeStorage(self.config.channel.clone()),
            ),
            (Command::UpdateStorage { stream }, Some(arn)) => (
                Step::UpdateStorage,
                Operation::UpdateStorage {
                    arn: arn.clone(),
                    stream: stream.clone(),
                },
            ),
            (Command::JoinStorage, Some(arn)) if self.webrtc.is_some() => (
                Step::JoinStorage,
                Operation::JoinStorage {
                    arn: arn.clone(),
                    viewer: match &self.config.role {
                        Role::Master => None,
                        Role::Viewer(id) => Some(id.clone()),
                    },
                },
            ),
            (Command::JoinStorage, Some(arn)) => (
                Step::GetEndpoint,
                Operation::GetStorageEndpoint {
                    arn: arn.clone(),
                    role: RoleName::from(&self.config.role),
                },
            ),
            (Command::IceServers { client_id }, Some(arn)) if self.https.is_some() => (
                Step::GetIceServers,
                Operation::GetIceServers {
                    arn: arn.clone(),
                    client_id: client_id.clone(),
                },
            ),
            (Command::Endpoints | Command::IceServers { .. }, Some(arn)) => (
                Step::GetEndpoint,
                Operation::GetEndpoint {
                    arn: arn.clone(),
                    role: RoleName::from(&self.config.role),
                },
            ),
            _ => (
                Step::Describe,
                Operation::Describe(self.config.channel.clone()),
            ),
        };
        let endpoint = match step {
            Step::GetIceServers => self.https.as_ref(),
            Step::JoinStorage => self.webrtc.as_ref(),
            _ => None,
        };
        let endpoint = endpoint.unwrap_or(&self.endpoint);
        let signing = Signing {
            credentials: &self.credentials,
            region: &self.config.region,
            user_agent: &self.config.user_agent,
            time,
            provider: self.provider,
        };
        let request = signing.call(endpoint, &operation);
        let timeouts = &self.config.timeouts;
        let patience = if step == Step::Create {
            timeouts.create
        } else {
            timeouts.call
        };
        let origin = Origin::from(endpoint);
        self.step = step;
        self.http
            .start(now, &mut self.outputs, origin, request, timeouts, patience);
    }

    fn finish(&mut self, now: Instant, outcome: Option<Outcome>) {
        let step = self.step;
        let response = match outcome {
            None => return,
            Some(Ok(response)) => response,
            Some(Err(error)) => return self.end(Err(Error::Transport { step, error })),
        };
        if response.status != 200 {
            let date = response.headers.get("date").and_then(parse_http_date);
            if matches!(response.status, 400 | 401 | 403)
                && !core::mem::replace(&mut self.skew_tried, true)
                && let Some(seconds) = date.and_then(|date| self.clock.learn(now, "", date))
            {
                self.outputs.push(Event::ClockSkew { seconds });
                return self.next(now);
            }
            let error = ServiceError::of(&response);
            return self.end(Err(Error::Service { step, error }));
        }
        match self.take(&response.body) {
            None => self.end(Err(Error::Malformed { step })),
            Some(Some(result)) => self.end(Ok(result)),
            Some(None) => self.next(now),
        }
    }

    /// Understands an answer: `None` if it cannot be, `Some(None)` if another call is needed.
    fn take(&mut self, body: &[u8]) -> Option<Option<CallResult>> {
        match self.step {
            Step::Describe => {
                let parsed: wire::DescribeResponse = serde_json::from_slice(body).ok()?;
                let info = parsed.channel_info;
                if self.command == Command::Describe {
                    return Some(Some(CallResult::Described(info)));
                }
                self.version = Some(info.version.unwrap_or_default());
                self.arn = Some(info.channel_arn);
                Some(None)
            }
            Step::Create => {
                let parsed: wire::CreateResponse = serde_json::from_slice(body).ok()?;
                Some(Some(CallResult::Created(parsed.channel_arn)))
            }
            Step::List => {
                let parsed: wire::ListResponse = serde_json::from_slice(body).ok()?;
                self.listed.extend(parsed.channel_info_list);
                self.next_token = parsed.next_token.filter(|token| !token.is_empty());
                if self.next_token.is_some() && self.listed.len() < MAX_LISTED {
                    return Some(None);
                }
                Some(Some(CallResult::Listed(core::mem::take(&mut self.listed))))
            }
            Step::GetEndpoint => {
                let parsed: wire::EndpointResponse = serde_json::from_slice(body).ok()?;
                let find = |protocol: &str| {
                    let mut list = parsed.resource_endpoint_list.iter();
                    let found = list.find(|endpoint| endpoint.protocol == protocol)?;
                    Url::parse(&found.resource_endpoint).ok()
                };
                if self.command == Command::JoinStorage {
                    self.webrtc = Some(find("WEBRTC")?);
                    return Some(None);
                }
                let (wss, https) = (find("WSS")?, find("HTTPS"));
                if matches!(self.command, Command::IceServers { .. }) {
                    self.https = Some(https?);
                    return Some(None);
                }
                let arn = self.arn.clone()?;
                Some(Some(CallResult::Endpoints { arn, wss, https }))
            }
            Step::GetIceServers => {
                let parsed: wire::IceServersResponse = serde_json::from_slice(body).ok()?;
                Some(Some(CallResult::IceServers(parsed.ice_server_list)))
            }
            Step::Delete => Some(Some(CallResult::Deleted)),
            Step::Update | Step::Tag | Step::UpdateStorage | Step::JoinStorage => {
                Some(Some(CallResult::Done))
            }
            Step::ListTags => {
                let parsed: wire::ListTagsResponse = serde_json::from_slice(body).ok()?;
                let tags = parsed.tags.into_iter();
                self.tags
                    .extend(tags.map(|(key, value)| Tag { key, value }));
                self.next_token = parsed.next_token.filter(|token| !token.is_empty());
                if self.next_token.is_some() && self.tags.len() < MAX_LISTED {
                    return Some(None);
                }
                Some(Some(CallResult::Tags(core::mem::take(&mut self.tags))))
            }
            Step::DescribeStorage => {
                let parsed: wire::DescribeStorageResponse = serde_json::from_slice(body).ok()?;
                let storage = parsed.media_storage_configuration;
                Some(Some(CallResult::Storage(storage)))
            }
            _ => None,
        }
    }

    fn end(&mut self, result: Result<CallResult, Error>) {
        self.http.close(&mut self.outputs);
        self.result = Some(result);
    }
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("command", &self.command)
            .field("step", &self.step)
            .finish_non_exhaustive()
    }
}
