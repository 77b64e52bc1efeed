//! Packets and chunks on the wire (RFC 9260 section 3, RFC 3758 section 3, RFC 6525 section 3).
//!
//! [`Packet`] and [`Chunk`] are views of the bytes received. What we send is written straight into
//! the caller's buffer by [`PacketWriter`], which pads chunks and fills in the checksum.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use smolrtc_base::{BufferTooSmall, Reader, Truncated, Writer};

use crate::crc32c::crc32c;

/// Bytes of the common header.
pub(crate) const HEADER_LEN: usize = 12;
/// Bytes of a DATA chunk before its payload.
pub(crate) const DATA_HEADER_LEN: usize = 16;

/// Chunk types, IANA "SCTP Chunk Types".
pub(crate) mod kind {
    pub(crate) const DATA: u8 = 0;
    pub(crate) const INIT: u8 = 1;
    pub(crate) const INIT_ACK: u8 = 2;
    pub(crate) const SACK: u8 = 3;
    pub(crate) const HEARTBEAT: u8 = 4;
    pub(crate) const HEARTBEAT_ACK: u8 = 5;
    pub(crate) const ABORT: u8 = 6;
    pub(crate) const SHUTDOWN: u8 = 7;
    pub(crate) const SHUTDOWN_ACK: u8 = 8;
    pub(crate) const ERROR: u8 = 9;
    pub(crate) const COOKIE_ECHO: u8 = 10;
    pub(crate) const COOKIE_ACK: u8 = 11;
    pub(crate) const SHUTDOWN_COMPLETE: u8 = 14;
    pub(crate) const RE_CONFIG: u8 = 130;
    pub(crate) const FORWARD_TSN: u8 = 192;
}

/// Parameter types, IANA "SCTP Chunk Parameter Types".
pub(crate) mod parameter {
    pub(crate) const HEARTBEAT_INFO: u16 = 1;
    pub(crate) const STATE_COOKIE: u16 = 7;
    pub(crate) const UNRECOGNIZED: u16 = 8;
    pub(crate) const OUTGOING_RESET: u16 = 13;
    pub(crate) const INCOMING_RESET: u16 = 14;
    pub(crate) const TSN_RESET: u16 = 15;
    pub(crate) const RECONFIG_RESPONSE: u16 = 16;
    pub(crate) const ADD_OUTGOING: u16 = 17;
    pub(crate) const ADD_INCOMING: u16 = 18;
    pub(crate) const SUPPORTED_EXTENSIONS: u16 = 0x8008;
    pub(crate) const FORWARD_TSN: u16 = 0xc000;
}

/// DATA flags (RFC 9260 section 3.3.1).
pub(crate) mod flag {
    /// Last fragment.
    pub(crate) const END: u8 = 1;
    /// First fragment.
    pub(crate) const BEGIN: u8 = 2;
    /// Delivered without regard to the stream sequence number.
    pub(crate) const UNORDERED: u8 = 4;
    /// The sender wants its SACK at once (section 3.3.1, RFC 7053).
    pub(crate) const IMMEDIATE: u8 = 8;
    /// ABORT and SHUTDOWN COMPLETE: the tag is the receiver's own, reflected.
    pub(crate) const REFLECTED: u8 = 1;
}

/// A packet whose header and checksum were looked at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Packet<'a> {
    pub(crate) source: u16,
    pub(crate) destination: u16,
    pub(crate) tag: u32,
    /// Whether the CRC32c matches.
    pub(crate) intact: bool,
    chunks: &'a [u8],
}

impl<'a> Packet<'a> {
    pub(crate) fn parse(bytes: &'a [u8]) -> Result<Self, Truncated> {
        let mut reader = Reader::new(bytes);
        let source = reader.u16()?;
        let destination = reader.u16()?;
        let tag = reader.u32()?;
        let checksum = u32::from_le_bytes(reader.array()?);
        let chunks = reader.rest();
        let head = bytes.get(..8).ok_or(Truncated)?;
        let intact = crc32c(&[head, &[0; 4], chunks]) == checksum;
        Ok(Self {
            source,
            destination,
            tag,
            intact,
            chunks,
        })
    }

    pub(crate) const fn chunks(&self) -> Chunks<'a> {
        Chunks {
            reader: Reader::new(self.chunks),
        }
    }
}

/// One chunk: its type, flags and value without padding.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Chunk<'a> {
    pub(crate) kind: u8,
    pub(crate) flags: u8,
    pub(crate) value: &'a [u8],
}

/// The chunks of a packet; ends after the first that is malformed.
#[derive(Clone, Debug)]
pub(crate) struct Chunks<'a> {
    reader: Reader<'a>,
}

impl<'a> Iterator for Chunks<'a> {
    type Item = Result<Chunk<'a>, Truncated>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.reader.is_empty() {
            return None;
        }
        let chunk = next_chunk(&mut self.reader);
        if chunk.is_err() {
            self.reader = Reader::new(&[]);
        }
        Some(chunk)
    }
}

fn next_chunk<'a>(reader: &mut Reader<'a>) -> Result<Chunk<'a>, Truncated> {
    let (kind, flags, len) = (reader.u8()?, reader.u8()?, reader.u16()?);
    let value = padded(reader, len)?;
    Ok(Chunk { kind, flags, value })
}

/// The value of a chunk or parameter whose length field, header included, is `len`. The padding
/// of the last one may be missing (RFC 9260 section 3.2: the receiver tolerates it).
fn padded<'a>(reader: &mut Reader<'a>, len: u16) -> Result<&'a [u8], Truncated> {
    let len = usize::from(len).checked_sub(4).ok_or(Truncated)?;
    let value = reader.take(len)?;
    let padding = len.wrapping_neg() & 3;
    reader.skip(padding.min(reader.len()))?;
    Ok(value)
}

/// The type-length-value parameters of a chunk; ends after the first that is malformed.
#[derive(Clone, Debug)]
pub(crate) struct Parameters<'a>(Reader<'a>);

impl<'a> Parameters<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self(Reader::new(bytes))
    }
}

impl<'a> Iterator for Parameters<'a> {
    type Item = Result<(u16, &'a [u8]), Truncated>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let reader = &mut self.0;
        let next = (|| {
            let (kind, len) = (reader.u16()?, reader.u16()?);
            Ok((kind, padded(reader, len)?))
        })();
        if next.is_err() {
            self.0 = Reader::new(&[]);
        }
        Some(next)
    }
}

/// DATA (RFC 9260 section 3.3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Data<'a> {
    pub(crate) flags: u8,
    pub(crate) tsn: u32,
    pub(crate) stream: u16,
    pub(crate) ssn: u16,
    pub(crate) ppid: u32,
    pub(crate) payload: &'a [u8],
}

impl<'a> Data<'a> {
    pub(crate) fn parse(chunk: &Chunk<'a>) -> Result<Self, Truncated> {
        let mut reader = Reader::new(chunk.value);
        Ok(Self {
            flags: chunk.flags,
            tsn: reader.u32()?,
            stream: reader.u16()?,
            ssn: reader.u16()?,
            ppid: reader.u32()?,
            payload: reader.rest(),
        })
    }
}

/// The fixed part of INIT and INIT ACK (RFC 9260 sections 3.3.2, 3.3.3), and what its parameters
/// said that concerns us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Init<'a> {
    pub(crate) tag: u32,
    pub(crate) window: u32,
    pub(crate) outbound_streams: u16,
    pub(crate) inbound_streams: u16,
    pub(crate) initial_tsn: u32,
    pub(crate) forward_tsn: bool,
    pub(crate) reconfig: bool,
    pub(crate) cookie: Option<&'a [u8]>,
    /// The parameters, for reporting those not understood.
    pub(crate) parameters: &'a [u8],
}

impl<'a> Init<'a> {
    pub(crate) fn parse(value: &'a [u8]) -> Result<Self, Truncated> {
        let mut reader = Reader::new(value);
        let mut init = Self {
            tag: reader.u32()?,
            window: reader.u32()?,
            outbound_streams: reader.u16()?,
            inbound_streams: reader.u16()?,
            initial_tsn: reader.u32()?,
            forward_tsn: false,
            reconfig: false,
            cookie: None,
            parameters: reader.rest(),
        };
        for entry in Parameters::new(init.parameters) {
            let (kind, value) = entry?;
            match kind {
                parameter::STATE_COOKIE => init.cookie = Some(value),
                parameter::FORWARD_TSN => init.forward_tsn = true,
                parameter::SUPPORTED_EXTENSIONS => {
                    init.reconfig |= value.contains(&kind::RE_CONFIG);
                    init.forward_tsn |= value.contains(&kind::FORWARD_TSN);
                }
                _ if !is_known(kind) && kind & 0x8000 == 0 => break,
                _ => {}
            }
        }
        Ok(init)
    }

    /// Writes the value of INIT or INIT ACK, up to where further parameters may follow.
    pub(crate) fn emit(&self, writer: &mut Writer<'_>) -> Result<(), BufferTooSmall> {
        writer.u32(self.tag)?;
        writer.u32(self.window)?;
        writer.u16(self.outbound_streams)?;
        writer.u16(self.inbound_streams)?;
        writer.u32(self.initial_tsn)?;
        if self.forward_tsn {
            write_parameter(writer, parameter::FORWARD_TSN, &[])?;
        }
        let extensions: &[u8] = match (self.reconfig, self.forward_tsn) {
            (true, true) => &[kind::RE_CONFIG, kind::FORWARD_TSN],
            (true, false) => &[kind::RE_CONFIG],
            (false, true) => &[kind::FORWARD_TSN],
            (false, false) => &[],
        };
        if !extensions.is_empty() {
            write_parameter(writer, parameter::SUPPORTED_EXTENSIONS, extensions)?;
        }
        if let Some(cookie) = self.cookie {
            write_parameter(writer, parameter::STATE_COOKIE, cookie)?;
        }
        Ok(())
    }

    /// The parameters whose type asks to be reported when it is not understood, as far as the
    /// first that asks to stop (RFC 9260 section 3.2.1).
    pub(crate) fn unrecognized(&self) -> impl Iterator<Item = (u16, &'a [u8])> {
        let mut stopped = false;
        Parameters::new(self.parameters)
            .map_while(Result::ok)
            .filter(|(kind, _)| !is_known(*kind))
            .take_while(move |(kind, _)| {
                let go_on = !stopped;
                stopped |= kind & 0x8000 == 0;
                go_on
            })
            .filter(|(kind, _)| kind & 0x4000 != 0)
    }
}

/// Parameters of INIT and INIT ACK that mean something to us or may be passed over in silence:
/// addresses and their kin have no meaning below DTLS (RFC 8261 section 5).
const fn is_known(kind: u16) -> bool {
    matches!(
        kind,
        5 | 6 | 7 | 8 | 9 | 11 | 12 | 0x8000
            ..=0x8004 | parameter::SUPPORTED_EXTENSIONS | parameter::FORWARD_TSN | 0xc006
    )
}

/// Writes one parameter, after the padding of the one before it: the padding of the last belongs
/// to no length (RFC 9260 section 3.2.1). Chunks start at multiples of 4.
pub(crate) fn write_parameter(
    writer: &mut Writer<'_>,
    kind: u16,
    value: &[u8],
) -> Result<(), BufferTooSmall> {
    let len = value.len().checked_add(4).ok_or(BufferTooSmall)?;
    writer.zeros(writer.len().wrapping_neg() & 3)?;
    writer.u16(kind)?;
    writer.u16(u16::try_from(len).map_err(|_| BufferTooSmall)?)?;
    writer.put(value)
}

/// SACK (RFC 9260 section 3.3.4).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sack<'a> {
    pub(crate) cumulative: u32,
    pub(crate) window: u32,
    gaps: &'a [u8],
}

impl<'a> Sack<'a> {
    pub(crate) fn parse(value: &'a [u8]) -> Result<Self, Truncated> {
        let mut reader = Reader::new(value);
        let (cumulative, window) = (reader.u32()?, reader.u32()?);
        let (gaps, duplicates) = (reader.u16()?, reader.u16()?);
        let gaps = reader.take(usize::from(gaps).wrapping_mul(4))?;
        reader.skip(usize::from(duplicates).wrapping_mul(4))?;
        Ok(Self {
            cumulative,
            window,
            gaps,
        })
    }

    /// A SACK without gaps.
    pub(crate) const fn cumulative_only(cumulative: u32, window: u32) -> Self {
        Self {
            cumulative,
            window,
            gaps: &[],
        }
    }

    /// First and last offset from the cumulative TSN of each gap block.
    pub(crate) fn gaps(&self) -> impl DoubleEndedIterator<Item = (u16, u16)> + 'a {
        let (blocks, _) = self.gaps.as_chunks::<4>();
        blocks
            .iter()
            .map(|&[a, b, c, d]| (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d])))
    }
}

/// FORWARD-TSN (RFC 3758 section 3.2).
#[derive(Clone, Copy, Debug)]
pub(crate) struct ForwardTsn<'a> {
    pub(crate) cumulative: u32,
    streams: &'a [u8],
}

impl<'a> ForwardTsn<'a> {
    pub(crate) fn parse(value: &'a [u8]) -> Result<Self, Truncated> {
        let mut reader = Reader::new(value);
        let cumulative = reader.u32()?;
        Ok(Self {
            cumulative,
            streams: reader.rest(),
        })
    }

    /// Stream identifiers, each with the last sequence number skipped on it.
    pub(crate) fn streams(&self) -> impl Iterator<Item = (u16, u16)> + 'a {
        let (entries, _) = self.streams.as_chunks::<4>();
        entries
            .iter()
            .map(|&[a, b, c, d]| (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d])))
    }
}

/// The Outgoing SSN Reset Request Parameter (RFC 6525 section 4.1).
#[derive(Clone, Copy, Debug)]
pub(crate) struct OutgoingReset<'a> {
    pub(crate) request: u32,
    pub(crate) last_tsn: u32,
    streams: &'a [u8],
}

impl<'a> OutgoingReset<'a> {
    pub(crate) fn parse(value: &'a [u8]) -> Result<Self, Truncated> {
        let mut reader = Reader::new(value);
        let request = reader.u32()?;
        // The response this request rides with, if any, comes as a parameter of its own.
        reader.skip(4)?;
        let last_tsn = reader.u32()?;
        Ok(Self {
            request,
            last_tsn,
            streams: reader.rest(),
        })
    }

    /// The streams to be reset; empty means all.
    pub(crate) fn streams(&self) -> impl ExactSizeIterator<Item = u16> + 'a {
        let (entries, _) = self.streams.as_chunks::<2>();
        entries.iter().map(|pair| u16::from_be_bytes(*pair))
    }
}

/// Fills a caller's buffer with one packet.
#[derive(Debug)]
pub(crate) struct PacketWriter<'a> {
    writer: Writer<'a>,
}

impl<'a> PacketWriter<'a> {
    /// Starts a packet in the first `mtu` bytes of `buf`; `None` if not even a header fits.
    pub(crate) fn new(
        buf: &'a mut [u8],
        mtu: usize,
        source: u16,
        destination: u16,
        tag: u32,
    ) -> Option<Self> {
        let len = buf.len().min(mtu);
        let mut writer = Writer::new(buf.get_mut(..len)?);
        writer.u16(source).ok()?;
        writer.u16(destination).ok()?;
        writer.u32(tag).ok()?;
        writer.u32(0).ok()?;
        Some(Self { writer })
    }

    /// Bytes of a chunk value that still fit behind its 4-byte header, unpadded.
    pub(crate) fn room(&self) -> usize {
        (self.writer.remaining() & !3).saturating_sub(4)
    }

    /// Whether no chunk was written yet.
    pub(crate) const fn is_empty(&self) -> bool {
        self.writer.len() <= HEADER_LEN
    }

    /// Writes a chunk whose value is what `body` writes. A chunk that does not fit leaves the
    /// packet unfinished: ask [`room`](Self::room) first.
    pub(crate) fn chunk(
        &mut self,
        kind: u8,
        flags: u8,
        body: impl FnOnce(&mut Writer<'_>) -> Result<(), BufferTooSmall>,
    ) -> Result<(), BufferTooSmall> {
        let writer = &mut self.writer;
        let start = writer.len();
        writer.u8(kind)?;
        writer.u8(flags)?;
        writer.u16(0)?;
        body(writer)?;
        let len = writer.len().saturating_sub(start);
        let len16 = u16::try_from(len).map_err(|_| BufferTooSmall)?;
        writer.patch_u16(start.saturating_add(2), len16)?;
        writer.zeros(len.wrapping_neg() & 3)
    }

    /// Fills in the checksum; the length of the packet.
    pub(crate) fn finish(mut self) -> usize {
        let sum = crc32c(&[self.writer.written()]);
        // The header was written in `new`, so the field is there.
        let _ = self.writer.patch(8, &sum.to_le_bytes());
        self.writer.len()
    }
}

#[cfg(test)]
mod tests;
