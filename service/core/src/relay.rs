//! The data plane: connections, and messages from one end to the other.

use alloc::borrow::Cow;
use alloc::string::String;

use kvs_message::{Body, ClientId, Inbound};
use kvs_signaling::sigv4::parse_query;
use serde::{Deserialize, Serialize};
use smolrtc_base::Instant;

use crate::Request;
use crate::channel::{Connection, ConnectionId, End, Held};
use crate::error::Refusal;
use crate::quota::{Bucket, Violation};
use crate::service::{REPLACED, Service, ServiceEvent};

/// AWS's documented bound of a payload, decoded; base64 adds a third.
const DOCUMENTED_PAYLOAD: usize = 10 * 1_024;
/// Correlation ids are 1 to 256 characters.
const MAX_CORRELATION: usize = 256;

/// A message as either SDK writes it. The payload passes as it is.
#[derive(Deserialize)]
struct Sent<'a> {
    #[serde(alias = "Action", borrow)]
    action: Cow<'a, str>,
    #[serde(
        rename = "recipientClientId",
        alias = "RecipientClientId",
        default,
        borrow
    )]
    recipient: Option<Cow<'a, str>>,
    #[serde(rename = "messagePayload", alias = "MessagePayload", default, borrow)]
    payload: Option<Cow<'a, str>>,
    #[serde(rename = "correlationId", alias = "CorrelationId", default, borrow)]
    correlation: Option<Cow<'a, str>>,
}

#[derive(Serialize)]
struct Delivered<'a> {
    #[serde(rename = "messageType")]
    message_type: &'a str,
    #[serde(rename = "messagePayload")]
    payload: &'a str,
    #[serde(rename = "senderClientId", skip_serializing_if = "Option::is_none")]
    sender: Option<&'a str>,
}

/// STATUS_RESPONSE. AWS writes the code as text.
#[derive(Serialize)]
struct Status<'a> {
    #[serde(rename = "messageType")]
    message_type: &'a str,
    #[serde(rename = "messagePayload")]
    payload: &'a str,
    #[serde(rename = "statusResponse")]
    status: StatusBody<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StatusBody<'a> {
    correlation_id: &'a str,
    error_type: &'a str,
    status_code: String,
    description: String,
}

impl Service {
    /// Makes a connection of an authorized handshake.
    pub(crate) fn connect(
        &mut self,
        now: Instant,
        request: &Request<'_>,
    ) -> Result<ConnectionId, Refusal> {
        let find = |name: &str| {
            parse_query(request.query)
                .find(|(key, _)| key == name.as_bytes())
                .and_then(|(_, value)| String::from_utf8(value).ok())
        };
        let arn = find("X-Amz-ChannelARN")
            .ok_or(Refusal::InvalidArgument("X-Amz-ChannelARN is needed."))?;
        let end = match find("X-Amz-ClientId") {
            None => End::Master,
            Some(id) => End::Viewer(ClientId::new(&id).map_err(|_| {
                Refusal::InvalidArgument(
                    "X-Amz-ClientId must match [a-zA-Z0-9_.-]+ and have 1 to 256 characters.",
                )
            })?),
        };
        let quotas = self.config.quotas;
        let channel = self.channel_by_arn(&arn)?;
        let name = channel.name.clone();
        let old = channel.connection_of(&end);
        let (allowed, violation) = match &end {
            End::Master => (
                channel
                    .rates
                    .connect_master
                    .take(now, quotas.connect_master),
                Violation::ConnectMaster,
            ),
            End::Viewer(_) => (
                channel
                    .rates
                    .connect_viewer
                    .take(now, quotas.connect_viewer),
                Violation::ConnectViewer,
            ),
        };
        let full = matches!(end, End::Viewer(_))
            && old.is_none()
            && channel.viewers.len() >= quotas.viewers;
        self.limit(allowed, violation)?;
        if full {
            self.stats.violations.count(Violation::Viewers);
            return Err(Refusal::ViewerLimit);
        }
        if let Some(old) = old {
            self.close(old, REPLACED, "replaced by a new connection");
        }
        let id = self.new_connection(Connection {
            channel: name.clone(),
            end: end.clone(),
            opened: now,
            active: now,
            told_to_go: false,
            descriptions: Bucket::new(),
            candidates: Bucket::new(),
        });
        if let Some(channel) = self.channels.get_mut(&name) {
            match &end {
                End::Master => channel.master = Some(id),
                End::Viewer(viewer) => {
                    channel.viewers.insert(viewer.clone(), id);
                }
            }
            for text in channel.take_held(now, &end) {
                self.stats.delivered = self.stats.delivered.saturating_add(1);
                self.events.push_back(ServiceEvent::SendText(id, text));
            }
        }
        Ok(id)
    }

    /// Takes a text message from a connection.
    pub fn handle_message(&mut self, now: Instant, id: ConnectionId, text: &str) {
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        connection.active = now;
        let sent: Result<Sent<'_>, _> = serde_json::from_str(text);
        let (result, correlation) = match sent {
            Ok(sent) => (self.relay(now, id, text.len(), &sent), sent.correlation),
            Err(_) => (Err(Refusal::Serialization), None),
        };
        let Err(refusal) = result else {
            return;
        };
        self.stats.refused = self.stats.refused.saturating_add(1);
        let correlation = correlation.filter(|id| (1..=MAX_CORRELATION).contains(&id.len()));
        if let Some(correlation) = correlation {
            let status = Status {
                message_type: "STATUS_RESPONSE",
                payload: "",
                status: StatusBody {
                    correlation_id: &correlation,
                    error_type: refusal.name(),
                    status_code: alloc::format!("{}", refusal.status()),
                    description: refusal.message(),
                },
            };
            let text = serde_json::to_string(&status).unwrap_or_default();
            self.events.push_back(ServiceEvent::SendText(id, text));
        }
    }

    fn relay(
        &mut self,
        now: Instant,
        id: ConnectionId,
        len: usize,
        sent: &Sent<'_>,
    ) -> Result<(), Refusal> {
        let quotas = self.config.quotas;
        let is_offer = sent.action == "SDP_OFFER";
        let is_description = is_offer || sent.action == "SDP_ANSWER";
        if !is_description && sent.action != "ICE_CANDIDATE" {
            return Err(Refusal::InvalidArgument(
                "action must be SDP_OFFER, SDP_ANSWER or ICE_CANDIDATE.",
            ));
        }
        let connection = self.connections.get_mut(&id).ok_or(Refusal::NotFound)?;
        let (allowed, violation) = if is_description {
            (
                connection.descriptions.take(now, quotas.descriptions),
                Violation::Descriptions,
            )
        } else {
            (
                connection.candidates.take(now, quotas.candidates),
                Violation::Candidates,
            )
        };
        let (name, from) = (connection.channel.clone(), connection.end.clone());
        self.limit(allowed, violation)?;
        if len > quotas.message_bytes {
            self.stats.violations.count(Violation::MessageBytes);
            return Err(Refusal::InvalidArgument("The message is too long."));
        }
        let payload = sent.payload.as_deref().unwrap_or("");
        if payload.is_empty() {
            return Err(Refusal::InvalidArgument("messagePayload is needed."));
        }
        if payload.len() / 4 > DOCUMENTED_PAYLOAD / 3 {
            self.stats.large_payloads = self.stats.large_payloads.saturating_add(1);
        }
        let recipient = sent.recipient.as_deref().filter(|id| !id.is_empty());
        let to = match (&from, recipient) {
            (End::Viewer(_), None) => End::Master,
            (End::Viewer(_), Some(_)) => {
                return Err(Refusal::InvalidArgument(
                    "A viewer may address only the master.",
                ));
            }
            (End::Master, None) => {
                return Err(Refusal::InvalidArgument(
                    "A master must name recipientClientId.",
                ));
            }
            (End::Master, Some(viewer)) => End::Viewer(ClientId::new(viewer).map_err(|_| {
                Refusal::InvalidArgument("recipientClientId must match [a-zA-Z0-9_.-]{1,256}.")
            })?),
        };
        let text = serde_json::to_string(&Delivered {
            message_type: &sent.action,
            payload,
            sender: match &from {
                End::Master => None,
                End::Viewer(viewer) => Some(viewer.as_str()),
            },
        })
        .unwrap_or_default();
        let channel = self.channels.get_mut(&name).ok_or(Refusal::NotFound)?;
        if let Some(receiver) = channel.connection_of(&to) {
            self.stats.delivered = self.stats.delivered.saturating_add(1);
            self.deliver(now, receiver, text);
        } else {
            let expires = now.plus(channel.ttl());
            self.stats.held = self.stats.held.saturating_add(1);
            channel.hold(
                now,
                Held {
                    from,
                    to,
                    text,
                    expires,
                },
                is_offer,
                quotas.held,
            );
        }
        Ok(())
    }

    pub(crate) fn send_go_away(&mut self, id: ConnectionId) {
        let message = Inbound {
            from: None,
            body: Body::GoAway,
            correlation_id: None,
            to: None,
        };
        self.events
            .push_back(ServiceEvent::SendText(id, message.emit()));
    }

    /// Sends a text as it is, for what no service of ours would say.
    pub fn send_text(&mut self, id: ConnectionId, text: &str) {
        if self.connections.contains_key(&id) {
            self.events
                .push_back(ServiceEvent::SendText(id, text.into()));
        }
    }

    /// Tells a connection to fetch its ICE servers anew.
    pub fn send_reconnect_ice_server(&mut self, id: ConnectionId) {
        if self.connections.contains_key(&id) {
            let message = Inbound {
                from: None,
                body: Body::ReconnectIceServer,
                correlation_id: None,
                to: None,
            };
            self.events
                .push_back(ServiceEvent::SendText(id, message.emit()));
        }
    }
}
