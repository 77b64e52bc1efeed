//! Payloads of any bytes through the Opus depacketizer.
#![no_main]

use fuzz::depacketize;
use libfuzzer_sys::fuzz_target;
use smolrtc_rtp::Codec;

fuzz_target!(|data: &[u8]| depacketize(Codec::Opus, data));
