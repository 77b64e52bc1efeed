//! What a client is told at construction.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use kvs_message::ClientId;
use smolrtc_base::{Duration, Limits};

use crate::url::{self, Url, UrlError};

/// Which end of the channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Role {
    /// The camera: one per channel.
    Master,
    /// One of up to ten who talk to the master, under an id of its own.
    Viewer(ClientId),
}

/// How a channel is named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChannelRef {
    /// By its name: 1–256 of `[a-zA-Z0-9_.-]`.
    Name(String),
    /// By its ARN, `arn:aws:kinesisvideo:REGION:ACCOUNT:channel/NAME/CREATED`; saves a call.
    Arn(String),
}

impl ChannelRef {
    /// An ARN if it looks like one, a name otherwise.
    ///
    /// # Errors
    /// [`ConfigError::ChannelName`] or [`ConfigError::ChannelArn`].
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        if text.is_empty() {
            return Err(ConfigError::ChannelMissing);
        }
        if text.starts_with("arn:") {
            return match arn_parts(text) {
                Some(_) => Ok(Self::Arn(text.into())),
                None if text.len() > 1_024 => Err(ConfigError::ChannelArnLength),
                None => Err(ConfigError::ChannelArn),
            };
        }
        if text.len() > 256 {
            return Err(ConfigError::ChannelNameLength);
        }
        if is_channel_name(text) {
            Ok(Self::Name(text.into()))
        } else {
            Err(ConfigError::ChannelName)
        }
    }

    /// The name: written, or out of the ARN.
    #[must_use]
    pub fn channel_name(&self) -> &str {
        match self {
            Self::Name(name) => name,
            Self::Arn(arn) => arn_parts(arn).map_or("", |(_, name)| name),
        }
    }

    /// As the user wrote it.
    pub(crate) fn as_written(&self) -> &str {
        match self {
            Self::Name(text) | Self::Arn(text) => text,
        }
    }

    pub(crate) const fn name(&self) -> Option<&String> {
        match self {
            Self::Name(name) => Some(name),
            Self::Arn(_) => None,
        }
    }

    pub(crate) const fn arn(&self) -> Option<&String> {
        match self {
            Self::Name(_) => None,
            Self::Arn(arn) => Some(arn),
        }
    }
}

/// Whether `name` may name a channel.
#[must_use]
pub fn is_channel_name(name: &str) -> bool {
    (1..=256).contains(&name.len())
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'))
}

/// Region and channel name of an ARN.
#[must_use]
pub fn arn_parts(arn: &str) -> Option<(&str, &str)> {
    let mut parts = arn.splitn(6, ':');
    let (scheme, partition, service) = (parts.next()?, parts.next()?, parts.next()?);
    let (region, _account) = (parts.next()?, parts.next()?);
    let mut resource = parts.next()?.split('/');
    let (kind, name, _created) = (resource.next()?, resource.next()?, resource.next()?);
    let valid = arn.len() <= 1_024
        && scheme == "arn"
        && partition.starts_with("aws")
        && service == "kinesisvideo"
        && kind == "channel"
        && resource.next().is_none()
        && is_channel_name(name)
        && url::is_region(region);
    valid.then_some((region, name))
}

/// How long each step may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// Until a stream is open: name resolution, TCP and TLS.
    pub connect: Duration,
    /// From the start of a call to its answer.
    pub call: Duration,
    /// The same for CreateSignalingChannel, which takes longer.
    pub create: Duration,
    /// From the start of the WebSocket's stream to the 101.
    pub upgrade: Duration,
    /// Between pings.
    pub ping: Duration,
    /// From a ping to its pong.
    pub pong: Duration,
}

impl Timeouts {
    /// The C SDK's times, except for the pong, which it waits two hours for.
    pub const HOST: Self = Self {
        connect: Duration::from_secs(2),
        call: Duration::from_secs(5),
        create: Duration::from_secs(10),
        upgrade: Duration::from_secs(5),
        ping: Duration::from_secs(10),
        pong: Duration::from_secs(3),
    };

    /// For a microcontroller, where a TLS handshake alone takes two to three seconds.
    pub const CHIP: Self = Self {
        connect: Duration::from_secs(10),
        call: Duration::from_secs(15),
        create: Duration::from_secs(20),
        upgrade: Duration::from_secs(15),
        ping: Duration::from_secs(10),
        pong: Duration::from_secs(3),
    };
}

/// When a connection is replaced by a new one, before the service ends it. Each is shortened by up
/// to a tenth at random, so that cameras that came together do not rotate together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetimes {
    /// After its opening. The service ends it after an hour, and says so a minute before.
    pub age: Duration,
    /// After the last message sent. The service ends it after ten minutes.
    pub idle: Duration,
}

impl Lifetimes {
    /// For the limits that AWS documents.
    pub const AWS: Self = Self {
        age: Duration::from_secs(3_300),
        idle: Duration::from_secs(540),
    };
}

/// A tag of a channel: what costs and permissions may go by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tag {
    /// 1–128 characters.
    pub key: String,
    /// Up to 256 characters.
    pub value: String,
}

/// Most tags of a channel.
pub const MAX_TAGS: usize = 50;

/// Whether there are at most [`MAX_TAGS`], each of the documented length.
///
/// # Errors
/// [`ConfigError::TooManyTags`], [`ConfigError::TagKey`], [`ConfigError::TagValue`].
pub fn check_tags(tags: &[Tag]) -> Result<(), ConfigError> {
    if tags.len() > MAX_TAGS {
        return Err(ConfigError::TooManyTags);
    }
    for tag in tags {
        if !(1..=128).contains(&tag.key.chars().count()) {
            return Err(ConfigError::TagKey);
        }
        if tag.value.chars().count() > 256 {
            return Err(ConfigError::TagValue);
        }
    }
    Ok(())
}

/// Settings of a [`Client`](crate::Client).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// Master or viewer.
    pub role: Role,
    /// Which channel.
    pub channel: ChannelRef,
    /// Region to sign for; that of the ARN if there is one.
    pub region: String,
    /// Control plane other than AWS's own for the region.
    pub endpoint: Option<Url>,
    /// AWS's dual-stack (IPv6) control plane.
    pub dual_stack: bool,
    /// Create the channel if it does not exist.
    pub create_channel: bool,
    /// Seconds for which a created channel keeps messages, 5–120; `None` for AWS's 60.
    pub message_ttl: Option<u32>,
    /// Tags of a created channel.
    pub tags: Vec<Tag>,
    /// `user-agent` of every call.
    pub user_agent: String,
    /// Bounds; [`Limits::signaling_message_bytes`] concerns us.
    pub limits: Limits,
    /// Patience.
    pub timeouts: Timeouts,
    /// When connections are replaced.
    pub lifetimes: Lifetimes,
}

impl Config {
    /// Settings with every default in place: AWS's own endpoint, no creation.
    ///
    /// # Errors
    /// [`ConfigError::Region`], or [`ConfigError::RegionMismatch`] if the ARN names another
    /// region.
    pub fn new(role: Role, channel: ChannelRef, region: &str) -> Result<Self, ConfigError> {
        if !url::is_region(region) {
            return Err(ConfigError::Region);
        }
        if let ChannelRef::Arn(arn) = &channel {
            match arn_parts(arn) {
                Some((of_arn, _)) if of_arn == region => {}
                Some(_) => return Err(ConfigError::RegionMismatch),
                None => return Err(ConfigError::ChannelArn),
            }
        } else if !is_channel_name(channel.channel_name()) {
            return Err(ConfigError::ChannelName);
        }
        Ok(Self {
            role,
            channel,
            region: region.into(),
            endpoint: None,
            dual_stack: false,
            create_channel: false,
            message_ttl: None,
            tags: Vec::new(),
            user_agent: String::from(concat!("kvs-webrtc-rs/", env!("CARGO_PKG_VERSION"))),
            limits: Limits::HOST,
            timeouts: Timeouts::HOST,
            lifetimes: Lifetimes::AWS,
        })
    }

    /// Checks what was changed after [`Config::new`] and gives the control plane's endpoint.
    pub(crate) fn control_plane(&self) -> Result<Url, ConfigError> {
        if self
            .message_ttl
            .is_some_and(|ttl| !(5..=120).contains(&ttl))
        {
            return Err(ConfigError::MessageTtl);
        }
        let printable = self.user_agent.bytes().all(|b| (b' '..0x7f).contains(&b));
        if !printable || self.user_agent.len() > 256 {
            return Err(ConfigError::UserAgent);
        }
        check_tags(&self.tags)?;
        match &self.endpoint {
            Some(url) if !url.query().is_empty() => Err(ConfigError::EndpointQuery),
            Some(url) => Ok(url.clone()),
            None => {
                url::control_plane(&self.region, self.dual_stack).map_err(ConfigError::Endpoint)
            }
        }
    }
}

/// What is wrong with the settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConfigError {
    /// Neither a name nor an ARN.
    ChannelMissing,
    /// A channel name of more than 256 characters.
    ChannelNameLength,
    /// A channel ARN of more than 1,024 characters.
    ChannelArnLength,
    /// More than [`MAX_TAGS`] tags.
    TooManyTags,
    /// A tag without a key, or with one of more than 128 characters.
    TagKey,
    /// A tag's value of more than 256 characters.
    TagValue,
    /// Not the URL or host name of a credential endpoint.
    IotEndpoint,
    /// Not a role alias.
    RoleAlias,
    /// Not the name of a thing.
    ThingName,
    /// No source of credentials at all.
    NoCredentials,
    /// Not a channel name.
    ChannelName,
    /// Not a channel ARN.
    ChannelArn,
    /// Not a region.
    Region,
    /// The ARN is of another region.
    RegionMismatch,
    /// Not 5–120.
    MessageTtl,
    /// Too long, or not printable ASCII.
    UserAgent,
    /// The endpoint URL has a query.
    EndpointQuery,
    /// The endpoint URL is malformed.
    Endpoint(UrlError),
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ChannelMissing => f.write_str("no channel: give its name or its ARN"),
            Self::ChannelNameLength => {
                f.write_str("the channel name is too long: 256 characters at most")
            }
            Self::ChannelArnLength => {
                f.write_str("the channel ARN is too long: 1,024 characters at most")
            }
            Self::TooManyTags => f.write_str("a channel has 50 tags at most"),
            Self::TagKey => f.write_str("a tag's key is 1 to 128 characters"),
            Self::TagValue => f.write_str("a tag's value is up to 256 characters"),
            Self::IotEndpoint => f.write_str(
                "the IoT credential endpoint is the host that `aws iot describe-endpoint \
                 --endpoint-type iot:CredentialProvider` prints",
            ),
            Self::RoleAlias => {
                f.write_str("a role alias is 1 to 128 of a-z, A-Z, 0-9, '_', '=', ',', '@', '-'")
            }
            Self::ThingName => {
                f.write_str("a thing name is 1 to 128 of a-z, A-Z, 0-9, ':', '_', '-'")
            }
            Self::NoCredentials => f.write_str(
                "no credentials: give a key, a role alias of IoT Core, or say that you will \
                 answer when asked",
            ),
            Self::ChannelName => {
                f.write_str("a channel name is 1 to 256 of a-z, A-Z, 0-9, '_', '.', '-'")
            }
            Self::ChannelArn => f.write_str(
                "a channel ARN is arn:aws:kinesisvideo:REGION:ACCOUNT:channel/NAME/CREATED",
            ),
            Self::Region => {
                f.write_str("no valid region: set AWS_REGION, for instance to us-west-2")
            }
            Self::RegionMismatch => {
                f.write_str("the channel's ARN names another region than AWS_REGION")
            }
            Self::MessageTtl => f.write_str("the message TTL is 5 to 120 seconds"),
            Self::UserAgent => f.write_str("the user agent is up to 256 printable characters"),
            Self::EndpointQuery => f.write_str("the endpoint URL must not have a query"),
            Self::Endpoint(error) => fmt::Display::fmt(error, f),
        }
    }
}

impl core::error::Error for ConfigError {}
