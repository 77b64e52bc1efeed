//! Header extensions in the one-byte and the two-byte form (RFC 8285 sections 4.2 and 4.3).

use crate::Mid;
use smolrtc_base::{BufferTooSmall, Instant, Reader, Writer};

/// "defined by profile" of the one-byte form.
const ONE_BYTE: u16 = 0xbede;
/// The same of the two-byte form; the low four bits are the application's.
const TWO_BYTE: u16 = 0x1000;
/// Ends the one-byte form's elements (section 4.2).
const ONE_BYTE_STOP: u8 = 15;

/// The ids that a session description gave to the extensions known here, 1..=255 each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ExtensionIds {
    /// [`ExtensionIds::MID_URI`].
    pub mid: Option<u8>,
    /// [`ExtensionIds::ABS_SEND_TIME_URI`].
    pub abs_send_time: Option<u8>,
    /// [`ExtensionIds::TRANSPORT_SEQUENCE_URI`].
    pub transport_sequence: Option<u8>,
    /// [`ExtensionIds::STREAM_ID_URI`]: known so that it can be told from others, not used.
    pub stream_id: Option<u8>,
    /// [`ExtensionIds::REPAIRED_STREAM_ID_URI`]: likewise.
    pub repaired_stream_id: Option<u8>,
}

impl ExtensionIds {
    /// Media identification, RFC 9143 section 15.2.
    pub const MID_URI: &'static str = "urn:ietf:params:rtp-hdrext:sdes:mid";
    /// Time of departure, 24 bits of seconds with 18 after the point.
    pub const ABS_SEND_TIME_URI: &'static str =
        "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time";
    /// Transport-wide sequence number, draft-holmer-rmcat-transport-wide-cc-extensions-01.
    pub const TRANSPORT_SEQUENCE_URI: &'static str =
        "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01";
    /// RTP stream id, RFC 8852 section 4.1.
    pub const STREAM_ID_URI: &'static str = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id";
    /// Repaired RTP stream id, RFC 8852 section 4.2.
    pub const REPAIRED_STREAM_ID_URI: &'static str =
        "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id";

    /// Records the id of `uri`; false if the extension is not known here or the id is 0.
    pub fn set(&mut self, uri: &str, id: u8) -> bool {
        let slot = match uri {
            Self::MID_URI => &mut self.mid,
            Self::ABS_SEND_TIME_URI => &mut self.abs_send_time,
            Self::TRANSPORT_SEQUENCE_URI => &mut self.transport_sequence,
            Self::STREAM_ID_URI => &mut self.stream_id,
            Self::REPAIRED_STREAM_ID_URI => &mut self.repaired_stream_id,
            _ => return false,
        };
        if id != 0 {
            *slot = Some(id);
        }
        id != 0
    }
}

/// The values of the extensions known here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extensions {
    /// The media section the packet belongs to.
    pub mid: Option<Mid>,
    /// Time of departure, see [`abs_send_time`].
    pub abs_send_time: Option<u32>,
    /// Transport-wide sequence number.
    pub transport_sequence: Option<u16>,
}

/// The instant as abs-send-time: seconds modulo 64, 18 bits after the point.
#[must_use]
pub const fn abs_send_time(now: Instant) -> u32 {
    // 2^18 / 10^6, reduced so that the product does not overflow.
    let micros = now.as_micros() % 64_000_000;
    ((micros << 18) / 1_000_000) as u32 & 0x00ff_ffff
}

impl Extensions {
    /// Picks the values that `ids` names; elements of the wrong length are passed over.
    #[must_use]
    pub fn parse(elements: Elements<'_>, ids: &ExtensionIds) -> Self {
        let mut found = Self::default();
        for (id, value) in elements {
            let id = Some(id);
            if id == ids.mid {
                found.mid = Mid::new(value).ok().or(found.mid);
            } else if id == ids.abs_send_time {
                if let [a, b, c] = *value {
                    found.abs_send_time = Some(u32::from_be_bytes([0, a, b, c]));
                }
            } else if id == ids.transport_sequence
                && let [a, b, ..] = *value
            {
                found.transport_sequence = Some(u16::from_be_bytes([a, b]));
            }
        }
        found
    }

    /// Calls `each` with the id and value of everything that is to be written.
    fn for_each<E>(
        &self,
        ids: &ExtensionIds,
        mut each: impl FnMut(u8, &[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        if let (Some(id), Some(value)) = (ids.abs_send_time, self.abs_send_time) {
            let [_, bytes @ ..] = value.to_be_bytes();
            each(id, &bytes)?;
        }
        if let (Some(id), Some(value)) = (ids.transport_sequence, self.transport_sequence) {
            each(id, &value.to_be_bytes())?;
        }
        if let (Some(id), Some(value)) = (ids.mid, &self.mid) {
            each(id, value.as_bytes())?;
        }
        Ok(())
    }

    /// Bytes of all elements without padding, and whether they need the two-byte form: ids above
    /// 14 do.
    fn measure(&self, ids: &ExtensionIds) -> (usize, bool) {
        let (mut count, mut values, mut two_byte) = (0_usize, 0_usize, false);
        let walked: Result<(), core::convert::Infallible> = self.for_each(ids, |id, value| {
            count = count.saturating_add(1);
            values = values.saturating_add(value.len());
            two_byte |= id >= ONE_BYTE_STOP;
            Ok(())
        });
        debug_assert!(walked.is_ok());
        let headers = if two_byte {
            count.saturating_mul(2)
        } else {
            count
        };
        (values.saturating_add(headers), two_byte)
    }

    /// Length of the header extension, its own four bytes and padding included; 0 when there is
    /// nothing to write.
    #[must_use]
    pub fn buffer_len(&self, ids: &ExtensionIds) -> usize {
        match self.measure(ids).0 {
            0 => 0,
            len => len.next_multiple_of(4).saturating_add(4),
        }
    }

    /// Writes the header extension, if there is anything to write.
    ///
    /// # Errors
    /// When it does not fit.
    pub fn emit(&self, ids: &ExtensionIds, writer: &mut Writer<'_>) -> Result<(), BufferTooSmall> {
        let (len, two_byte) = self.measure(ids);
        if len == 0 {
            return Ok(());
        }
        let padded = len.next_multiple_of(4);
        writer.u16(if two_byte { TWO_BYTE } else { ONE_BYTE })?;
        writer.u16((padded / 4) as u16)?;
        self.for_each(ids, |id, value| {
            // At most 16 bytes each, so the length fits either form.
            let len = value.len() as u8;
            if two_byte {
                writer.put(&[id, len])?;
            } else {
                writer.u8(id << 4 | len.wrapping_sub(1) & 0x0f)?;
            }
            writer.put(value)
        })?;
        writer.zeros(padded.saturating_sub(len))
    }
}

/// Iterates the elements of a header extension: id and value. A length that lies ends the walk;
/// the packet itself is unharmed by it (RFC 8285 section 4.1.1).
#[derive(Clone, Debug)]
pub struct Elements<'a> {
    reader: Reader<'a>,
    two_byte: bool,
}

impl<'a> Elements<'a> {
    /// The elements of an extension of this "defined by profile" value; none if it is not
    /// RFC 8285's.
    #[must_use]
    pub const fn new(profile: u16, extension: &'a [u8]) -> Self {
        let two_byte = profile & 0xfff0 == TWO_BYTE;
        let known = two_byte || profile == ONE_BYTE;
        Self {
            reader: Reader::new(if known { extension } else { &[] }),
            two_byte,
        }
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let head = self.reader.u8().ok()?;
            let (id, len) = if self.two_byte {
                if head == 0 {
                    continue; // padding
                }
                (head, usize::from(self.reader.u8().ok()?))
            } else {
                if head == 0 {
                    continue; // padding
                }
                (head >> 4, usize::from(head & 0x0f).wrapping_add(1))
            };
            if !self.two_byte && id == ONE_BYTE_STOP {
                self.reader = Reader::new(&[]);
                return None;
            }
            let Ok(value) = self.reader.take(len) else {
                self.reader = Reader::new(&[]);
                return None;
            };
            // An id of 0 with a length is padding that should not be: its bytes are passed over.
            if id != 0 {
                return Some((id, value));
            }
        }
    }
}
