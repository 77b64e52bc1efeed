//! Ogg (RFC 3533) with Opus (RFC 7845).

use crate::Error;
use alloc::vec::Vec;
use core::{ops::Range, time::Duration};

const PAGE_HEADER: usize = 27;
/// RFC 7845 section 6: larger packets need not be supported.
const MAX_PACKET: usize = 61_440;
const SAMPLES_PER_SECOND: u64 = 48_000;

/// How long an Opus packet lasts; `None` if it is no valid packet (RFC 6716 section 3.1 and 3.2).
#[must_use]
pub fn packet_duration(packet: &[u8]) -> Option<Duration> {
    samples(packet).map(time)
}

/// Samples at 48 kHz that an Opus packet holds.
fn samples(packet: &[u8]) -> Option<u64> {
    let [toc, rest @ ..] = packet else {
        return None;
    };
    let config = toc >> 3;
    let per_frame: u64 = match (config, config & 3) {
        (0..=11, 0) => 480,
        (0..=11, 1) => 960,
        (0..=11, 2) => 1_920,
        (0..=11, _) => 2_880,
        (12..=15, low) => {
            if low & 1 == 0 {
                480
            } else {
                960
            }
        }
        (_, 0) => 120,
        (_, 1) => 240,
        (_, 2) => 480,
        (_, _) => 960,
    };
    let frames = match toc & 3 {
        0 => 1,
        1 | 2 => 2,
        _ => u64::from(rest.first()? & 0x3f),
    };
    let samples = per_frame.checked_mul(frames)?;
    // At most 120 ms.
    (1..=5_760).contains(&samples).then_some(samples)
}

fn time(samples: u64) -> Duration {
    let nanos = samples
        .saturating_mul(1_000_000)
        .checked_div(SAMPLES_PER_SECOND / 1_000);
    Duration::from_nanos(nanos.unwrap_or(0))
}

/// A packet: in the file when it lies in one piece, else in the cursor's buffer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OggPacket {
    pub(crate) place: Place,
    pub(crate) pts: Duration,
    pub(crate) duration: Duration,
}

/// Where the bytes of a packet are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    File(Range<usize>),
    Buffer,
}

/// A page under way: its segment table and body.
#[derive(Clone, Debug, Default)]
struct Page {
    begin: usize,
    table: Range<usize>,
    /// Where the next packet's bytes begin.
    body: usize,
}

/// Walks over the packets of the first Opus stream.
#[derive(Clone, Debug)]
pub(crate) struct Cursor {
    serial: u32,
    /// Where the audio pages begin.
    audio: usize,
    at: usize,
    page: Page,
    /// Samples handed out.
    samples: u64,
    buffer: Vec<u8>,
}

impl Cursor {
    pub(crate) fn open(bytes: &[u8]) -> Result<Self, Error> {
        let mut cursor = Self {
            serial: 0,
            audio: 0,
            at: 0,
            page: Page::default(),
            samples: 0,
            buffer: Vec::new(),
        };
        // RFC 7845 section 3: the identification header is alone on the first page of its stream.
        loop {
            let header = Header::read(bytes, cursor.at)?.ok_or(Error::NotOpus)?;
            if !header.first {
                return Err(Error::NotOpus);
            }
            cursor.at = header.end;
            if bytes
                .get(header.body..header.end)
                .is_some_and(|body| body.starts_with(b"OpusHead"))
            {
                cursor.serial = header.serial;
                break;
            }
        }
        // The comment header ends its last page.
        match cursor.packet(bytes)? {
            Some((place, _)) if cursor.bytes(bytes, &place).starts_with(b"OpusTags") => {}
            _ => return Err(Error::NotOpus),
        }
        cursor.audio = cursor.at;
        cursor.rewind();
        Ok(cursor)
    }

    pub(crate) fn rewind(&mut self) {
        self.at = self.audio;
        self.page = Page::default();
        self.samples = 0;
        self.buffer.clear();
    }

    pub(crate) fn bytes<'a>(&'a self, file: &'a [u8], place: &Place) -> &'a [u8] {
        match place {
            Place::File(range) => file.get(range.clone()).unwrap_or_default(),
            Place::Buffer => &self.buffer,
        }
    }

    pub(crate) fn next(&mut self, bytes: &[u8]) -> Result<Option<OggPacket>, Error> {
        let Some((place, page)) = self.packet(bytes)? else {
            return Ok(None);
        };
        let samples =
            samples(self.bytes(bytes, &place)).ok_or(Error::OpusPacket { offset: page })?;
        let packet = OggPacket {
            place,
            pts: time(self.samples),
            duration: time(samples),
        };
        self.samples = self.samples.saturating_add(samples);
        Ok(Some(packet))
    }

    /// The next packet, and where its last page begins.
    fn packet(&mut self, bytes: &[u8]) -> Result<Option<(Place, usize)>, Error> {
        self.buffer.clear();
        let mut pieces = 0_usize;
        loop {
            if self.page.table.is_empty() && !self.turn_page(bytes)? {
                return Ok(None);
            }
            let mut len = 0_usize;
            let mut complete = false;
            while let Some(segment) = bytes
                .get(self.page.table.start)
                .filter(|_| !self.page.table.is_empty())
            {
                self.page.table.start = self.page.table.start.saturating_add(1);
                len = len.saturating_add(usize::from(*segment));
                if *segment < 255 {
                    complete = true;
                    break;
                }
            }
            let range = self.page.body..self.page.body.saturating_add(len);
            self.page.body = range.end;
            pieces = pieces.saturating_add(1);
            if complete && pieces == 1 {
                return Ok(Some((Place::File(range), self.page.begin)));
            }
            if self.buffer.len().saturating_add(len) > MAX_PACKET {
                return Err(Error::OpusPacket {
                    offset: self.page.begin,
                });
            }
            self.buffer
                .extend_from_slice(bytes.get(range).unwrap_or_default());
            if complete {
                return Ok(Some((Place::Buffer, self.page.begin)));
            }
        }
    }

    /// Moves on to the next page of our stream; `false` at the end of the file.
    fn turn_page(&mut self, bytes: &[u8]) -> Result<bool, Error> {
        while let Some(header) = Header::read(bytes, self.at)? {
            let begin = self.at;
            self.at = header.end;
            if header.serial != self.serial {
                continue;
            }
            // A page that continues a packet whose beginning is missing starts with the rest of it.
            self.page = Page {
                begin,
                table: header.table.clone(),
                body: header.body,
            };
            if header.continued && self.buffer.is_empty() {
                self.skip_packet(bytes);
            }
            if !self.page.table.is_empty() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn skip_packet(&mut self, bytes: &[u8]) {
        while let Some(segment) = bytes
            .get(self.page.table.start)
            .filter(|_| !self.page.table.is_empty())
        {
            self.page.table.start = self.page.table.start.saturating_add(1);
            self.page.body = self.page.body.saturating_add(usize::from(*segment));
            if *segment < 255 {
                break;
            }
        }
    }
}

/// A page header (RFC 3533 section 6), its checksum verified.
struct Header {
    continued: bool,
    first: bool,
    serial: u32,
    table: Range<usize>,
    body: usize,
    end: usize,
}

impl Header {
    /// The page at `at`; `None` at the end of the file.
    fn read(bytes: &[u8], at: usize) -> Result<Option<Self>, Error> {
        let rest = bytes.get(at..).unwrap_or_default();
        if rest.is_empty() {
            return Ok(None);
        }
        let truncated = Error::Truncated { offset: at };
        if !rest.starts_with(b"OggS") {
            return Err(Error::NotOgg { offset: at });
        }
        let header: &[u8; PAGE_HEADER] = rest.first_chunk().ok_or(truncated)?;
        let [
            _,
            _,
            _,
            _,
            _,
            flags,
            _,
            _,
            _,
            _,
            _,
            _,
            _,
            _,
            s0,
            s1,
            s2,
            s3,
            _,
            _,
            _,
            _,
            c0,
            c1,
            c2,
            c3,
            segments,
        ] = *header;
        let table_at = at.saturating_add(PAGE_HEADER);
        let body = table_at.saturating_add(usize::from(segments));
        let lengths = bytes.get(table_at..body).ok_or(truncated)?;
        let len: usize = lengths.iter().map(|len| usize::from(*len)).sum();
        let end = body.saturating_add(len);
        let page = bytes.get(at..end).ok_or(truncated)?;
        if checksum(page) != u32::from_le_bytes([c0, c1, c2, c3]) {
            return Err(Error::OggChecksum { offset: at });
        }
        Ok(Some(Self {
            continued: flags & 1 != 0,
            first: flags & 2 != 0,
            serial: u32::from_le_bytes([s0, s1, s2, s3]),
            table: table_at..body,
            body,
            end,
        }))
    }
}

/// The CRC of a page, its own field taken as zero: polynomial 0x04c11db7, not reflected.
fn checksum(page: &[u8]) -> u32 {
    page.iter().enumerate().fold(0, |crc, (index, byte)| {
        let byte = if (22..26).contains(&index) { 0 } else { *byte };
        let top = (crc >> 24) as u8 ^ byte;
        crc << 8 ^ CRC.get(usize::from(top)).copied().unwrap_or(0)
    })
}

#[expect(clippy::indexing_slicing, reason = "evaluated at compile time")]
const CRC: [u32; 256] = {
    let mut table = [0; 256];
    let mut index = 0;
    while index < 256 {
        let mut crc = (index as u32) << 24;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 0x8000_0000 == 0 {
                crc << 1
            } else {
                crc << 1 ^ 0x04c1_1db7
            };
            bit += 1;
        }
        table[index] = crc;
        index += 1;
    }
    table
};

/// Writes Opus packets as Ogg, one page a packet, so that a recording cut short is readable to its
/// last packet.
#[derive(Clone, Debug)]
pub(crate) struct Writer {
    serial: u32,
    sequence: u32,
    granule: u64,
}

/// What every encoder delays by; decoders drop that much at the start (RFC 7845 section 4.2).
const PRE_SKIP: u16 = 312;

impl Writer {
    pub(crate) const fn new(serial: u32) -> Self {
        Self {
            serial,
            sequence: 0,
            granule: 0,
        }
    }

    /// The two header pages (RFC 7845 section 5).
    pub(crate) fn headers(&mut self, channels: u8, out: &mut Vec<u8>) {
        let mut head = Vec::from(*b"OpusHead\x01");
        head.push(channels);
        head.extend_from_slice(&PRE_SKIP.to_le_bytes());
        head.extend_from_slice(&48_000_u32.to_le_bytes());
        head.extend_from_slice(&[0, 0, 0]);
        self.page(&head, 2, out);
        let mut tags = Vec::from(*b"OpusTags");
        let vendor = b"kvs-media";
        tags.extend_from_slice(&9_u32.to_le_bytes());
        tags.extend_from_slice(vendor);
        tags.extend_from_slice(&0_u32.to_le_bytes());
        self.page(&tags, 0, out);
    }

    /// Appends a packet; one that is no Opus packet is left out.
    pub(crate) fn packet(&mut self, packet: &[u8], out: &mut Vec<u8>) {
        if let Some(samples) = samples(packet).filter(|_| packet.len() <= MAX_PACKET) {
            self.granule = self.granule.saturating_add(samples);
            self.page(packet, 0, out);
        }
    }

    /// The time up to which packets were written.
    pub(crate) fn written(&self) -> Duration {
        time(self.granule)
    }

    /// An empty last page.
    pub(crate) fn finish(&mut self, out: &mut Vec<u8>) {
        self.page(&[], 4, out);
    }

    /// Pages of one packet; a packet over 65,024 bytes would need two, which `MAX_PACKET` excludes.
    fn page(&mut self, packet: &[u8], flags: u8, out: &mut Vec<u8>) {
        let begin = out.len();
        out.extend_from_slice(b"OggS\0");
        out.push(flags);
        out.extend_from_slice(&self.granule.to_le_bytes());
        out.extend_from_slice(&self.serial.to_le_bytes());
        out.extend_from_slice(&self.sequence.to_le_bytes());
        out.extend_from_slice(&[0; 4]);
        self.sequence = self.sequence.wrapping_add(1);
        let full = packet.len() / 255;
        let segments = if packet.is_empty() && flags == 4 {
            0
        } else {
            full.saturating_add(1)
        };
        out.push(u8::try_from(segments).unwrap_or(255));
        if segments > 0 {
            out.extend(core::iter::repeat_n(255, full));
            out.push((packet.len() % 255) as u8);
        }
        out.extend_from_slice(packet);
        let crc = checksum(out.get(begin..).unwrap_or_default()).to_le_bytes();
        let at = begin.saturating_add(22);
        if let Some(slot) = out.get_mut(at..at.saturating_add(4)) {
            slot.copy_from_slice(&crc);
        }
    }
}

#[cfg(test)]
mod tests;
