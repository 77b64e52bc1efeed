//! Cuts a stored frame into RTP payloads once, and writes any of them again and again.

use super::annexb::{Nal, NalUnits, is_annexb};
use super::vp8;
use crate::Codec;
use core::fmt;
use smolrtc_base::{BufferTooSmall, Writer};

/// Smallest `max_payload` that [`plan`] accepts: the longest fragment header and one byte.
pub const MIN_MAX_PAYLOAD: usize = 4;

/// One RTP payload, in terms of the frame's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PacketPlan {
    /// Where the payload's part of the frame begins.
    pub offset: u32,
    /// Length of that part, bytes.
    pub len: u32,
    /// How the payload is made of it.
    pub kind: PacketKind,
    /// Length of the payload that [`emit`] writes, bytes.
    pub payload_len: u16,
    /// The RTP marker bit: the last packet of a video frame.
    pub marker: bool,
}

/// How a payload is made of a part of the frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PacketKind {
    /// The part as it is: a single NAL unit, an audio frame.
    Whole,
    /// The first `header_len` bytes of `header`, then the part: FU-A and FU, and every VP8 packet.
    Fragment {
        /// The payload format's header.
        header: [u8; 3],
        /// How many bytes of it count, 1..=3.
        header_len: u8,
    },
    /// The part holds several NAL units with start codes between them, which become one STAP-A
    /// (RFC 6184 section 5.7.1) or aggregation packet (RFC 7798 section 4.4.2).
    Aggregate,
}

/// Why a frame cannot be cut into packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PlanError {
    /// `max_payload` is below [`MIN_MAX_PAYLOAD`].
    MaxPayloadTooSmall,
    /// The frame has no bytes.
    Empty,
    /// An H.264 or H.265 frame does not begin with a start code: it is perhaps in the
    /// length-prefixed form of MP4.
    NotAnnexB,
    /// The frame holds nothing that can be sent.
    NoNalUnit,
    /// An audio frame is longer than one packet, which it must not span (RFC 7587 section 4.2), or
    /// any frame is longer than 4 GiB.
    FrameTooLong,
    /// The place where plans are kept is full: the frame has more packets than it may.
    TooManyPackets,
}

impl fmt::Display for PlanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::MaxPayloadTooSmall => "the payload limit leaves no room for a fragment header",
            Self::Empty => "the frame is empty",
            Self::NotAnnexB => "the frame does not begin with an Annex B start code",
            Self::NoNalUnit => "the frame holds no NAL unit that can be sent",
            Self::FrameTooLong => "the frame is longer than its payload format allows",
            Self::TooManyPackets => "the frame needs more packets than may be kept",
        })
    }
}

impl core::error::Error for PlanError {}

/// Cuts `frame` into payloads of at most `max_payload` bytes and hands each to `out`, in order.
///
/// NAL units that fit are sent whole, neighbours together where they fit one packet; longer ones
/// become fragments of equal length but for the last, which may be shorter. NAL unit types that
/// the payload format uses for itself cannot be told apart on the wire and are left out. Nothing
/// is allocated; the work is one pass over the frame.
///
/// # Errors
/// [`PlanError`], the callback's own included; plans handed out before the error are void.
pub fn plan(
    codec: Codec,
    frame: &[u8],
    max_payload: usize,
    out: &mut impl FnMut(PacketPlan) -> Result<(), PlanError>,
) -> Result<(), PlanError> {
    if max_payload < MIN_MAX_PAYLOAD {
        return Err(PlanError::MaxPayloadTooSmall);
    }
    if frame.is_empty() {
        return Err(PlanError::Empty);
    }
    if u32::try_from(frame.len()).is_err() {
        return Err(PlanError::FrameTooLong);
    }
    let max = max_payload.min(usize::from(u16::MAX));
    match codec {
        Codec::H264 => plan_nal_units(&H264, frame, max, out),
        Codec::H265 => plan_nal_units(&H265, frame, max, out),
        Codec::Vp8 => plan_vp8(frame, max, out),
        Codec::Opus | Codec::Pcmu | Codec::Pcma if frame.len() > max => {
            Err(PlanError::FrameTooLong)
        }
        // The marker bit would announce the first packet after silence (RFC 3551 section 4.1);
        // a camera's microphone is never silent.
        Codec::Opus | Codec::Pcmu | Codec::Pcma => {
            out(whole(0, frame.len(), /* marker */ false))
        }
    }
}

/// Writes the payload that `plan` describes to the front of `out` and returns its length, which
/// is `plan.payload_len`. `frame` must be the bytes that were planned.
///
/// # Errors
/// When `out` is shorter than the payload, or `frame` shorter than what was planned.
pub fn emit(
    codec: Codec,
    plan: &PacketPlan,
    frame: &[u8],
    out: &mut [u8],
) -> Result<usize, BufferTooSmall> {
    let begin = plan.offset as usize;
    let end = begin.checked_add(plan.len as usize).ok_or(BufferTooSmall)?;
    let part = frame.get(begin..end).ok_or(BufferTooSmall)?;
    let mut writer = Writer::new(out);
    match plan.kind {
        PacketKind::Whole => writer.put(part)?,
        PacketKind::Fragment { header, header_len } => {
            let header = header.get(..usize::from(header_len));
            writer.put(header.ok_or(BufferTooSmall)?)?;
            writer.put(part)?;
        }
        PacketKind::Aggregate => {
            let units = NalUnits::from_first_unit(part);
            match codec {
                Codec::H265 => emit_aggregate(&H265, units, &mut writer)?,
                _ => emit_aggregate(&H264, units, &mut writer)?,
            }
        }
    }
    Ok(writer.len())
}

/// Whether decoding can begin with this frame: it holds an IDR picture (H.264), an IRAP picture
/// (H.265) or a VP8 key frame. Always true for audio.
#[must_use]
pub fn is_key_frame(codec: Codec, frame: &[u8]) -> bool {
    match codec {
        Codec::H264 => any_unit(frame, |nal| h264_type(nal) == H264_IDR),
        Codec::H265 => any_unit(frame, |nal| H265_IRAP.contains(&h265_type(nal))),
        Codec::Vp8 => vp8::is_key_frame(frame),
        Codec::Opus | Codec::Pcmu | Codec::Pcma => true,
    }
}

/// Whether a viewer can be spared this frame without harm to any later one.
///
/// H.264: every slice has `nal_ref_idc` 0. H.265: every slice is of a sub-layer non-reference
/// picture (`_N` types; encoders mark so only pictures of the highest temporal layer). VP8: the
/// frame updates no reference buffer and no persistent state. Audio: never.
#[must_use]
pub fn is_discardable(codec: Codec, frame: &[u8]) -> bool {
    match codec {
        // A parameter set that rides along would be lost with the frame.
        Codec::H264 => only_spare_slices(frame, |nal| match h264_type(nal) {
            1..=5 => Some(first_byte(nal) & 0x60 == 0),
            kind => (matches!(kind, 7 | 8 | 13 | 15)).then_some(false),
        }),
        Codec::H265 => only_spare_slices(frame, |nal| match h265_type(nal) {
            kind @ 0..32 => Some(kind <= 14 && kind % 2 == 0),
            kind => (matches!(kind, 32..=34)).then_some(false),
        }),
        Codec::Vp8 => vp8::is_discardable(frame),
        Codec::Opus | Codec::Pcmu | Codec::Pcma => false,
    }
}

const H264_IDR: u8 = 5;
/// BLA, IDR and CRA pictures and the reserved IRAP types.
const H265_IRAP: core::ops::RangeInclusive<u8> = 16..=23;

fn any_unit(frame: &[u8], test: impl FnMut(&[u8]) -> bool) -> bool {
    NalUnits::new(frame).map(|nal| nal.bytes).any(test)
}

/// Whether there are slices and nothing that anybody needs. `spare` tells of a unit whether it can be
/// spared; `None` if it does not matter.
fn only_spare_slices(frame: &[u8], spare: impl Fn(&[u8]) -> Option<bool>) -> bool {
    let mut slices = false;
    for nal in NalUnits::new(frame) {
        match spare(nal.bytes) {
            Some(true) => slices = true,
            Some(false) => return false,
            None => {}
        }
    }
    slices
}

fn first_byte(nal: &[u8]) -> u8 {
    nal.first().copied().unwrap_or(0)
}

fn h264_type(nal: &[u8]) -> u8 {
    first_byte(nal) & 0x1f
}

fn h265_type(nal: &[u8]) -> u8 {
    (first_byte(nal) >> 1) & 0x3f
}

/// What H.264 and H.265 payloads differ in.
struct NalFormat {
    /// Bytes of a NAL unit's header.
    header_len: usize,
    /// Whether the unit's type means the same on the wire as in the stream.
    sendable: fn(&[u8]) -> bool,
    /// The header of a fragment without start and end bit: its bytes, and how many.
    fragment_header: fn(&[u8]) -> ([u8; 3], u8),
    /// Folds one more unit's header into the header of an aggregate.
    fold_aggregate_header: fn([u8; 2], &[u8]) -> [u8; 2],
    /// The fold's beginning.
    aggregate_header: [u8; 2],
}

/// RFC 6184: FU-A (28) in section 5.8, STAP-A (24) in section 5.7.1, whose F bit is the OR and
/// whose NRI is the maximum of its units' (section 5.7).
const H264: NalFormat = NalFormat {
    header_len: 1,
    sendable: |nal| matches!(h264_type(nal), 1..=23),
    fragment_header: |nal| {
        let indicator = (first_byte(nal) & 0xe0) | 28;
        ([indicator, h264_type(nal), 0], 2)
    },
    fold_aggregate_header: |[header, _], nal| {
        let forbidden = (header | first_byte(nal)) & 0x80;
        let nri = (header & 0x60).max(first_byte(nal) & 0x60);
        [forbidden | nri | 24, 0]
    },
    aggregate_header: [24, 0],
};

/// RFC 7798: FU (49) in section 4.4.3, AP (48) in section 4.4.2, whose F bit is the OR and whose
/// LayerId and TID are the lowest of its units'.
const H265: NalFormat = NalFormat {
    header_len: 2,
    sendable: |nal| nal.len() >= 2 && h265_type(nal) < 48,
    fragment_header: |nal| {
        let first = (first_byte(nal) & 0x81) | (49 << 1);
        let second = nal.get(1).copied().unwrap_or(0);
        ([first, second, h265_type(nal)], 3)
    },
    fold_aggregate_header: |[first, second], nal| {
        let header = u16::from_be_bytes([first, second]);
        let unit = u16::from_be_bytes([first_byte(nal), nal.get(1).copied().unwrap_or(0)]);
        let layer = (header & 0x01f8).min(unit & 0x01f8);
        let tid = (header & 7).min(unit & 7);
        let forbidden = (header | unit) & 0x8000;
        (forbidden | (48 << 9) | layer | tid).to_be_bytes()
    },
    aggregate_header: [(48 << 1) | 1, 0xff],
};

const START: u8 = 0x80;
const END: u8 = 0x40;

/// Neighbouring NAL units on their way into one packet.
struct Group {
    begin: usize,
    end: usize,
    /// Length of the payload if they are sent together.
    aggregate_len: usize,
    units: usize,
}

impl Group {
    fn plan(&self, marker: bool) -> PacketPlan {
        let len = self.end.saturating_sub(self.begin);
        if self.units == 1 {
            return whole(self.begin, len, marker);
        }
        PacketPlan {
            offset: self.begin as u32,
            len: len as u32,
            kind: PacketKind::Aggregate,
            payload_len: self.aggregate_len as u16,
            marker,
        }
    }
}

fn plan_nal_units(
    format: &NalFormat,
    frame: &[u8],
    max: usize,
    out: &mut impl FnMut(PacketPlan) -> Result<(), PlanError>,
) -> Result<(), PlanError> {
    if !is_annexb(frame) {
        return Err(PlanError::NotAnnexB);
    }
    let mut units = NalUnits::new(frame)
        .filter(|nal| (format.sendable)(nal.bytes))
        .peekable();
    if units.peek().is_none() {
        return Err(PlanError::NoNalUnit);
    }
    let mut group: Option<Group> = None;
    while let Some(nal) = units.next() {
        let with_length = nal.bytes.len().saturating_add(2);
        if let Some(group) = &mut group
            && group.aggregate_len.saturating_add(with_length) <= max
            // It must not reach over a unit that was left out.
            && only_start_code(frame, group.end, nal.offset)
        {
            group.end = nal.end();
            group.aggregate_len = group.aggregate_len.saturating_add(with_length);
            group.units = group.units.saturating_add(1);
            continue;
        }
        if let Some(group) = group.take() {
            out(group.plan(false))?;
        }
        if nal.bytes.len() > max {
            plan_fragments(format, &nal, max, units.peek().is_none(), out)?;
        } else {
            group = Some(Group {
                begin: nal.offset,
                end: nal.end(),
                aggregate_len: format.header_len.saturating_add(with_length),
                units: 1,
            });
        }
    }
    match group {
        Some(group) => out(group.plan(true)),
        None => Ok(()),
    }
}

/// Whether nothing but zeros and one start code lies between two units.
fn only_start_code(frame: &[u8], end: usize, begin: usize) -> bool {
    match frame.get(end..begin) {
        Some([zeros @ .., 1]) => zeros.iter().all(|byte| *byte == 0),
        _ => false,
    }
}

fn plan_fragments(
    format: &NalFormat,
    nal: &Nal<'_>,
    max: usize,
    last_unit: bool,
    out: &mut impl FnMut(PacketPlan) -> Result<(), PlanError>,
) -> Result<(), PlanError> {
    let (header, header_len) = (format.fragment_header)(nal.bytes);
    let room = max.saturating_sub(usize::from(header_len));
    // The unit's own header is carried by the fragment headers.
    let begin = nal.offset.saturating_add(format.header_len);
    let flags_at = usize::from(header_len).saturating_sub(1);
    fragments(begin, nal.end(), room, |offset, len, first, last| {
        let mut header = header;
        if let Some(flags) = header.get_mut(flags_at) {
            *flags |= if first { START } else { 0 } | if last { END } else { 0 };
        }
        out(fragment(offset, len, header, header_len, last && last_unit))
    })
}

fn plan_vp8(
    frame: &[u8],
    max: usize,
    out: &mut impl FnMut(PacketPlan) -> Result<(), PlanError>,
) -> Result<(), PlanError> {
    let descriptor = vp8::descriptor(is_discardable(Codec::Vp8, frame));
    let room = max.saturating_sub(1);
    fragments(0, frame.len(), room, |offset, len, first, last| {
        let start = if first { vp8::START_OF_PARTITION } else { 0 };
        out(fragment(offset, len, [descriptor | start, 0, 0], 1, last))
    })
}

/// Cuts `begin..end` into the fewest pieces of at most `room` bytes, all of one length but for
/// the last: equal datagrams can leave in one system call.
fn fragments(
    begin: usize,
    end: usize,
    room: usize,
    mut out: impl FnMut(usize, usize, bool, bool) -> Result<(), PlanError>,
) -> Result<(), PlanError> {
    let total = end.saturating_sub(begin);
    let size = total.div_ceil(total.div_ceil(room.max(1)).max(1)).max(1);
    let mut at = begin;
    while at < end {
        let len = size.min(end.saturating_sub(at));
        let next = at.saturating_add(len);
        out(at, len, at == begin, next == end)?;
        at = next;
    }
    Ok(())
}

const fn whole(offset: usize, len: usize, marker: bool) -> PacketPlan {
    PacketPlan {
        offset: offset as u32,
        len: len as u32,
        kind: PacketKind::Whole,
        payload_len: len as u16,
        marker,
    }
}

const fn fragment(
    offset: usize,
    len: usize,
    header: [u8; 3],
    header_len: u8,
    marker: bool,
) -> PacketPlan {
    PacketPlan {
        offset: offset as u32,
        len: len as u32,
        kind: PacketKind::Fragment { header, header_len },
        payload_len: len.saturating_add(header_len as usize) as u16,
        marker,
    }
}

fn emit_aggregate(
    format: &NalFormat,
    units: NalUnits<'_>,
    writer: &mut Writer<'_>,
) -> Result<(), BufferTooSmall> {
    let mut header = format.aggregate_header;
    let at = writer.len();
    writer.zeros(format.header_len)?;
    for nal in units {
        header = (format.fold_aggregate_header)(header, nal.bytes);
        writer.u16(u16::try_from(nal.bytes.len()).map_err(|_| BufferTooSmall)?)?;
        writer.put(nal.bytes)?;
    }
    writer.patch(at, header.get(..format.header_len).unwrap_or(&header))
}
