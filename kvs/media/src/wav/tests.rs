use super::*;
use std::vec;

fn file(format: u16, channels: u16, rate: u32, bits: u16, data: &[u8]) -> Vec<u8> {
    let mut file = b"RIFF\0\0\0\0WAVE".to_vec();
    // An odd chunk that nobody knows, with its padding.
    file.extend_from_slice(b"LIST\x03\0\0\0abc\0fmt \x10\0\0\0");
    file.extend_from_slice(&format.to_le_bytes());
    file.extend_from_slice(&channels.to_le_bytes());
    file.extend_from_slice(&rate.to_le_bytes());
    file.extend_from_slice(&[0; 6]);
    file.extend_from_slice(&bits.to_le_bytes());
    file.extend_from_slice(b"data");
    file.extend_from_slice(&u32::try_from(data.len()).unwrap().to_le_bytes());
    file.extend_from_slice(data);
    file
}

#[test]
fn g711_is_handed_out_as_it_stands_in_frames_of_20_ms() {
    let data: Vec<u8> = (0..200).collect();
    let file = file(6, 1, 8_000, 8, &data);
    let mut cursor = Cursor::open(&file).unwrap();
    assert_eq!(cursor.codec, Codec::Pcma);
    let (pts, duration, range) = cursor.next(&file).unwrap();
    assert_eq!((pts, duration), (Duration::ZERO, Duration::from_millis(20)));
    assert_eq!(&file[range.unwrap()], &data[..160]);
    let (pts, duration, range) = cursor.next(&file).unwrap();
    assert_eq!(
        (pts, duration),
        (Duration::from_millis(20), Duration::from_millis(5))
    );
    assert_eq!(&file[range.unwrap()], &data[160..]);
    assert_eq!(cursor.next(&file), None);
}

#[test]
fn pcm_is_companded() {
    let file = file(1, 1, 8_000, 16, &[0, 0, 0xff, 0x7f, 0, 0x80]);
    let mut cursor = Cursor::open(&file).unwrap();
    assert_eq!(cursor.next(&file).unwrap().2, None);
    assert_eq!(cursor.buffer(), [0xff, 0x80, 0x00]);
}

#[test]
fn what_cannot_be_played_is_refused_by_name() {
    for (file, fault) in [
        (file(3, 1, 8_000, 32, &[]), WavFault::Format(3)),
        (file(7, 2, 8_000, 8, &[]), WavFault::Channels(2)),
        (file(1, 1, 44_100, 16, &[]), WavFault::SampleRate(44_100)),
        (file(1, 1, 8_000, 24, &[]), WavFault::BitsPerSample(24)),
        (vec![0; 12], WavFault::Structure),
        (
            b"RIFF\0\0\0\0WAVEdata\0\0\0\0".to_vec(),
            WavFault::Structure,
        ),
    ] {
        assert_eq!(Cursor::open(&file).unwrap_err(), Error::Wav(fault));
    }
}
