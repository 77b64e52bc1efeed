//! The control plane: its calls, their JSON, and AWS's errors.
//!
//! Each call is a POST of a JSON body to a path (AWS's restJson1 protocol), signed by header. The
//! request and response types serve both ends: a client serializes the one and parses the other,
//! a service the other way round.

use alloc::string::String;
use alloc::vec::Vec;

use kvs_message::ClientId;
use serde::Serialize;

use crate::{ChannelRef, Role, Tag};

mod error;
pub mod wire;

pub(crate) use error::skewed_time;
pub use error::{ErrorKind, ServiceError};

/// Largest response body accepted, bytes. A list of 100 channels has about 40 KB.
pub const MAX_RESPONSE: usize = 64 * 1_024;

/// One call.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Operation {
    /// `DescribeSignalingChannel`.
    Describe(ChannelRef),
    /// `CreateSignalingChannel`.
    Create {
        /// Name of the new channel.
        name: String,
        /// How long messages wait for an absent receiver, seconds, 5–120.
        message_ttl: Option<u32>,
        /// Tags of it.
        tags: Vec<Tag>,
    },
    /// `ListSignalingChannels`.
    List {
        /// Only names that begin with this.
        prefix: Option<String>,
        /// Most names of one answer, 1–10,000.
        max_results: Option<u32>,
        /// Where the answer before broke off.
        next_token: Option<String>,
    },
    /// `GetSignalingChannelEndpoint` for WSS and HTTPS.
    GetEndpoint {
        /// The channel.
        arn: String,
        /// As whom the endpoints will be used.
        role: RoleName,
    },
    /// `GetIceServerConfig`, sent to the channel's HTTPS endpoint.
    GetIceServers {
        /// The channel.
        arn: String,
        /// For whom the credentials are.
        client_id: Option<ClientId>,
    },
    /// `DeleteSignalingChannel`.
    Delete {
        /// The channel.
        arn: String,
        /// Only if it still has this version.
        version: Option<String>,
    },
    /// `UpdateSignalingChannel`.
    Update {
        /// The channel.
        arn: String,
        /// The version that is changed.
        version: String,
        /// How long messages wait for an absent receiver, seconds, 5–120.
        message_ttl: u32,
    },
    /// `TagResource`: adds tags, or changes their values.
    Tag {
        /// The channel.
        arn: String,
        /// The tags.
        tags: Vec<Tag>,
    },
    /// `UntagResource`.
    Untag {
        /// The channel.
        arn: String,
        /// Keys of the tags to remove.
        keys: Vec<String>,
    },
    /// `ListTagsForResource`.
    ListTags {
        /// The channel.
        arn: String,
        /// Where the answer before broke off.
        next_token: Option<String>,
    },
    /// `DescribeMediaStorageConfiguration`.
    DescribeStorage(ChannelRef),
    /// `UpdateMediaStorageConfiguration`.
    UpdateStorage {
        /// The channel.
        arn: String,
        /// The stream that media go to; `None` switches storage off.
        stream: Option<String>,
    },
    /// `GetSignalingChannelEndpoint` with WEBRTC, where storage sessions are joined.
    GetStorageEndpoint {
        /// The channel.
        arn: String,
        /// As whom.
        role: RoleName,
    },
    /// `JoinStorageSession`, or `JoinStorageSessionAsViewer` with an id; sent to the WEBRTC
    /// endpoint. Each call makes the service send one offer.
    JoinStorage {
        /// The channel.
        arn: String,
        /// The viewer that joins.
        viewer: Option<ClientId>,
    },
}

/// The two ends of a channel, without their ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RoleName {
    /// The one that viewers talk to.
    Master,
    /// One of many.
    Viewer,
}

impl From<&Role> for RoleName {
    fn from(role: &Role) -> Self {
        match role {
            Role::Master => Self::Master,
            Role::Viewer(_) => Self::Viewer,
        }
    }
}

impl RoleName {
    /// As the JSON writes it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Master => "MASTER",
            Self::Viewer => "VIEWER",
        }
    }
}

impl Operation {
    /// Path of the call.
    #[must_use]
    pub const fn path(&self) -> &'static str {
        match self {
            Self::Describe(_) => "/describeSignalingChannel",
            Self::Create { .. } => "/createSignalingChannel",
            Self::List { .. } => "/listSignalingChannels",
            Self::GetEndpoint { .. } | Self::GetStorageEndpoint { .. } => {
                "/getSignalingChannelEndpoint"
            }
            Self::Update { .. } => "/updateSignalingChannel",
            Self::Tag { .. } => "/TagResource",
            Self::Untag { .. } => "/UntagResource",
            Self::ListTags { .. } => "/ListTagsForResource",
            Self::DescribeStorage(_) => "/describeMediaStorageConfiguration",
            Self::UpdateStorage { .. } => "/updateMediaStorageConfiguration",
            Self::JoinStorage { viewer: None, .. } => "/joinStorageSession",
            Self::JoinStorage { .. } => "/joinStorageSessionAsViewer",
            Self::GetIceServers { .. } => "/v1/get-ice-server-config",
            Self::Delete { .. } => "/deleteSignalingChannel",
        }
    }

    /// The JSON body.
    #[must_use]
    pub fn body(&self) -> Vec<u8> {
        use wire::{
            ChannelSelector, CreateRequest, DeleteRequest, IceServersRequest, JoinRequest,
            ListRequest, ListTagsRequest, MediaStorage, NameCondition, SingleMaster, TagRequest,
            UntagRequest, UpdateRequest, UpdateStorageRequest,
        };
        match self {
            Self::Describe(channel) | Self::DescribeStorage(channel) => json(&ChannelSelector {
                channel_name: channel.name().map(String::from),
                channel_arn: channel.arn().map(String::from),
            }),
            Self::Create {
                name,
                message_ttl,
                tags,
            } => json(&CreateRequest {
                tags: wire_tags(tags),
                channel_name: name.clone(),
                channel_type: Some("SINGLE_MASTER".into()),
                single_master_configuration: message_ttl.map(|ttl| SingleMaster {
                    message_ttl_seconds: Some(ttl),
                }),
            }),
            Self::List {
                prefix,
                max_results,
                next_token,
            } => json(&ListRequest {
                max_results: *max_results,
                next_token: next_token.clone(),
                channel_name_condition: prefix.as_ref().map(|prefix| NameCondition {
                    comparison_operator: Some("BEGINS_WITH".into()),
                    comparison_value: Some(prefix.clone()),
                }),
            }),
            Self::GetEndpoint { arn, role } => json(&endpoints(arn, *role, &["WSS", "HTTPS"])),
            Self::GetStorageEndpoint { arn, role } => {
                json(&endpoints(arn, *role, &["WSS", "HTTPS", "WEBRTC"]))
            }
            Self::Update {
                arn,
                version,
                message_ttl,
            } => json(&UpdateRequest {
                channel_arn: arn.clone(),
                current_version: version.clone(),
                single_master_configuration: Some(SingleMaster {
                    message_ttl_seconds: Some(*message_ttl),
                }),
            }),
            Self::Tag { arn, tags } => json(&TagRequest {
                resource_arn: arn.clone(),
                tags: wire_tags(tags),
            }),
            Self::Untag { arn, keys } => json(&UntagRequest {
                resource_arn: arn.clone(),
                tag_key_list: keys.clone(),
            }),
            Self::ListTags { arn, next_token } => json(&ListTagsRequest {
                resource_arn: arn.clone(),
                next_token: next_token.clone(),
            }),
            Self::UpdateStorage { arn, stream } => json(&UpdateStorageRequest {
                channel_arn: arn.clone(),
                media_storage_configuration: Some(MediaStorage {
                    stream_arn: stream.clone(),
                    status: if stream.is_some() {
                        "ENABLED".into()
                    } else {
                        "DISABLED".into()
                    },
                }),
                ..UpdateStorageRequest::default()
            }),
            Self::JoinStorage { arn, viewer } => json(&JoinRequest {
                channel_arn: arn.clone(),
                client_id: viewer.as_ref().map(|id| id.as_str().into()),
            }),
            Self::GetIceServers { arn, client_id } => json(&IceServersRequest {
                channel_arn: arn.clone(),
                client_id: client_id.as_ref().map(|id| id.as_str().into()),
                service: Some("TURN".into()),
                username: None,
            }),
            Self::Delete { arn, version } => json(&DeleteRequest {
                channel_arn: arn.clone(),
                current_version: version.clone(),
            }),
        }
    }
}

fn endpoints(arn: &str, role: RoleName, protocols: &[&str]) -> wire::EndpointRequest {
    wire::EndpointRequest {
        channel_arn: arn.into(),
        single_master_channel_endpoint_configuration: Some(wire::EndpointConfiguration {
            protocols: protocols.iter().map(|name| String::from(*name)).collect(),
            role: Some(role.as_str().into()),
        }),
    }
}

fn wire_tags(tags: &[Tag]) -> Vec<wire::TagEntry> {
    let entry = |tag: &Tag| wire::TagEntry {
        key: tag.key.clone(),
        value: tag.value.clone(),
    };
    tags.iter().map(entry).collect()
}

/// None of these types can fail to serialize: they have string keys and no foreign `Serialize`.
fn json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).unwrap_or_default()
}

#[cfg(test)]
mod tests;
