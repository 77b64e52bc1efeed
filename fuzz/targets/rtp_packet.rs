//! RTP packets: nothing panics, lengths add up, and extensions known here survive being written.
#![no_main]

use libfuzzer_sys::fuzz_target;
use smolrtc_rtp::packet::{ExtensionIds, Extensions, RtpHeader, RtpPacket};

const IDS: ExtensionIds = ExtensionIds {
    mid: Some(4),
    abs_send_time: Some(2),
    transport_sequence: Some(3),
    stream_id: Some(10),
    repaired_stream_id: Some(11),
};

fuzz_target!(|data: &[u8]| {
    let Ok(packet) = RtpPacket::parse(data) else {
        return;
    };
    let len = packet.header_len + packet.payload.len() + packet.padding_len;
    assert_eq!(len, data.len());
    assert!(packet.elements().count() <= data.len());
    let extensions = packet.extensions(&IDS);
    let header = RtpHeader {
        marker: packet.marker,
        payload_type: packet.payload_type,
        sequence_number: packet.sequence_number,
        timestamp: packet.timestamp,
        ssrc: packet.ssrc,
        extensions,
    };
    for ids in [
        IDS,
        ExtensionIds {
            mid: Some(99),
            ..IDS
        },
        ExtensionIds::default(),
    ] {
        let mut buf = [0; 64];
        let len = header.emit(&ids, &mut buf).expect("64 bytes are enough");
        assert_eq!(len, header.buffer_len(&ids));
        let again = RtpPacket::parse(&buf[..len]).expect("our own header is valid");
        assert_eq!(again.header_len, len);
        assert_eq!(again.sequence_number, packet.sequence_number);
        let expected = if ids == ExtensionIds::default() {
            Extensions::default()
        } else {
            extensions
        };
        assert_eq!(again.extensions(&ids), expected);
    }
});
