//! Writes compound packets.

use super::feedback::REMB;
use super::report::{ReportBlock, SenderInfo};
use super::transport::{DELTA_TICK_MICROS, REFERENCE_TICK_MICROS};
use super::{
    BLOCK_DLRR, EXTENDED_REPORT, FMT_APPLICATION, FMT_FIR, FMT_NACK, FMT_PLI, FMT_TRANSPORT_WIDE,
    GOODBYE, PAYLOAD_SPECIFIC, RECEIVER_REPORT, SENDER_REPORT, SOURCE_DESCRIPTION, TRANSPORT_LAYER,
};
use crate::Ssrc;
use smolrtc_base::{BufferTooSmall, Instant, Writer};

/// Appends RTCP packets to a caller's buffer.
///
/// Each method writes its packet whole or leaves the buffer as it was. A full compound begins
/// with a report and holds a source description (RFC 3550 section 6.1); a reduced-size one
/// (RFC 5506), agreed with `a=rtcp-rsize`, need not.
#[derive(Debug)]
pub struct Compound<'a> {
    buf: &'a mut [u8],
    len: usize,
}

/// The five-bit count of the common header.
const MAX_COUNT: usize = 31;

impl<'a> Compound<'a> {
    /// An empty compound at the front of `buf`.
    #[must_use]
    pub const fn new(buf: &'a mut [u8]) -> Self {
        Self { buf, len: 0 }
    }

    /// Bytes written.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether nothing was written.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Bytes that still fit.
    #[must_use]
    pub const fn remaining(&self) -> usize {
        self.buf.len().saturating_sub(self.len)
    }

    /// Writes one packet: header, what `body` writes, padding to 32 bits with zeros; `body`
    /// returns the five bits.
    fn packet(
        &mut self,
        packet_type: u8,
        body: impl FnOnce(&mut Writer<'_>) -> Result<u8, BufferTooSmall>,
    ) -> Result<(), BufferTooSmall> {
        let mut writer = Writer::new(self.buf.get_mut(self.len..).ok_or(BufferTooSmall)?);
        writer.put(&[0x80, packet_type, 0, 0])?;
        let format = body(&mut writer)?;
        let len = writer.len();
        writer.zeros(len.next_multiple_of(4).saturating_sub(len))?;
        let words = (writer.len() / 4).saturating_sub(1);
        writer.patch(0, &[0x80 | format & 0x1f])?;
        writer.patch_u16(2, u16::try_from(words).map_err(|_| BufferTooSmall)?)?;
        self.len = self.len.saturating_add(writer.len());
        Ok(())
    }

    /// A sender report; at most 31 blocks are written.
    ///
    /// # Errors
    /// When it does not fit, as for every method here.
    pub fn sender_report(
        &mut self,
        info: &SenderInfo,
        blocks: impl IntoIterator<Item = ReportBlock>,
    ) -> Result<(), BufferTooSmall> {
        self.packet(SENDER_REPORT, |writer| {
            info.emit(writer)?;
            emit_blocks(writer, blocks)
        })
    }

    /// A receiver report; at most 31 blocks are written.
    pub fn receiver_report(
        &mut self,
        sender: Ssrc,
        blocks: impl IntoIterator<Item = ReportBlock>,
    ) -> Result<(), BufferTooSmall> {
        self.packet(RECEIVER_REPORT, |writer| {
            writer.u32(sender.0)?;
            emit_blocks(writer, blocks)
        })
    }

    /// A source description with the canonical name, cut off after 255 bytes.
    pub fn cname(&mut self, ssrc: Ssrc, cname: &[u8]) -> Result<(), BufferTooSmall> {
        self.packet(SOURCE_DESCRIPTION, |writer| {
            let text = cname.get(..255).unwrap_or(cname);
            writer.u32(ssrc.0)?;
            writer.put(&[1, text.len() as u8])?;
            writer.put(text)?;
            writer.u8(0)?; // ends the chunk, and is always there
            Ok(1)
        })
    }

    /// A goodbye of at most 31 sources.
    pub fn bye(&mut self, sources: impl IntoIterator<Item = Ssrc>) -> Result<(), BufferTooSmall> {
        self.packet(GOODBYE, |writer| {
            let mut count = 0_u8;
            for ssrc in sources.into_iter().take(MAX_COUNT) {
                writer.u32(ssrc.0)?;
                count = count.wrapping_add(1);
            }
            Ok(count)
        })
    }

    /// Asks for packets again. Numbers that lie within 16 of each other share an entry if they
    /// come in ascending order.
    pub fn nack(
        &mut self,
        sender: Ssrc,
        media: Ssrc,
        missing: impl IntoIterator<Item = u16>,
    ) -> Result<(), BufferTooSmall> {
        self.packet(TRANSPORT_LAYER, |writer| {
            writer.u32(sender.0)?;
            writer.u32(media.0)?;
            let mut entry: Option<(u16, u16)> = None;
            for sequence in missing {
                if let Some((first, bitmask)) = &mut entry {
                    let distance = sequence.wrapping_sub(*first);
                    if distance == 0 {
                        continue;
                    }
                    if distance <= 16 {
                        *bitmask |= 1 << distance.wrapping_sub(1);
                        continue;
                    }
                    writer.u16(*first)?;
                    writer.u16(*bitmask)?;
                }
                entry = Some((sequence, 0));
            }
            if let Some((first, bitmask)) = entry {
                writer.u16(first)?;
                writer.u16(bitmask)?;
            }
            Ok(FMT_NACK)
        })
    }

    /// Asks for a key frame (RFC 4585 section 6.3.1).
    pub fn pli(&mut self, sender: Ssrc, media: Ssrc) -> Result<(), BufferTooSmall> {
        self.packet(PAYLOAD_SPECIFIC, |writer| {
            writer.u32(sender.0)?;
            writer.u32(media.0)?;
            Ok(FMT_PLI)
        })
    }

    /// Tells `receiver` that its reference time, of which `last` are the middle 32 bits, came
    /// `delay` / 65,536 s ago (RFC 3611 section 4.5).
    pub fn reference_time_answer(
        &mut self,
        sender: Ssrc,
        receiver: Ssrc,
        last: u32,
        delay: u32,
    ) -> Result<(), BufferTooSmall> {
        self.packet(EXTENDED_REPORT, |writer| {
            writer.u32(sender.0)?;
            writer.put(&[BLOCK_DLRR, 0, 0, 3])?;
            writer.u32(receiver.0)?;
            writer.u32(last)?;
            writer.u32(delay)?;
            Ok(0)
        })
    }

    /// Asks for a key frame of one stream (RFC 5104 section 4.3.1). `sequence_number` goes up by
    /// one with each new request and stays with a repetition.
    pub fn fir(
        &mut self,
        sender: Ssrc,
        media: Ssrc,
        sequence_number: u8,
    ) -> Result<(), BufferTooSmall> {
        self.packet(PAYLOAD_SPECIFIC, |writer| {
            writer.u32(sender.0)?;
            writer.u32(0)?;
            writer.u32(media.0)?;
            writer.put(&[sequence_number, 0, 0, 0])?;
            Ok(FMT_FIR)
        })
    }

    /// The bit rate, bits per second, that the sources may use together; rounded down to what 18
    /// bits of mantissa hold.
    pub fn remb(
        &mut self,
        sender: Ssrc,
        bitrate: u64,
        sources: impl IntoIterator<Item = Ssrc>,
    ) -> Result<(), BufferTooSmall> {
        self.packet(PAYLOAD_SPECIFIC, |writer| {
            writer.u32(sender.0)?;
            writer.u32(0)?;
            writer.put(&REMB)?;
            let exponent = 46_u32.saturating_sub(bitrate.leading_zeros());
            let at = writer.len();
            writer.u8(0)?;
            writer.u24(exponent << 18 | (bitrate >> exponent) as u32)?;
            let mut count = 0_u8;
            for ssrc in sources.into_iter().take(usize::from(u8::MAX)) {
                writer.u32(ssrc.0)?;
                count = count.wrapping_add(1);
            }
            writer.patch(at, &[count])?;
            Ok(FMT_APPLICATION)
        })
    }

    /// Reports arrivals by transport-wide sequence number: of `base`, `base + 1`, …, as many as
    /// `arrivals` yields, `None` for what did not arrive. `arrivals` is walked twice.
    ///
    /// At least one must have arrived, for it gives the reference time. The report ends early when
    /// a delta does not fit 16 bits (8 s), before a packet that does not fit the buffer, and
    /// after 65,535 packets. Returns how many packets were reported of.
    pub fn transport_feedback<I>(
        &mut self,
        sender: Ssrc,
        media: Ssrc,
        feedback_count: u8,
        base: u16,
        arrivals: I,
    ) -> Result<u16, BufferTooSmall>
    where
        I: Iterator<Item = Option<Instant>> + Clone,
    {
        let mut count = 0;
        // What is left after the header, less up to three bytes of padding.
        let room = self.remaining().saturating_sub(20).saturating_sub(3);
        self.packet(TRANSPORT_LAYER, |writer| {
            let first = arrivals.clone().flatten().next().ok_or(BufferTooSmall)?;
            let reference = first.as_micros() as i64 / REFERENCE_TICK_MICROS;
            writer.u32(sender.0)?;
            writer.u32(media.0)?;
            writer.u16(base)?;
            let count_at = writer.len();
            writer.u16(0)?;
            writer.u24(reference as u32)?;
            writer.u8(feedback_count)?;
            let deltas = Deltas {
                arrivals,
                ticks: reference.wrapping_mul(REFERENCE_TICK_MICROS / DELTA_TICK_MICROS),
            };
            count = emit_chunks(writer, deltas.clone(), room)?;
            if count == 0 {
                return Err(BufferTooSmall);
            }
            for delta in deltas.take(usize::from(count)).flatten() {
                match u8::try_from(delta) {
                    Ok(small) => writer.u8(small)?,
                    Err(_) => writer.u16(delta as u16)?,
                }
            }
            writer.patch_u16(count_at, count)?;
            Ok(FMT_TRANSPORT_WIDE)
        })?;
        Ok(count)
    }
}

fn emit_blocks(
    writer: &mut Writer<'_>,
    blocks: impl IntoIterator<Item = ReportBlock>,
) -> Result<u8, BufferTooSmall> {
    let mut count = 0_u8;
    for block in blocks.into_iter().take(MAX_COUNT) {
        block.emit(writer)?;
        count = count.wrapping_add(1);
    }
    Ok(count)
}

/// Turns arrival times into differences; ends where one does not fit.
#[derive(Clone)]
struct Deltas<I> {
    arrivals: I,
    /// Where the peer's sum of differences stands: rounding does not add up.
    ticks: i64,
}

impl<I: Iterator<Item = Option<Instant>>> Iterator for Deltas<I> {
    type Item = Option<i16>;

    fn next(&mut self) -> Option<Option<i16>> {
        let Some(arrival) = self.arrivals.next()? else {
            return Some(None);
        };
        let ticks = arrival.as_micros() as i64 / DELTA_TICK_MICROS;
        let delta = i16::try_from(ticks.wrapping_sub(self.ticks)).ok()?;
        self.ticks = ticks;
        Some(Some(delta))
    }
}

const NOT_RECEIVED: u16 = 0;
const SMALL: u16 = 1;
const LARGE: u16 = 2;

/// Symbols of the 2-bit vector; a run of more is cheaper as a run.
const WIDE: usize = 7;
/// Symbols of the 1-bit vector.
const NARROW: usize = 14;

/// Writes status chunks until the symbols end or the room for chunks and deltas does. Returns the
/// number of packets covered.
fn emit_chunks(
    writer: &mut Writer<'_>,
    deltas: impl Iterator<Item = Option<i16>>,
    room: usize,
) -> Result<u16, BufferTooSmall> {
    let mut symbols = deltas.map(|delta| match delta {
        None => NOT_RECEIVED,
        Some(0..=255) => SMALL,
        Some(_) => LARGE,
    });
    let mut count = 0_u16;
    let mut used = 0_usize;
    // A window of the next symbols, refilled as chunks take from its front.
    let (mut window, mut filled) = ([0_u16; NARROW], 0_usize);
    loop {
        while filled < NARROW
            && let Some(symbol) = symbols.next()
        {
            if let Some(slot) = window.get_mut(filled) {
                *slot = symbol;
            }
            filled = filled.saturating_add(1);
        }
        let ready = window.get(..filled).unwrap_or(&[]);
        let Some(first) = ready.first().copied() else {
            return Ok(count);
        };
        let same = ready.iter().take_while(|symbol| **symbol == first).count();
        let narrow = !ready.contains(&LARGE);
        let take = if same >= WIDE || same == filled {
            same
        } else if narrow {
            filled.min(NARROW)
        } else {
            filled.min(WIDE)
        };
        // Two bytes of chunk and the deltas of what it covers.
        let bytes = ready.iter().take(take).fold(2, |sum: usize, symbol| {
            sum.saturating_add(usize::from(*symbol))
        });
        let covered = count.checked_add(take as u16);
        let (Some(covered), true) = (covered, used.saturating_add(bytes) <= room) else {
            return Ok(count);
        };
        let mut run = take as u16;
        if take == same {
            // The run may go on beyond the window.
            let mut beyond = 0_u16;
            let mut next = None;
            if take == filled {
                let more = usize::from(0x1fff_u16.saturating_sub(run));
                for symbol in symbols.by_ref().take(more) {
                    let grown = usize::from(first)
                        .saturating_mul(usize::from(beyond).saturating_add(1))
                        .saturating_add(used)
                        .saturating_add(bytes);
                    if symbol != first
                        || grown > room
                        || covered
                            .checked_add(beyond)
                            .is_none_or(|sum| sum == u16::MAX)
                    {
                        next = Some(symbol);
                        break;
                    }
                    beyond = beyond.saturating_add(1);
                }
            }
            run = run.saturating_add(beyond);
            writer.u16(first << 13 | run)?;
            used = used.saturating_add(usize::from(first).saturating_mul(usize::from(beyond)));
            count = covered.saturating_add(beyond);
            shift(&mut window, &mut filled, take);
            if let Some(symbol) = next {
                if let Some(slot) = window.get_mut(filled) {
                    *slot = symbol;
                }
                filled = filled.saturating_add(1);
            }
        } else {
            let (width, marker) = if narrow { (1, 0x8000) } else { (2, 0xc000) };
            let mut shift_by = 14_u16;
            let mut word = marker;
            for symbol in ready.iter().take(take) {
                shift_by = shift_by.wrapping_sub(width);
                word |= symbol << shift_by;
            }
            writer.u16(word)?;
            count = covered;
            shift(&mut window, &mut filled, take);
        }
        used = used.saturating_add(bytes);
    }
}

fn shift(window: &mut [u16; NARROW], filled: &mut usize, by: usize) {
    window.copy_within(by.min(NARROW).., 0);
    *filled = filled.saturating_sub(by);
}
