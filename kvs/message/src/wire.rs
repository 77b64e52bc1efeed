//! The JSON of both official SDKs.

use crate::{Body, Candidate, ClientId, Error, Inbound, Outbound, StatusResponse};
use alloc::{string::String, vec::Vec};
use base64ct::{Base64, Encoding};
use serde::{Deserialize, Serialize, de};
use smolrtc_base::Limits;

/// Which SDK's keys to write. Readers take both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KeyCase {
    /// `recipientClientId`, as the JS SDK writes it.
    #[default]
    Js,
    /// `RecipientClientId`, as the C SDK writes it.
    C,
}

/// Every key of every message, in either case.
#[derive(Deserialize)]
struct Wire {
    #[serde(
        alias = "Action",
        alias = "messageType",
        alias = "MessageType",
        default
    )]
    action: Option<String>,
    #[serde(rename = "messagePayload", alias = "MessagePayload", default)]
    payload: Option<String>,
    #[serde(rename = "senderClientId", alias = "SenderClientId", default)]
    sender: Option<String>,
    #[serde(rename = "recipientClientId", alias = "RecipientClientId", default)]
    recipient: Option<String>,
    #[serde(rename = "correlationId", alias = "CorrelationId", default)]
    correlation: Option<String>,
    #[serde(rename = "statusResponse", alias = "StatusResponse", default)]
    status: Option<WireStatus>,
}

#[derive(Deserialize, Serialize, Default)]
struct WireStatus {
    #[serde(rename = "correlationId", alias = "CorrelationId", default)]
    correlation_id: Option<String>,
    #[serde(rename = "errorType", alias = "ErrorType", default)]
    error_type: Option<String>,
    #[serde(
        rename = "statusCode",
        alias = "StatusCode",
        default,
        deserialize_with = "number_or_text"
    )]
    status_code: Option<u16>,
    #[serde(alias = "Description", default)]
    description: Option<String>,
}

/// The service writes the status code as a number or as text.
fn number_or_text<'de, D: de::Deserializer<'de>>(input: D) -> Result<Option<u16>, D::Error> {
    let value = serde_json::Value::deserialize(input)?;
    Ok(match &value {
        serde_json::Value::Number(number) => number.as_u64().and_then(|n| n.try_into().ok()),
        serde_json::Value::String(text) => text.parse().ok(),
        _ => None,
    })
}

/// The payload of an offer or answer.
#[derive(Deserialize)]
struct SdpPayload {
    sdp: String,
}

/// The payload of an offer or answer, borrowed for writing.
#[derive(Serialize)]
struct SdpOut<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    sdp: &'a str,
}

/// The payload of a candidate.
#[derive(Deserialize)]
struct CandidatePayload {
    #[serde(default)]
    candidate: Option<String>,
    #[serde(rename = "sdpMid", default)]
    mid: Option<String>,
    #[serde(rename = "sdpMLineIndex", default)]
    index: Option<serde_json::Value>,
    #[serde(rename = "usernameFragment", default)]
    ufrag: Option<String>,
}

#[derive(Serialize)]
struct CandidateOut<'a> {
    candidate: &'a str,
    #[serde(rename = "sdpMid")]
    mid: Option<&'a str>,
    #[serde(rename = "sdpMLineIndex")]
    index: Option<u16>,
    #[serde(rename = "usernameFragment", skip_serializing_if = "Option::is_none")]
    ufrag: Option<&'a str>,
}

#[derive(Serialize)]
struct SentJs<'a> {
    action: &'a str,
    #[serde(rename = "recipientClientId", skip_serializing_if = "Option::is_none")]
    recipient: Option<&'a str>,
    #[serde(rename = "messagePayload")]
    payload: &'a str,
    #[serde(rename = "correlationId", skip_serializing_if = "Option::is_none")]
    correlation: Option<&'a str>,
}

#[derive(Serialize)]
struct SentC<'a> {
    action: &'a str,
    #[serde(rename = "RecipientClientId", skip_serializing_if = "Option::is_none")]
    recipient: Option<&'a str>,
    #[serde(rename = "MessagePayload")]
    payload: &'a str,
    #[serde(rename = "CorrelationId", skip_serializing_if = "Option::is_none")]
    correlation: Option<&'a str>,
}

#[derive(Serialize)]
struct Delivered<'a> {
    #[serde(rename = "messageType")]
    message_type: &'a str,
    #[serde(rename = "messagePayload")]
    payload: &'a str,
    #[serde(rename = "senderClientId", skip_serializing_if = "Option::is_none")]
    sender: Option<&'a str>,
    #[serde(rename = "statusResponse", skip_serializing_if = "Option::is_none")]
    status: Option<WireStatus>,
}

impl Inbound {
    /// Reads a message as a client or a service receives it: `messageType` or `action`, keys in
    /// either case.
    ///
    /// # Errors
    ///
    /// Every variant of [`Error`]; a message of an unknown type is none.
    pub fn parse(json: &[u8], limits: &Limits) -> Result<Self, Error> {
        if json.len() > limits.signaling_message_bytes {
            return Err(Error::TooLong { bytes: json.len() });
        }
        let wire: Wire = serde_json::from_slice(json).map_err(|error| Error::Json {
            line: error.line(),
            column: error.column(),
        })?;
        let message_type = wire.action.ok_or(Error::NoType)?;
        Ok(Self {
            from: client_id(wire.sender.as_deref())?,
            to: client_id(wire.recipient.as_deref())?,
            correlation_id: wire.correlation.filter(|id| !id.is_empty()),
            body: body(message_type, wire.payload.unwrap_or_default(), wire.status)?,
        })
    }

    /// Writes the message as the service delivers it.
    #[must_use]
    pub fn emit(&self) -> String {
        let status = match &self.body {
            Body::Status(status) => Some(WireStatus {
                correlation_id: Some(status.correlation_id.clone()),
                error_type: Some(status.error_type.clone()),
                status_code: Some(status.status_code),
                description: Some(status.description.clone()),
            }),
            _ => None,
        };
        json(&Delivered {
            message_type: self.body.message_type(),
            payload: &self.body.encode_payload(),
            sender: self.from.as_ref().map(ClientId::as_str),
            status,
        })
    }
}

impl Outbound {
    /// Writes the message as a client sends it.
    #[must_use]
    pub fn emit(&self, keys: KeyCase) -> String {
        let payload = &*self.body.encode_payload();
        let action = self.body.message_type();
        let recipient = self.to.as_ref().map(ClientId::as_str);
        let correlation = self.correlation_id.as_deref();
        match keys {
            KeyCase::Js => json(&SentJs {
                action,
                recipient,
                payload,
                correlation,
            }),
            KeyCase::C => json(&SentC {
                action,
                recipient,
                payload,
                correlation,
            }),
        }
    }
}

impl Body {
    /// The `messagePayload`: JSON in base64.
    #[must_use]
    pub fn encode_payload(&self) -> String {
        let text = match self {
            Self::Offer(sdp) => json(&SdpOut { kind: "offer", sdp }),
            Self::Answer(sdp) => json(&SdpOut {
                kind: "answer",
                sdp,
            }),
            Self::Candidate(candidate) => json(&CandidateOut {
                candidate: &candidate.candidate,
                mid: candidate.sdp_mid.as_deref(),
                index: candidate.sdp_m_line_index,
                ufrag: candidate.username_fragment.as_deref(),
            }),
            Self::GoAway | Self::ReconnectIceServer | Self::Status(_) => return String::new(),
            Self::Unknown { payload, .. } => return payload.clone(),
        };
        Base64::encode_string(text.as_bytes())
    }
}

/// Our own structures hold nothing that JSON cannot say, so writing them cannot fail.
fn json<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

fn client_id(text: Option<&str>) -> Result<Option<ClientId>, Error> {
    // The C SDK writes an empty id where the JS SDK leaves the key out.
    text.filter(|text| !text.is_empty())
        .map(ClientId::new)
        .transpose()
}

fn body(message_type: String, payload: String, status: Option<WireStatus>) -> Result<Body, Error> {
    Ok(match message_type.as_str() {
        "SDP_OFFER" => Body::Offer(sdp(&payload)?),
        "SDP_ANSWER" => Body::Answer(sdp(&payload)?),
        "ICE_CANDIDATE" => Body::Candidate(candidate(&payload)?),
        "GO_AWAY" => Body::GoAway,
        "RECONNECT_ICE_SERVER" => Body::ReconnectIceServer,
        "STATUS_RESPONSE" => {
            let status = status.unwrap_or_default();
            Body::Status(StatusResponse {
                correlation_id: status.correlation_id.unwrap_or_default(),
                error_type: status.error_type.unwrap_or_default(),
                status_code: status.status_code.unwrap_or_default(),
                description: status.description.unwrap_or_default(),
            })
        }
        _ => Body::Unknown {
            message_type,
            payload,
        },
    })
}

fn sdp(payload: &str) -> Result<String, Error> {
    let bytes = required(payload)?;
    let payload: SdpPayload = serde_json::from_slice(&bytes).map_err(|_| Error::Payload)?;
    Ok(payload.sdp)
}

fn candidate(payload: &str) -> Result<Candidate, Error> {
    let bytes = required(payload)?;
    // `JSON.stringify(event.candidate)` at the end of gathering gives `null`.
    let payload: Option<CandidatePayload> =
        serde_json::from_slice(&bytes).map_err(|_| Error::Payload)?;
    let Some(payload) = payload else {
        return Ok(Candidate::default());
    };
    let index = match &payload.index {
        Some(serde_json::Value::Number(number)) => number.as_u64(),
        Some(serde_json::Value::String(text)) => text.parse().ok(),
        _ => None,
    };
    let text = payload.candidate.unwrap_or_default();
    let text = text.trim();
    Ok(Candidate {
        // Some peers send the whole attribute line.
        candidate: text
            .strip_prefix("a=")
            .filter(|line| line.starts_with("candidate:"))
            .unwrap_or(text)
            .into(),
        sdp_mid: payload.mid,
        sdp_m_line_index: index.and_then(|index| index.try_into().ok()),
        username_fragment: payload.ufrag.filter(|ufrag| !ufrag.is_empty()),
    })
}

fn required(payload: &str) -> Result<Vec<u8>, Error> {
    let bytes = decode_payload(payload)?;
    if bytes.is_empty() {
        Err(Error::NoPayload)
    } else {
        Ok(bytes)
    }
}

/// Decodes a `messagePayload`: base64 of either alphabet, with or without padding or line breaks.
///
/// # Errors
///
/// [`Error::Base64`].
pub fn decode_payload(payload: &str) -> Result<Vec<u8>, Error> {
    let mut text: Vec<u8> = payload
        .bytes()
        .filter(|byte| !byte.is_ascii_whitespace())
        .map(|byte| match byte {
            b'-' => b'+',
            b'_' => b'/',
            byte => byte,
        })
        .collect();
    while text.last() == Some(&b'=') {
        text.pop();
    }
    let len = base64ct::Base64Unpadded::decode_in_place(&mut text)
        .map_err(|_| Error::Base64)?
        .len();
    text.truncate(len);
    Ok(text)
}

#[cfg(test)]
mod tests;
