use super::*;
use std::vec;

const SAMPLE: &[u8] = include_bytes!("../../../../media/sample.opus");

#[test]
fn durations_follow_the_table_of_contents_byte() {
    let ms = |packet: &[u8]| packet_duration(packet).map(|time| time.as_micros());
    assert_eq!(ms(&[0xf8]), Some(20_000));
    assert_eq!(ms(&[0x18]), Some(60_000));
    assert_eq!(ms(&[0xe0]), Some(2_500));
    assert_eq!(ms(&[0xf9]), Some(40_000));
    assert_eq!(ms(&[0xfb, 3]), Some(60_000));
    assert_eq!(ms(&[0xfb, 7]), None, "140 ms is too long");
    assert_eq!(ms(&[0xfb, 0]), None);
    assert_eq!(ms(&[0xfb]), None);
    assert_eq!(ms(&[]), None);
    assert_eq!(ms(&[0x68]), Some(20_000), "hybrid");
}

#[test]
fn the_sample_holds_six_hundred_packets_of_20_ms() {
    let mut cursor = Cursor::open(SAMPLE).unwrap();
    let mut packets = 0;
    while let Some(packet) = cursor.next(SAMPLE).unwrap() {
        assert_eq!(packet.duration, Duration::from_millis(20));
        assert_eq!(packet.pts, Duration::from_millis(20 * packets));
        assert!(!cursor.bytes(SAMPLE, &packet.place).is_empty());
        packets += 1;
    }
    assert_eq!(packets, 600);
}

#[test]
fn a_flipped_bit_is_found_by_the_checksum() {
    let mut file = SAMPLE.to_vec();
    let second_page = file.windows(4).skip(1).position(|w| w == b"OggS").unwrap() + 1;
    file[second_page + 30] ^= 1;
    assert_eq!(
        Cursor::open(&file).unwrap_err(),
        Error::OggChecksum {
            offset: second_page
        }
    );
}

#[test]
fn a_file_cut_short_names_the_page() {
    let cut = &SAMPLE[..SAMPLE.len() - 10];
    let mut cursor = Cursor::open(cut).unwrap();
    let error = loop {
        match cursor.next(cut) {
            Ok(Some(_)) => {}
            Ok(None) => panic!("the end was not noticed"),
            Err(error) => break error,
        }
    };
    assert!(matches!(error, Error::Truncated { offset } if cut[offset..].starts_with(b"OggS")));
}

#[test]
fn what_is_written_is_read_back() {
    let mut writer = Writer::new(7);
    let mut file = Vec::new();
    writer.headers(2, &mut file);
    let mut packets = vec![
        vec![0xf8; 1],
        vec![0xf8; 254],
        vec![0xf8; 255],
        vec![0xf8; 1_000],
    ];
    packets.push(vec![0xf8; MAX_PACKET]);
    for packet in &packets {
        writer.packet(packet, &mut file);
    }
    writer.packet(&vec![0xf8; MAX_PACKET + 1], &mut file);
    writer.packet(&[], &mut file);
    writer.finish(&mut file);
    assert_eq!(writer.written(), Duration::from_millis(100));
    let mut cursor = Cursor::open(&file).unwrap();
    let mut read = Vec::new();
    while let Some(packet) = cursor.next(&file).unwrap() {
        read.push(cursor.bytes(&file, &packet.place).to_vec());
    }
    assert_eq!(read, packets);
}

#[test]
fn a_packet_that_spans_pages_is_put_together() {
    let packet: Vec<u8> = core::iter::once(0xf8)
        .chain((0..599).map(|i| i as u8))
        .collect();
    let mut file = Vec::new();
    let mut writer = Writer::new(7);
    writer.headers(1, &mut file);
    // Two segments of 255 on a first page, the rest on a page marked as continued.
    for (flags, table, body) in [
        (0_u8, &[255_u8, 255][..], &packet[..510]),
        (1, &[90][..], &packet[510..]),
    ] {
        let begin = file.len();
        file.extend_from_slice(b"OggS\0");
        file.push(flags);
        file.extend_from_slice(&[0; 8]);
        file.extend_from_slice(&7_u32.to_le_bytes());
        file.extend_from_slice(&[0; 8]);
        file.push(table.len() as u8);
        file.extend_from_slice(table);
        file.extend_from_slice(body);
        let crc = checksum(&file[begin..]);
        file[begin + 22..begin + 26].copy_from_slice(&crc.to_le_bytes());
    }
    let mut cursor = Cursor::open(&file).unwrap();
    let read = cursor.next(&file).unwrap().unwrap();
    assert_eq!(read.place, Place::Buffer);
    assert_eq!(cursor.bytes(&file, &read.place), packet);
    assert_eq!(cursor.next(&file).unwrap(), None);
}

#[test]
fn another_codec_in_ogg_is_refused() {
    let mut writer = Writer::new(1);
    let mut file = Vec::new();
    writer.page(b"\x01vorbis", 2, &mut file);
    writer.page(b"\x03vorbis", 0, &mut file);
    assert_eq!(Cursor::open(&file).unwrap_err(), Error::NotOpus);
}
