//! Frames of any bytes: every payload fits, and what comes out of the packets is what went in.
#![no_main]

use libfuzzer_sys::fuzz_target;
use smolrtc_rtp::Codec;
use smolrtc_rtp::formats::annexb::NalUnits;
use smolrtc_rtp::formats::{Depacketizer, FrameBuffer, emit, is_discardable, is_key_frame, plan};

fn units(codec: Codec, stream: &[u8]) -> Vec<&[u8]> {
    NalUnits::new(stream)
        .map(|nal| nal.bytes)
        .filter(|unit| match codec {
            Codec::H264 => matches!(unit[0] & 0x1f, 1..=23),
            _ => unit.len() >= 2 && unit[0] >> 1 & 0x3f < 48,
        })
        .collect()
}

fuzz_target!(|data: &[u8]| {
    let Some((&[codec, max], frame)) = data.split_first_chunk::<2>() else {
        return;
    };
    let codec = match codec % 4 {
        0 => Codec::H264,
        1 => Codec::H265,
        2 => Codec::Vp8,
        _ => Codec::Opus,
    };
    let max = usize::from(max);
    let key = is_key_frame(codec, frame);
    assert!(!(codec == Codec::Vp8 && key && is_discardable(codec, frame)));
    let mut plans = vec![];
    let planned = plan(codec, frame, max, &mut |plan| {
        plans.push(plan);
        Ok(())
    });
    if planned.is_err() {
        return;
    }
    let mut buffer = FrameBuffer::with_limit(frame.len() * 3 + 64).expect("memory");
    let mut depacketizer = Depacketizer::new(codec);
    for plan in &plans {
        let mut payload = vec![0; max];
        let len = emit(codec, plan, frame, &mut payload).expect("it fits");
        assert_eq!(len, usize::from(plan.payload_len));
        assert!(emit(codec, plan, frame, &mut vec![0; len - 1]).is_err());
        depacketizer
            .push(&payload[..len], &mut buffer)
            .expect("our own payload is valid");
    }
    depacketizer.finish().expect("the frame is whole");
    match codec {
        Codec::H264 | Codec::H265 => {
            assert_eq!(units(codec, buffer.as_slice()), units(codec, frame));
            assert!(plans.last().is_some_and(|plan| plan.marker));
        }
        _ => assert_eq!(buffer.as_slice(), frame),
    }
});
