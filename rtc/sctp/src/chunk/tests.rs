use super::*;

/// An INIT as Chromium sends it: base64 `AQAAHtmHrXgAUAAA/////yQgcEfAAAAEgAgABoLA` in its SDP.
const CHROMIUM_INIT: &[u8] = &[
    0x01, 0x00, 0x00, 0x1e, 0xd9, 0x87, 0xad, 0x78, 0x00, 0x50, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff,
    0x24, 0x20, 0x70, 0x47, 0xc0, 0x00, 0x00, 0x04, 0x80, 0x08, 0x00, 0x06, 0x82, 0xc0,
];

#[test]
fn chromiums_init_is_read_and_written_alike() {
    let mut reader = Reader::new(CHROMIUM_INIT);
    let chunk = next_chunk(&mut reader).unwrap();
    assert_eq!(chunk.kind, kind::INIT);
    let init = Init::parse(chunk.value).unwrap();
    assert_eq!((init.tag, init.window), (0xd987_ad78, 0x0050_0000));
    assert_eq!(
        (init.outbound_streams, init.inbound_streams),
        (65_535, 65_535)
    );
    assert_eq!(init.initial_tsn, 0x2420_7047);
    assert!(init.forward_tsn && init.reconfig);
    let mut buf = [0; 100];
    let mut packet = PacketWriter::new(&mut buf, 100, 5000, 5000, 0).unwrap();
    packet.chunk(kind::INIT, 0, |w| init.emit(w)).unwrap();
    let len = packet.finish();
    assert_eq!(&buf[12..42], CHROMIUM_INIT);
    assert_eq!(len, 12 + 32);
    assert!(Packet::parse(&buf[..len]).unwrap().intact);
}

#[test]
fn one_flipped_bit_breaks_the_checksum() {
    let mut buf = [0; 64];
    let mut packet = PacketWriter::new(&mut buf, 64, 1, 2, 3).unwrap();
    packet.chunk(kind::COOKIE_ACK, 0, |_| Ok(())).unwrap();
    let len = packet.finish();
    for bit in 0..len * 8 {
        let mut copy = buf;
        copy[bit / 8] ^= 1 << (bit % 8);
        assert!(!Packet::parse(&copy[..len]).unwrap().intact);
    }
}

#[test]
fn a_chunk_whose_length_lies_ends_the_packet() {
    for len in [0, 3, 9] {
        let mut bytes = [0; 20];
        bytes[15] = len;
        let mut chunks = Packet::parse(&bytes).unwrap().chunks();
        assert!(chunks.next().unwrap().is_err());
        assert!(chunks.next().is_none());
    }
}

#[test]
fn missing_padding_of_the_last_chunk_is_tolerated() {
    let mut bytes = [0; 17];
    bytes[15] = 5;
    bytes[16] = 7;
    let chunk = Packet::parse(&bytes)
        .unwrap()
        .chunks()
        .next()
        .unwrap()
        .unwrap();
    assert_eq!(chunk.value, [7]);
}

#[test]
fn a_sack_that_counts_more_blocks_than_it_has_is_truncated() {
    let mut value = [0; 16];
    value[9] = 1;
    value[13] = 2;
    value[15] = 5;
    let sack = Sack::parse(&value).unwrap();
    assert!(sack.gaps().eq([(2, 5)]));
    value[9] = 2;
    assert!(Sack::parse(&value).is_err());
}

#[test]
fn unrecognized_parameters_are_reported_as_their_upper_bits_ask() {
    let mut value = [0; 16 + 16];
    // Skip and report, skip, stop and report, never reached.
    for (n, kind) in [0xc0ff_u16, 0x80ff, 0x40ff, 0xc0fe].into_iter().enumerate() {
        let at = 16 + n * 4;
        value[at..at + 2].copy_from_slice(&kind.to_be_bytes());
        value[at + 3] = 4;
    }
    let init = Init::parse(&value).unwrap();
    assert!(
        init.unrecognized()
            .map(|(kind, _)| kind)
            .eq([0xc0ff, 0x40ff])
    );
}
