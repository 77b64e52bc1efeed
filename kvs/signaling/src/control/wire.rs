//! The JSON of the calls, field for field as AWS's API reference has it.
//!
//! Unknown fields are ignored, so that a newer service does no harm.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use serde::{Deserialize, Serialize};

macro_rules! wire {
    ($($(#[$meta:meta])* struct $name:ident { $($(#[$fm:meta])* $field:ident: $ty:ty),+ $(,)? })+) => {
        $(
            $(#[$meta])*
            #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
            #[serde(rename_all = "PascalCase")]
            pub struct $name {
                $($(#[$fm])* pub $field: $ty),+
            }
        )+
    };
}

wire! {
    /// Body of `DescribeSignalingChannel`.
    struct ChannelSelector {
        /// By name.
        #[serde(skip_serializing_if = "Option::is_none")]
        channel_name: Option<String>,
        /// By ARN.
        #[serde(rename = "ChannelARN", skip_serializing_if = "Option::is_none")]
        channel_arn: Option<String>,
    }
    /// `SingleMasterConfiguration`.
    struct SingleMaster {
        /// How long messages wait for an absent receiver, seconds.
        #[serde(skip_serializing_if = "Option::is_none")]
        message_ttl_seconds: Option<u32>,
    }
    /// Body of `CreateSignalingChannel`.
    struct CreateRequest {
        /// Name.
        #[serde(default)]
        channel_name: String,
        /// `SINGLE_MASTER` or `FULL_MESH`.
        #[serde(skip_serializing_if = "Option::is_none")]
        channel_type: Option<String>,
        /// Settings.
        #[serde(skip_serializing_if = "Option::is_none")]
        single_master_configuration: Option<SingleMaster>,
        /// Tags.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        tags: Vec<TagEntry>,
    }
    /// One tag.
    struct TagEntry {
        /// Key.
        key: String,
        /// Value.
        #[serde(default)]
        value: String,
    }
    /// Answer of `CreateSignalingChannel`.
    struct CreateResponse {
        /// ARN of the new channel.
        #[serde(rename = "ChannelARN")]
        channel_arn: String,
    }
    /// `ChannelInfo`.
    struct ChannelInfo {
        /// ARN.
        #[serde(rename = "ChannelARN")]
        channel_arn: String,
        /// Name.
        #[serde(default)]
        channel_name: String,
        /// `CREATING`, `ACTIVE`, `UPDATING` or `DELETING`.
        #[serde(skip_serializing_if = "Option::is_none")]
        channel_status: Option<String>,
        /// `SINGLE_MASTER` or `FULL_MESH`.
        #[serde(skip_serializing_if = "Option::is_none")]
        channel_type: Option<String>,
        /// Seconds since the Unix epoch.
        #[serde(skip_serializing_if = "Option::is_none")]
        creation_time: Option<f64>,
        /// Settings.
        #[serde(skip_serializing_if = "Option::is_none")]
        single_master_configuration: Option<SingleMaster>,
        /// Changes with each update; what a deletion may name.
        #[serde(skip_serializing_if = "Option::is_none")]
        version: Option<String>,
    }
    /// Answer of `DescribeSignalingChannel`.
    struct DescribeResponse {
        /// The channel.
        channel_info: ChannelInfo,
    }
    /// `ChannelNameCondition`.
    struct NameCondition {
        /// `BEGINS_WITH`, the only one.
        #[serde(skip_serializing_if = "Option::is_none")]
        comparison_operator: Option<String>,
        /// The prefix.
        #[serde(skip_serializing_if = "Option::is_none")]
        comparison_value: Option<String>,
    }
    /// Body of `ListSignalingChannels`.
    struct ListRequest {
        /// Most entries of the answer.
        #[serde(skip_serializing_if = "Option::is_none")]
        max_results: Option<u32>,
        /// Where the answer before broke off.
        #[serde(skip_serializing_if = "Option::is_none")]
        next_token: Option<String>,
        /// Filter.
        #[serde(skip_serializing_if = "Option::is_none")]
        channel_name_condition: Option<NameCondition>,
    }
    /// Answer of `ListSignalingChannels`.
    struct ListResponse {
        /// The channels.
        #[serde(default)]
        channel_info_list: Vec<ChannelInfo>,
        /// Where to go on, if there are more.
        #[serde(skip_serializing_if = "Option::is_none")]
        next_token: Option<String>,
    }
    /// `SingleMasterChannelEndpointConfiguration`.
    struct EndpointConfiguration {
        /// `WSS`, `HTTPS`, `WEBRTC`.
        #[serde(default)]
        protocols: Vec<String>,
        /// `MASTER` or `VIEWER`.
        #[serde(skip_serializing_if = "Option::is_none")]
        role: Option<String>,
    }
    /// Body of `GetSignalingChannelEndpoint`.
    struct EndpointRequest {
        /// ARN.
        #[serde(rename = "ChannelARN", default)]
        channel_arn: String,
        /// Which endpoints.
        #[serde(skip_serializing_if = "Option::is_none")]
        single_master_channel_endpoint_configuration: Option<EndpointConfiguration>,
    }
    /// One entry of `ResourceEndpointList`.
    struct ResourceEndpoint {
        /// `WSS`, `HTTPS`, `WEBRTC`.
        protocol: String,
        /// URL.
        resource_endpoint: String,
    }
    /// Answer of `GetSignalingChannelEndpoint`.
    struct EndpointResponse {
        /// The endpoints.
        #[serde(default)]
        resource_endpoint_list: Vec<ResourceEndpoint>,
    }
    /// Body of `GetIceServerConfig`.
    struct IceServersRequest {
        /// ARN.
        #[serde(rename = "ChannelARN", default)]
        channel_arn: String,
        /// For whom.
        #[serde(skip_serializing_if = "Option::is_none")]
        client_id: Option<String>,
        /// `TURN`.
        #[serde(skip_serializing_if = "Option::is_none")]
        service: Option<String>,
        /// A name to derive the credentials from.
        #[serde(skip_serializing_if = "Option::is_none")]
        username: Option<String>,
    }
    /// Body of `DeleteSignalingChannel`.
    struct DeleteRequest {
        /// ARN.
        #[serde(rename = "ChannelARN", default)]
        channel_arn: String,
        /// Only if it still has this version.
        #[serde(skip_serializing_if = "Option::is_none")]
        current_version: Option<String>,
    }
    /// Body of `UpdateSignalingChannel`.
    struct UpdateRequest {
        /// ARN.
        #[serde(rename = "ChannelARN", default)]
        channel_arn: String,
        /// The version that is changed.
        #[serde(default)]
        current_version: String,
        /// Settings.
        #[serde(skip_serializing_if = "Option::is_none")]
        single_master_configuration: Option<SingleMaster>,
    }
    /// Body of `TagResource`.
    struct TagRequest {
        /// ARN.
        #[serde(rename = "ResourceARN", default)]
        resource_arn: String,
        /// Tags.
        #[serde(default)]
        tags: Vec<TagEntry>,
    }
    /// Body of `UntagResource`.
    struct UntagRequest {
        /// ARN.
        #[serde(rename = "ResourceARN", default)]
        resource_arn: String,
        /// Keys.
        #[serde(default)]
        tag_key_list: Vec<String>,
    }
    /// Body of `ListTagsForResource`.
    struct ListTagsRequest {
        /// ARN.
        #[serde(rename = "ResourceARN", default)]
        resource_arn: String,
        /// Where the answer before broke off.
        #[serde(skip_serializing_if = "Option::is_none")]
        next_token: Option<String>,
    }
    /// Answer of `ListTagsForResource`.
    struct ListTagsResponse {
        /// Keys and values.
        #[serde(default)]
        tags: BTreeMap<String, String>,
        /// Where to go on, if there are more.
        #[serde(skip_serializing_if = "Option::is_none")]
        next_token: Option<String>,
    }
    /// `MediaStorageConfiguration`.
    struct MediaStorage {
        /// The stream that media go to.
        #[serde(rename = "StreamARN", skip_serializing_if = "Option::is_none")]
        stream_arn: Option<String>,
        /// `ENABLED` or `DISABLED`.
        #[serde(default)]
        status: String,
    }
    /// Answer of `DescribeMediaStorageConfiguration`.
    struct DescribeStorageResponse {
        /// The configuration.
        #[serde(default)]
        media_storage_configuration: MediaStorage,
    }
    /// Body of `UpdateMediaStorageConfiguration`: the official shape, or the C SDK's, which has
    /// stream and status beside the channel.
    struct UpdateStorageRequest {
        /// ARN.
        #[serde(rename = "ChannelARN", default)]
        channel_arn: String,
        /// The configuration.
        #[serde(skip_serializing_if = "Option::is_none")]
        media_storage_configuration: Option<MediaStorage>,
        /// As the C SDK writes it.
        #[serde(rename = "StreamARN", skip_serializing_if = "Option::is_none")]
        stream_arn: Option<String>,
        /// As the C SDK writes it.
        #[serde(skip_serializing_if = "Option::is_none")]
        storage_status: Option<String>,
    }
    /// Answer of `GetIceServerConfig`.
    struct IceServersResponse {
        /// The servers.
        #[serde(default)]
        ice_server_list: Vec<IceServerEntry>,
    }
}

/// Body of `JoinStorageSession` and `JoinStorageSessionAsViewer`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JoinRequest {
    /// ARN.
    #[serde(default)]
    pub channel_arn: String,
    /// The viewer that joins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
}

/// One entry of `IceServerList`. `Debug` shows no password.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct IceServerEntry {
    /// TURN user name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// TURN password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
    /// Seconds for which name and password are good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl: Option<u32>,
    /// `turn:`, `turns:` or `stun:` URIs.
    #[serde(default)]
    pub uris: Vec<String>,
}

impl fmt::Debug for IceServerEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IceServerEntry")
            .field("ttl", &self.ttl)
            .field("uris", &self.uris)
            .finish_non_exhaustive()
    }
}
