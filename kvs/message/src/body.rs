//! What a message says.

use alloc::string::String;

/// The body of a signaling message, either direction.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Body {
    /// `SDP_OFFER`: the session description.
    Offer(String),
    /// `SDP_ANSWER`: the session description.
    Answer(String),
    /// `ICE_CANDIDATE`
    Candidate(Candidate),
    /// `GO_AWAY`: the service is about to close the connection (about a minute left).
    GoAway,
    /// `RECONNECT_ICE_SERVER`: fetch the ICE servers anew.
    ReconnectIceServer,
    /// `STATUS_RESPONSE`: a message of ours was refused.
    Status(StatusResponse),
    /// A type that we do not know, with its payload as it came. Later versions of the service
    /// may send such; they are to be ignored.
    Unknown {
        /// The message type.
        message_type: String,
        /// The payload, still in base64.
        payload: String,
    },
}

impl Body {
    /// The `action` or `messageType`.
    #[must_use]
    pub fn message_type(&self) -> &str {
        match self {
            Self::Offer(_) => "SDP_OFFER",
            Self::Answer(_) => "SDP_ANSWER",
            Self::Candidate(_) => "ICE_CANDIDATE",
            Self::GoAway => "GO_AWAY",
            Self::ReconnectIceServer => "RECONNECT_ICE_SERVER",
            Self::Status(_) => "STATUS_RESPONSE",
            Self::Unknown { message_type, .. } => message_type,
        }
    }
}

/// A trickled candidate, as `RTCIceCandidate` writes itself (RFC 8840 section 4.2 by the mid).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Candidate {
    /// The text from `candidate:` on; empty for the end of candidates.
    pub candidate: String,
    /// The mid of its section.
    pub sdp_mid: Option<String>,
    /// The index of its section.
    pub sdp_m_line_index: Option<u16>,
    /// The fragment of the generation it belongs to; after a restart, older ones are to be ignored.
    pub username_fragment: Option<String>,
}

impl Candidate {
    /// Whether this says that no candidate will follow.
    #[must_use]
    pub const fn is_end(&self) -> bool {
        self.candidate.is_empty()
    }
}

/// Why the service refused a message of ours.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StatusResponse {
    /// The correlation id of the refused message.
    pub correlation_id: String,
    /// Such as `InvalidArgumentException`.
    pub error_type: String,
    /// An HTTP status; 0 if absent or no number.
    pub status_code: u16,
    /// What went wrong, in words.
    pub description: String,
}
