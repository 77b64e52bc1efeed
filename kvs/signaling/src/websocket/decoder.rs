//! Messages from bytes that arrive in any pieces.

use alloc::string::String;
use alloc::vec::Vec;

use smolrtc_base::Reader;

use super::frame::{FrameHeader, HeaderError, MAX_HEADER};
use super::{Opcode, Side, WebSocketError, apply_mask};

/// What came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Incoming {
    /// A whole text message.
    Text(String),
    /// A whole binary message.
    Binary(Vec<u8>),
    /// To be answered by a pong with the same payload.
    Ping(Vec<u8>),
    /// An answer.
    Pong(Vec<u8>),
    /// The peer closes; to be answered by a close. 1005 stands for a close without a code.
    Close {
        /// Status code (section 7.4).
        code: u16,
        /// Text beside it.
        reason: String,
    },
}

/// Reassembles messages. Memory: at most the cap, and 125 bytes of a control frame.
#[derive(Clone)]
pub struct Decoder {
    side: Side,
    cap: usize,
    header: Vec<u8>,
    frame: Option<(FrameHeader, usize)>,
    control: Vec<u8>,
    /// Kind of the message under reassembly.
    kind: Option<Opcode>,
    message: Vec<u8>,
}

impl core::fmt::Debug for Decoder {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Decoder")
            .field("side", &self.side)
            .field("message_len", &self.message.len())
            .finish_non_exhaustive()
    }
}

impl Decoder {
    /// A decoder for what `side` receives, messages up to `cap` bytes.
    #[must_use]
    pub const fn new(side: Side, cap: usize) -> Self {
        Self {
            side,
            cap,
            header: Vec::new(),
            frame: None,
            control: Vec::new(),
            kind: None,
            message: Vec::new(),
        }
    }

    /// Takes bytes from the front of `input`, up to the end of a message or control frame at most;
    /// to be called again until it returns `None`.
    ///
    /// # Errors
    /// [`WebSocketError`]: close with its code and take nothing more.
    pub fn push(&mut self, input: &mut &[u8]) -> Result<Option<Incoming>, WebSocketError> {
        loop {
            let Some((header, done)) = &mut self.frame else {
                if !self.take_header(input)? {
                    return Ok(None);
                }
                continue;
            };
            let header = *header;
            // `start` fits: the cap, or 125, was checked against it.
            let len = usize::try_from(header.len).unwrap_or(usize::MAX);
            let want = len.saturating_sub(*done);
            let (taken, rest) = input.split_at_checked(want).unwrap_or((input, &[]));
            *input = rest;
            let target = if header.opcode.is_control() {
                &mut self.control
            } else {
                &mut self.message
            };
            let start = target.len();
            target.extend_from_slice(taken);
            if let (Some(mask), Some(fresh)) = (header.mask, target.get_mut(start..)) {
                apply_mask(mask, *done, fresh);
            }
            *done = done.saturating_add(taken.len());
            if *done < len {
                return Ok(None);
            }
            self.frame = None;
            if header.opcode.is_control() {
                return self.control(header.opcode).map(Some);
            }
            if header.fin {
                return self.message().map(Some);
            }
        }
    }

    fn take_header(&mut self, input: &mut &[u8]) -> Result<bool, WebSocketError> {
        while self.header.len() < MAX_HEADER {
            let Some((&byte, rest)) = input.split_first() else {
                return Ok(false);
            };
            *input = rest;
            self.header.push(byte);
            match FrameHeader::parse(&mut Reader::new(&self.header), self.side) {
                Ok(header) => {
                    self.header.clear();
                    self.admit(header)?;
                    self.frame = Some((header, 0));
                    return Ok(true);
                }
                Err(HeaderError::Incomplete) => {}
                Err(HeaderError::Invalid(error)) => return Err(error),
            }
        }
        Err(WebSocketError::BadLength)
    }

    fn admit(&mut self, header: FrameHeader) -> Result<(), WebSocketError> {
        match (header.opcode, self.kind) {
            (opcode, _) if opcode.is_control() => {
                self.control.clear();
                return Ok(());
            }
            (Opcode::Continuation, Some(_)) => {}
            (Opcode::Continuation, None) | (_, Some(_)) => {
                return Err(WebSocketError::BadFragmentation);
            }
            (opcode, None) => self.kind = Some(opcode),
        }
        let room = self.cap.saturating_sub(self.message.len());
        if header.len > room as u64 {
            return Err(WebSocketError::TooLong);
        }
        Ok(())
    }

    fn message(&mut self) -> Result<Incoming, WebSocketError> {
        let message = core::mem::take(&mut self.message);
        match self.kind.take() {
            Some(Opcode::Text) => String::from_utf8(message)
                .map(Incoming::Text)
                .map_err(|_| WebSocketError::NotUtf8),
            _ => Ok(Incoming::Binary(message)),
        }
    }

    fn control(&mut self, opcode: Opcode) -> Result<Incoming, WebSocketError> {
        let payload = core::mem::take(&mut self.control);
        Ok(match opcode {
            Opcode::Ping => Incoming::Ping(payload),
            Opcode::Pong => Incoming::Pong(payload),
            _ => match payload.split_first_chunk::<2>() {
                None if payload.is_empty() => Incoming::Close {
                    code: 1005,
                    reason: String::new(),
                },
                None => return Err(WebSocketError::BadClose),
                Some((code, reason)) => {
                    let code = u16::from_be_bytes(*code);
                    let allowed = matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999);
                    let reason = core::str::from_utf8(reason)
                        .ok()
                        .filter(|_| allowed)
                        .ok_or(WebSocketError::BadClose)?;
                    Incoming::Close {
                        code,
                        reason: reason.into(),
                    }
                }
            },
        })
    }
}
