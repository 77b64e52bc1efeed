//! The control plane.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use kvs_message::ClientId;
use kvs_signaling::control::wire::{
    ChannelInfo, ChannelSelector, CreateRequest, CreateResponse, DeleteRequest, DescribeResponse,
    EndpointRequest, EndpointResponse, IceServerEntry, IceServersRequest, IceServersResponse,
    ListRequest, ListResponse, ResourceEndpoint, SingleMaster,
};
use kvs_signaling::sigv4::{decode_component, hex};
use kvs_signaling::{arn_parts, is_channel_name};
use serde::{Serialize, de::DeserializeOwned};
use smolrtc_base::{Instant, UnixTime};

use crate::channel::{Channel, ChannelRates};
use crate::error::Refusal;
use crate::quota::Violation;
use crate::service::Service;
use crate::{Request, channel};

/// What a path stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    Create,
    Describe,
    List,
    Delete,
    GetEndpoint,
    GetIceServers,
    Update,
    Tag,
    Untag,
    ListTags,
    DescribeStorage,
    UpdateStorage,
    Join,
    JoinAsViewer,
}

/// Seconds for which TURN credentials are good.
const ICE_TTL: u32 = 300;
const DEFAULT_MESSAGE_TTL: u32 = 60;
const MAX_RESULTS: u32 = 10_000;

pub(crate) type Body = Result<Vec<u8>, Refusal>;

impl Service {
    pub(crate) fn route(&self, request: &Request<'_>) -> Result<Operation, Refusal> {
        let operation = match request.path {
            "/createSignalingChannel" => Operation::Create,
            "/describeSignalingChannel" => Operation::Describe,
            "/listSignalingChannels" => Operation::List,
            "/deleteSignalingChannel" => Operation::Delete,
            "/getSignalingChannelEndpoint" => Operation::GetEndpoint,
            "/v1/get-ice-server-config" => Operation::GetIceServers,
            "/updateSignalingChannel" => Operation::Update,
            "/TagResource" => Operation::Tag,
            "/UntagResource" => Operation::Untag,
            "/ListTagsForResource" => Operation::ListTags,
            "/describeMediaStorageConfiguration" => Operation::DescribeStorage,
            "/updateMediaStorageConfiguration" => Operation::UpdateStorage,
            "/joinStorageSession" => Operation::Join,
            "/joinStorageSessionAsViewer" => Operation::JoinAsViewer,
            _ => return Err(Refusal::UnknownOperation),
        };
        if request.method == "POST" {
            Ok(operation)
        } else {
            Err(Refusal::UnknownOperation)
        }
    }

    pub(crate) fn call(
        &mut self,
        now: Instant,
        unix: UnixTime,
        operation: Operation,
        request: &Request<'_>,
    ) -> Body {
        match operation {
            Operation::Create => self.create(now, unix, &parse(request.body)?),
            Operation::Describe => self.describe(now, &parse(request.body)?),
            Operation::List => self.list(now, &parse(request.body)?),
            Operation::Delete => self.delete(now, &parse(request.body)?),
            Operation::GetEndpoint => self.endpoints(now, request, &parse(request.body)?),
            Operation::GetIceServers => self.ice_servers(now, &parse(request.body)?),
            Operation::Update => self.update(&parse(request.body)?),
            Operation::Tag => self.tag(&parse(request.body)?),
            Operation::Untag => self.untag(&parse(request.body)?),
            Operation::ListTags => self.list_tags(&parse(request.body)?),
            Operation::DescribeStorage => self.describe_storage(&parse(request.body)?),
            Operation::UpdateStorage => self.update_storage(&parse(request.body)?),
            Operation::Join => self.join(&parse(request.body)?, false),
            Operation::JoinAsViewer => self.join(&parse(request.body)?, true),
        }
    }

    fn create(&mut self, now: Instant, unix: UnixTime, request: &CreateRequest) -> Body {
        let allowed = self.rates.create.take(now, self.config.quotas.create);
        self.limit(allowed, Violation::Create)?;
        let name = &request.channel_name;
        if !is_channel_name(name) {
            return Err(Refusal::InvalidArgument(
                "ChannelName must match [a-zA-Z0-9_.-]+ and have 1 to 256 characters.",
            ));
        }
        if request
            .channel_type
            .as_deref()
            .is_some_and(|kind| kind != "SINGLE_MASTER")
        {
            return Err(Refusal::InvalidArgument(
                "ChannelType must be SINGLE_MASTER.",
            ));
        }
        let settings = request.single_master_configuration.as_ref();
        let message_ttl = settings
            .and_then(|s| s.message_ttl_seconds)
            .unwrap_or(DEFAULT_MESSAGE_TTL);
        if !(5..=120).contains(&message_ttl) {
            return Err(Refusal::InvalidArgument(
                "MessageTtlSeconds must be 5 to 120.",
            ));
        }
        if request.tags.len() > kvs_signaling::MAX_TAGS {
            return Err(Refusal::TagLimit);
        }
        if self.channels.contains_key(name) {
            return Err(Refusal::InUse);
        }
        if self.channels.len() >= self.config.quotas.channels {
            self.stats.violations.count(Violation::Channels);
            return Err(Refusal::ChannelLimit);
        }
        let arn = format!(
            "arn:aws:kinesisvideo:{}:{}:channel/{name}/{}",
            self.config.region,
            self.config.account,
            unix.as_micros() / 1_000,
        );
        let version: [u8; 10] = self.rng.array();
        let channel = Channel {
            name: name.clone(),
            arn: arn.clone(),
            version: hex(&version),
            created: unix,
            message_ttl,
            master: None,
            viewers: Default::default(),
            held: Default::default(),
            tags: request
                .tags
                .iter()
                .map(|tag| (tag.key.clone(), tag.value.clone()))
                .collect(),
            storage: None,
            rates: ChannelRates::new(),
        };
        self.channels.insert(name.clone(), channel);
        json(&CreateResponse { channel_arn: arn })
    }

    fn describe(&mut self, now: Instant, request: &ChannelSelector) -> Body {
        let rate = self.config.quotas.describe;
        let channel = self.selected(request)?;
        let allowed = channel.rates.describe.take(now, rate);
        let info = info(channel);
        self.limit(allowed, Violation::Describe)?;
        json(&DescribeResponse { channel_info: info })
    }

    /// Pages are in the order of names; the token is the last name of the page before.
    fn list(&mut self, now: Instant, request: &ListRequest) -> Body {
        let allowed = self.rates.list.take(now, self.config.quotas.list);
        self.limit(allowed, Violation::List)?;
        let most = request.max_results.unwrap_or(MAX_RESULTS);
        if !(1..=MAX_RESULTS).contains(&most) {
            return Err(Refusal::InvalidArgument("MaxResults must be 1 to 10000."));
        }
        let after = match request.next_token.as_deref() {
            None | Some("") => None,
            Some(token) => Some(unhex(token).ok_or(Refusal::InvalidArgument(
                "NextToken is not one that this service gave.",
            ))?),
        };
        let prefix = match &request.channel_name_condition {
            None => "",
            Some(condition) => {
                let operator = condition
                    .comparison_operator
                    .as_deref()
                    .unwrap_or("BEGINS_WITH");
                if operator != "BEGINS_WITH" {
                    return Err(Refusal::InvalidArgument(
                        "ComparisonOperator must be BEGINS_WITH.",
                    ));
                }
                condition.comparison_value.as_deref().unwrap_or("")
            }
        };
        let mut matching = self
            .channels
            .values()
            .filter(|channel| channel.name.starts_with(prefix))
            .filter(|channel| after.as_ref().is_none_or(|after| channel.name > *after));
        let page: Vec<ChannelInfo> = matching.by_ref().take(most as usize).map(info).collect();
        let next_token = match (matching.next(), page.last()) {
            (Some(_), Some(last)) => Some(hex(last.channel_name.as_bytes())),
            _ => None,
        };
        json(&ListResponse {
            channel_info_list: page,
            next_token,
        })
    }

    fn delete(&mut self, now: Instant, request: &DeleteRequest) -> Body {
        let rate = self.config.quotas.delete;
        let channel = self.channel_by_arn(&request.channel_arn)?;
        let allowed = channel.rates.delete.take(now, rate);
        let matches = request
            .current_version
            .as_ref()
            .is_none_or(|v| *v == channel.version);
        let name = channel.name.clone();
        let connections: Vec<channel::ConnectionId> = channel
            .viewers
            .values()
            .copied()
            .chain(channel.master)
            .collect();
        self.limit(allowed, Violation::Delete)?;
        if !matches {
            return Err(Refusal::VersionMismatch);
        }
        for id in connections {
            self.close(id, 1001, "channel deleted");
        }
        self.channels.remove(&name);
        Ok(Vec::new())
    }

    fn endpoints(&mut self, now: Instant, http: &Request<'_>, request: &EndpointRequest) -> Body {
        let allowed = self.rates.endpoint.take(now, self.config.quotas.endpoint);
        self.limit(allowed, Violation::Endpoint)?;
        self.channel_by_arn(&request.channel_arn)?;
        let settings = request
            .single_master_channel_endpoint_configuration
            .as_ref();
        let role = settings.and_then(|settings| settings.role.as_deref());
        if role.is_some_and(|role| role != "MASTER" && role != "VIEWER") {
            return Err(Refusal::InvalidArgument("Role must be MASTER or VIEWER."));
        }
        let protocols = settings.map_or(&[][..], |settings| &settings.protocols);
        let mut list = Vec::new();
        for protocol in protocols {
            let scheme = match (protocol.as_str(), http.secure) {
                ("WSS", true) => "wss",
                ("WSS", false) => "ws",
                ("HTTPS", true) => "https",
                ("HTTPS", false) => "http",
                ("WEBRTC", true) => "https",
                ("WEBRTC", false) => "http",
                _ => {
                    return Err(Refusal::InvalidArgument(
                        "Protocols must be of WSS, HTTPS and WEBRTC.",
                    ));
                }
            };
            list.push(ResourceEndpoint {
                protocol: protocol.clone(),
                resource_endpoint: format!("{scheme}://{}", http.host),
            });
        }
        json(&EndpointResponse {
            resource_endpoint_list: list,
        })
    }

    fn ice_servers(&mut self, now: Instant, request: &IceServersRequest) -> Body {
        let rate = self.config.quotas.ice;
        let channel = self.channel_by_arn(&request.channel_arn)?;
        let allowed = channel.rates.ice.take(now, rate);
        self.limit(allowed, Violation::Ice)?;
        if request
            .service
            .as_deref()
            .is_some_and(|service| service != "TURN")
        {
            return Err(Refusal::InvalidArgument("Service must be TURN."));
        }
        if request
            .client_id
            .as_deref()
            .is_some_and(|id| ClientId::new(id).is_err())
        {
            return Err(Refusal::InvalidArgument(
                "ClientId must match [a-zA-Z0-9_.-]+ and have 1 to 256 characters.",
            ));
        }
        let stun = self.config.stun.iter().map(|stun| IceServerEntry {
            ttl: Some(ICE_TTL),
            uris: [format!("stun:{stun}")].into(),
            ..IceServerEntry::default()
        });
        json(&IceServersResponse {
            ice_server_list: stun.collect(),
        })
    }

    pub(crate) fn channel_by_arn(&mut self, arn: &str) -> Result<&mut Channel, Refusal> {
        let (_, name) = arn_parts(arn).ok_or(Refusal::InvalidArgument(
            "ChannelARN is not a channel's ARN.",
        ))?;
        self.channels
            .get_mut(name)
            // A channel that was deleted and made again is another one.
            .filter(|channel| channel.arn == arn)
            .ok_or(Refusal::NotFound)
    }
}

fn info(channel: &Channel) -> ChannelInfo {
    ChannelInfo {
        channel_arn: channel.arn.clone(),
        channel_name: channel.name.clone(),
        channel_status: Some("ACTIVE".into()),
        channel_type: Some("SINGLE_MASTER".into()),
        // Whole milliseconds, as the ARN has them; exact in a double for ages to come.
        creation_time: Some((channel.created.as_micros() / 1_000) as f64 / 1_000.0),
        single_master_configuration: Some(SingleMaster {
            message_ttl_seconds: Some(channel.message_ttl),
        }),
        version: Some(channel.version.clone()),
    }
}

fn parse<T: DeserializeOwned + Default>(body: &[u8]) -> Result<T, Refusal> {
    if body.trim_ascii().is_empty() {
        return Ok(T::default());
    }
    serde_json::from_slice(body).map_err(|_| Refusal::Serialization)
}

pub(crate) fn json(value: &impl Serialize) -> Body {
    serde_json::to_vec(value).map_err(|_| Refusal::Serialization)
}

fn unhex(text: &str) -> Option<String> {
    let even = text.len().is_multiple_of(2) && text.bytes().all(|b| b.is_ascii_hexdigit());
    if !even || text.len() > 512 {
        return None;
    }
    let mut escaped = String::with_capacity(text.len().saturating_mul(2));
    for (at, digit) in text.chars().enumerate() {
        if at % 2 == 0 {
            escaped.push('%');
        }
        escaped.push(digit);
    }
    String::from_utf8(decode_component(&escaped)).ok()
}
