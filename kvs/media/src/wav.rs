//! WAV with G.711, or with 16-bit PCM that is companded on the way.

use crate::{Codec, Error, WavFault, g711};
use alloc::vec::Vec;
use core::{ops::Range, time::Duration};

const RATE: u32 = 8_000;
/// 20 ms.
const FRAME: usize = 160;

/// The samples of a file.
#[derive(Clone, Debug)]
pub(crate) struct Cursor {
    pub(crate) codec: Codec,
    data: Range<usize>,
    bytes_per_sample: usize,
    /// Samples handed out.
    at: usize,
    buffer: Vec<u8>,
}

impl Cursor {
    pub(crate) fn open(bytes: &[u8]) -> Result<Self, Error> {
        let wrong = |fault| Err(Error::Wav(fault));
        if bytes.get(8..12) != Some(b"WAVE") {
            return wrong(WavFault::Structure);
        }
        let mut at = 12_usize;
        let mut format: Option<(Codec, usize)> = None;
        while let Some(header) = bytes.get(at..).and_then(<[u8]>::first_chunk::<8>) {
            let [name @ .., l0, l1, l2, l3] = *header;
            let len = u32::from_le_bytes([l0, l1, l2, l3]) as usize;
            let begin = at.saturating_add(8);
            let end = begin.saturating_add(len);
            match (&name, format) {
                (b"fmt ", _) => {
                    let chunk = bytes
                        .get(begin..end)
                        .ok_or(Error::Truncated { offset: at })?;
                    format = Some(read_format(chunk)?);
                }
                (b"data", Some((codec, bytes_per_sample))) => {
                    // Writers that could not seek back leave a length of 0 or all ones.
                    let end = if len == 0 {
                        bytes.len()
                    } else {
                        end.min(bytes.len())
                    };
                    return Ok(Self {
                        codec,
                        data: begin..end,
                        bytes_per_sample,
                        at: 0,
                        buffer: Vec::new(),
                    });
                }
                _ => {}
            }
            // Chunks are padded to even lengths.
            at = end.saturating_add(len & 1);
        }
        wrong(WavFault::Structure)
    }

    pub(crate) const fn rewind(&mut self) {
        self.at = 0;
    }

    pub(crate) fn duration(&self) -> Duration {
        duration(
            self.data
                .len()
                .checked_div(self.bytes_per_sample)
                .unwrap_or(0),
        )
    }

    /// The next 20 ms, or what is left: time, length, and where it is (`None`: in the buffer).
    pub(crate) fn next(
        &mut self,
        bytes: &[u8],
    ) -> Option<(Duration, Duration, Option<Range<usize>>)> {
        let begin = self
            .data
            .start
            .saturating_add(self.at.saturating_mul(self.bytes_per_sample));
        let end = begin
            .saturating_add(FRAME.saturating_mul(self.bytes_per_sample))
            .min(self.data.end);
        let raw = bytes.get(begin..end)?;
        let count = raw.len().checked_div(self.bytes_per_sample)?;
        if count == 0 {
            return None;
        }
        let pts = duration(self.at);
        self.at = self.at.saturating_add(count);
        if self.bytes_per_sample == 1 {
            return Some((pts, duration(count), Some(begin..end)));
        }
        self.buffer.clear();
        let samples = raw
            .as_chunks::<2>()
            .0
            .iter()
            .map(|sample| i16::from_le_bytes(*sample));
        self.buffer.extend(samples.map(g711::ulaw_encode));
        Some((pts, duration(count), None))
    }

    pub(crate) fn buffer(&self) -> &[u8] {
        &self.buffer
    }
}

fn read_format(chunk: &[u8]) -> Result<(Codec, usize), Error> {
    let wrong = |fault| Err(Error::Wav(fault));
    let Some([f0, f1, c0, c1, r0, r1, r2, r3, _, _, _, _, _, _, b0, b1]) = chunk.first_chunk()
    else {
        return wrong(WavFault::Structure);
    };
    let mut format = u16::from_le_bytes([*f0, *f1]);
    if format == 0xfffe {
        // WAVE_FORMAT_EXTENSIBLE: the format proper begins the sub-format.
        format = match chunk.get(24..26) {
            Some([f0, f1]) => u16::from_le_bytes([*f0, *f1]),
            _ => return wrong(WavFault::Structure),
        };
    }
    let channels = u16::from_le_bytes([*c0, *c1]);
    let rate = u32::from_le_bytes([*r0, *r1, *r2, *r3]);
    let bits = u16::from_le_bytes([*b0, *b1]);
    let (codec, bytes) = match format {
        1 => (Codec::Pcmu, 2),
        6 => (Codec::Pcma, 1),
        7 => (Codec::Pcmu, 1),
        other => return wrong(WavFault::Format(other)),
    };
    if channels != 1 {
        return wrong(WavFault::Channels(channels));
    }
    if rate != RATE {
        return wrong(WavFault::SampleRate(rate));
    }
    if usize::from(bits) != 8_usize.saturating_mul(bytes) {
        return wrong(WavFault::BitsPerSample(bits));
    }
    Ok((codec, bytes))
}

fn duration(samples: usize) -> Duration {
    Duration::from_micros(
        u64::try_from(samples)
            .unwrap_or(u64::MAX)
            .saturating_mul(125),
    )
}

/// Writes G.711 as WAV.
#[derive(Clone, Debug)]
pub(crate) struct Writer {
    alaw: bool,
    samples: u32,
}

impl Writer {
    pub(crate) const fn new(alaw: bool) -> Self {
        Self { alaw, samples: 0 }
    }

    /// The header as it stands now: written first, and again over itself at the end.
    pub(crate) fn header(&self) -> Vec<u8> {
        let format: u16 = if self.alaw { 6 } else { 7 };
        let mut header = Vec::with_capacity(58);
        header.extend_from_slice(b"RIFF");
        header.extend_from_slice(&self.samples.saturating_add(50).to_le_bytes());
        header.extend_from_slice(b"WAVEfmt \x12\0\0\0");
        header.extend_from_slice(&format.to_le_bytes());
        header.extend_from_slice(&1_u16.to_le_bytes());
        header.extend_from_slice(&RATE.to_le_bytes());
        header.extend_from_slice(&RATE.to_le_bytes());
        header.extend_from_slice(&[1, 0, 8, 0, 0, 0]);
        header.extend_from_slice(b"fact\x04\0\0\0");
        header.extend_from_slice(&self.samples.to_le_bytes());
        header.extend_from_slice(b"data");
        header.extend_from_slice(&self.samples.to_le_bytes());
        header
    }

    pub(crate) fn samples(&mut self, data: &[u8], out: &mut Vec<u8>) {
        self.samples = self
            .samples
            .saturating_add(u32::try_from(data.len()).unwrap_or(u32::MAX));
        out.extend_from_slice(data);
    }

    pub(crate) fn silence(&mut self, span: Duration, out: &mut Vec<u8>) {
        let samples = usize::try_from(span.as_micros() / 125).unwrap_or(usize::MAX);
        let code = if self.alaw {
            g711::ALAW_SILENCE
        } else {
            g711::ULAW_SILENCE
        };
        self.samples = self
            .samples
            .saturating_add(u32::try_from(samples).unwrap_or(u32::MAX));
        out.extend(core::iter::repeat_n(code, samples));
    }

    /// The time up to which samples were written.
    pub(crate) fn written(&self) -> Duration {
        duration(self.samples as usize)
    }
}

#[cfg(test)]
mod tests;
