//! Frames into a file.

use crate::{Codec, Frame, ivf, ogg, wav};
use alloc::vec::Vec;
use core::time::Duration;

/// Turns frames of one codec into the bytes of a file: Annex B, IVF, Ogg Opus or WAV.
///
/// The recorder owns no file: each call appends what is to be written to `out`. Gaps in audio are
/// filled with silence, so that a recording is as long as what it recorded; a gap is filled up to
/// one minute a frame.
///
/// ```
/// # use kvs_media::{Codec, Recorder};
/// let mut file = Vec::new();
/// let mut recorder = Recorder::new(Codec::Vp8, 1);
/// // for each frame: recorder.frame(&frame, &mut file);
/// if let Some(header) = recorder.finish(&mut file) {
///     file[..header.len()].copy_from_slice(&header); // seek to 0 and overwrite
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Recorder {
    codec: Codec,
    container: Container,
    /// Time of the first frame; the file begins with it.
    origin: Option<Duration>,
}

#[derive(Clone, Debug)]
enum Container {
    AnnexB,
    Ivf(ivf::Writer),
    Ogg(ogg::Writer),
    Wav(wav::Writer),
}

const LONGEST_FILL: Duration = Duration::from_secs(60);
/// Opus, fullband, 20 ms, no data: "nothing was sent here" (RFC 6716 section 3.2.1).
const OPUS_NOTHING: [u8; 1] = [0xf8];
const OPUS_NOTHING_LEN: Duration = Duration::from_millis(20);

impl Recorder {
    /// A recorder for `codec`. `serial` names the Ogg stream; any number will do.
    #[must_use]
    pub const fn new(codec: Codec, serial: u32) -> Self {
        let container = match codec {
            Codec::H264 | Codec::H265 => Container::AnnexB,
            Codec::Vp8 => Container::Ivf(ivf::Writer::new()),
            Codec::Opus => Container::Ogg(ogg::Writer::new(serial)),
            Codec::Pcmu => Container::Wav(wav::Writer::new(false)),
            Codec::Pcma => Container::Wav(wav::Writer::new(true)),
        };
        Self {
            codec,
            container,
            origin: None,
        }
    }

    /// The usual extension of the file's name.
    #[must_use]
    pub const fn extension(&self) -> &'static str {
        match self.codec {
            Codec::H264 => "h264",
            Codec::H265 => "h265",
            Codec::Vp8 => "ivf",
            Codec::Opus => "opus",
            Codec::Pcmu | Codec::Pcma => "wav",
        }
    }

    /// Appends a frame to the file. Frames of another codec are left out.
    pub fn frame(&mut self, frame: &Frame<'_>, out: &mut Vec<u8>) {
        if frame.codec != self.codec {
            return;
        }
        let first = self.origin.is_none();
        let origin = *self.origin.get_or_insert(frame.pts);
        let at = frame.pts.saturating_sub(origin);
        match &mut self.container {
            Container::AnnexB => out.extend_from_slice(frame.data),
            Container::Ivf(writer) => {
                if first {
                    out.extend_from_slice(&writer.header());
                }
                writer.frame(at, frame.data, out);
            }
            Container::Ogg(writer) => {
                if first {
                    // Bit 2 of the TOC byte says stereo (RFC 6716 section 3.1).
                    let stereo = frame.data.first().is_some_and(|toc| toc & 4 != 0);
                    writer.headers(if stereo { 2 } else { 1 }, out);
                }
                let end = writer.written().saturating_add(LONGEST_FILL).min(at);
                while writer.written().saturating_add(OPUS_NOTHING_LEN) <= end {
                    writer.packet(&OPUS_NOTHING, out);
                }
                writer.packet(frame.data, out);
            }
            Container::Wav(writer) => {
                if first {
                    out.extend_from_slice(&writer.header());
                }
                let gap = at.saturating_sub(writer.written()).min(LONGEST_FILL);
                writer.silence(gap, out);
                writer.samples(frame.data, out);
            }
        }
    }

    /// Ends the file. What is returned, if anything, overwrites its first bytes: the header with
    /// the counts that are known only now.
    pub fn finish(&mut self, out: &mut Vec<u8>) -> Option<Vec<u8>> {
        self.origin?;
        match &mut self.container {
            Container::AnnexB => None,
            Container::Ivf(writer) => Some(writer.header().to_vec()),
            Container::Ogg(writer) => {
                writer.finish(out);
                None
            }
            Container::Wav(writer) => Some(writer.header()),
        }
    }
}

#[cfg(test)]
mod tests;
