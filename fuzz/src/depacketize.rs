//! Payloads of any bytes through a depacketizer.

use smolrtc_rtp::Codec;
use smolrtc_rtp::formats::annexb::is_annexb;
use smolrtc_rtp::formats::{
    Depacketizer, FrameBuffer, begins_frame, begins_sequence, is_discardable, is_key_frame,
};

const LIMIT: usize = 512;

/// Nothing panics, no frame outgrows its buffer, and a whole frame is well formed.
pub fn depacketize(codec: Codec, data: &[u8]) {
    let mut buffer = FrameBuffer::with_limit(LIMIT).expect("memory");
    let mut depacketizer = Depacketizer::new(codec);
    // Payloads preceded by their lengths; a length of 255 ends the frame.
    let mut rest = data;
    while let Some((len, tail)) = rest.split_first() {
        if *len == 255 {
            if depacketizer.finish().is_ok() {
                let frame = buffer.as_slice();
                assert!(!frame.is_empty());
                if matches!(codec, Codec::H264 | Codec::H265) {
                    assert!(is_annexb(frame));
                }
                let _ = is_key_frame(codec, frame);
                let _ = is_discardable(codec, frame);
            }
            buffer.clear();
            rest = tail;
            continue;
        }
        let (payload, tail) = tail.split_at(usize::from(*len).min(tail.len()));
        rest = tail;
        assert!(begins_frame(codec, payload) || !begins_sequence(codec, payload));
        if depacketizer.push(payload, &mut buffer).is_err() {
            depacketizer = Depacketizer::new(codec);
            buffer.clear();
        }
        assert!(buffer.as_slice().len() <= LIMIT);
    }
}
