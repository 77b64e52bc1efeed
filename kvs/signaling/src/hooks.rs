//! Hooks before and after every call: to watch a client, and to inject faults into it.

use smolrtc_base::Instant;

use crate::event::{Step, TransportError};
use crate::http::{Headers, Response};

/// An outcome that takes the place of the real one.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Injected {
    /// No answer.
    Transport(TransportError),
    /// A refusal of this status and exception name, such as `ResourceNotFoundException`.
    Refusal(u16, &'static str),
}

impl Injected {
    pub(crate) fn into_outcome(self) -> Result<Response, TransportError> {
        match self {
            Self::Transport(error) => Err(error),
            Self::Refusal(status, name) => {
                let mut headers = Headers::default();
                headers.push("x-amzn-errortype", name);
                Ok(Response {
                    // A success cannot be made up.
                    status: if status == 200 { 500 } else { status },
                    headers,
                    ..Response::default()
                })
            }
        }
    }
}

/// Sees every call of a [`Client`](crate::Client), WebSocket handshakes
/// ([`Step::Connect`]) and credential calls included.
pub trait Hooks {
    /// Before a call goes out. With an answer it does not: the answer is its outcome.
    fn before(&mut self, now: Instant, step: Step) -> Option<Injected> {
        let _ = (now, step);
        None
    }

    /// After a call: `status` is that of the answer, or why there was none. An answer takes the
    /// outcome's place.
    fn after(
        &mut self,
        now: Instant,
        step: Step,
        status: Result<u16, TransportError>,
    ) -> Option<Injected> {
        let _ = (now, step, status);
        None
    }
}
