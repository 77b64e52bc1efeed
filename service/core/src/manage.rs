//! The rest of the control plane: updates, tags, storage configuration.

use alloc::string::String;
use alloc::vec::Vec;

use kvs_message::ClientId;
use kvs_signaling::control::wire::{
    ChannelSelector, DescribeStorageResponse, JoinRequest, ListTagsRequest, ListTagsResponse,
    MediaStorage, TagRequest, UntagRequest, UpdateRequest, UpdateStorageRequest,
};
use kvs_signaling::sigv4::hex;
use kvs_signaling::{MAX_TAGS, Tag, check_tags};

use crate::api::{Body, json};
use crate::channel::Channel;
use crate::error::Refusal;
use crate::service::Service;

/// AWS's bounds of a message's wait, seconds.
const MESSAGE_TTL: core::ops::RangeInclusive<u32> = 5..=120;

impl Service {
    pub(crate) fn update(&mut self, request: &UpdateRequest) -> Body {
        let version: [u8; 10] = self.rng.array();
        let channel = self.channel_by_arn(&request.channel_arn)?;
        if channel.version != request.current_version {
            return Err(Refusal::VersionMismatch);
        }
        let settings = request.single_master_configuration.as_ref();
        if let Some(ttl) = settings.and_then(|settings| settings.message_ttl_seconds) {
            if !MESSAGE_TTL.contains(&ttl) {
                return Err(Refusal::InvalidArgument(
                    "MessageTtlSeconds must be 5 to 120.",
                ));
            }
            channel.message_ttl = ttl;
        }
        channel.version = hex(&version);
        Ok(Vec::new())
    }

    pub(crate) fn tag(&mut self, request: &TagRequest) -> Body {
        let channel = self.channel_by_arn(&request.resource_arn)?;
        let added: Vec<Tag> = (request.tags.iter())
            .map(|tag| Tag {
                key: tag.key.clone(),
                value: tag.value.clone(),
            })
            .collect();
        if added.is_empty() || check_tags(&added).is_err() {
            return Err(Refusal::InvalidArgument(
                "Tags must be 1 to 50 with keys of 1 to 128 and values of up to 256 characters.",
            ));
        }
        let mut tags = channel.tags.clone();
        tags.extend(added.into_iter().map(|tag| (tag.key, tag.value)));
        if tags.len() > MAX_TAGS {
            return Err(Refusal::TagLimit);
        }
        channel.tags = tags;
        Ok(Vec::new())
    }

    pub(crate) fn untag(&mut self, request: &UntagRequest) -> Body {
        let channel = self.channel_by_arn(&request.resource_arn)?;
        for key in &request.tag_key_list {
            channel.tags.remove(key);
        }
        Ok(Vec::new())
    }

    /// At most fifty tags: one page.
    pub(crate) fn list_tags(&mut self, request: &ListTagsRequest) -> Body {
        let channel = self.channel_by_arn(&request.resource_arn)?;
        json(&ListTagsResponse {
            tags: channel.tags.clone(),
            next_token: None,
        })
    }

    pub(crate) fn describe_storage(&mut self, request: &ChannelSelector) -> Body {
        let channel = self.selected(request)?;
        let media_storage_configuration = MediaStorage {
            stream_arn: channel.storage.clone(),
            status: String::from(if channel.storage.is_some() {
                "ENABLED"
            } else {
                "DISABLED"
            }),
        };
        json(&DescribeStorageResponse {
            media_storage_configuration,
        })
    }

    /// Takes the official shape and the C SDK's.
    pub(crate) fn update_storage(&mut self, request: &UpdateStorageRequest) -> Body {
        let channel = self.channel_by_arn(&request.channel_arn)?;
        let (stream, status) = match &request.media_storage_configuration {
            Some(official) => (&official.stream_arn, Some(official.status.as_str())),
            None => (&request.stream_arn, request.storage_status.as_deref()),
        };
        match (status, stream) {
            (Some("DISABLED"), _) => channel.storage = None,
            (Some("ENABLED"), Some(stream)) if is_stream(stream) => {
                channel.storage = Some(stream.clone());
            }
            (Some("ENABLED"), _) => {
                return Err(Refusal::InvalidArgument("StreamARN is not a stream's ARN."));
            }
            _ => {
                return Err(Refusal::InvalidArgument(
                    "Status must be ENABLED or DISABLED.",
                ));
            }
        }
        Ok(Vec::new())
    }

    /// `viewer`: `JoinStorageSessionAsViewer`. The other side of the session is not played yet.
    pub(crate) fn join(&mut self, request: &JoinRequest, viewer: bool) -> Body {
        let channel = self.channel_by_arn(&request.channel_arn)?;
        if channel.storage.is_none() {
            return Err(Refusal::InvalidArgument(
                "The channel's media storage is not enabled.",
            ));
        }
        let id = request.client_id.as_deref().unwrap_or("");
        if viewer && ClientId::new(id).is_err() {
            return Err(Refusal::InvalidArgument(
                "clientId must match [a-zA-Z0-9_.-]+ and have 1 to 256 characters.",
            ));
        }
        self.stats.joins = self.stats.joins.saturating_add(1);
        Ok(Vec::new())
    }

    pub(crate) fn selected(&mut self, request: &ChannelSelector) -> Result<&mut Channel, Refusal> {
        match (&request.channel_arn, &request.channel_name) {
            (Some(arn), _) => self.channel_by_arn(arn),
            (None, Some(name)) => self.channels.get_mut(name).ok_or(Refusal::NotFound),
            (None, None) => Err(Refusal::InvalidArgument(
                "Either ChannelName or ChannelARN is needed.",
            )),
        }
    }
}

/// `arn:aws:kinesisvideo:REGION:ACCOUNT:stream/NAME/CREATED`.
fn is_stream(arn: &str) -> bool {
    let mut parts = arn.splitn(6, ':');
    let (scheme, service) = (parts.next(), parts.nth(1));
    let resource = parts.nth(2).unwrap_or("");
    scheme == Some("arn") && service == Some("kinesisvideo") && resource.starts_with("stream/")
}
