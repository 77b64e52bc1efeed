use super::*;
use alloc::vec;
use alloc::vec::Vec;
use smolrtc_base::Reader;

use crate::message::{Fragment, header};
use crate::record::{HEADER_LEN, Header};

#[test]
fn a_flight_fits_its_datagrams_and_comes_out_whole() {
    let mut bytes = Vec::new();
    let mut items = Vec::new();
    for (number, len) in [(0_u16, 90), (1, 700), (2, 0), (3, 13)] {
        items.push(Item::Message {
            at: bytes.len(),
            epoch: 0,
        });
        bytes.extend_from_slice(&header(11, number, len, 0, len));
        bytes.extend((0..len).map(|at| at as u8));
    }
    items.push(Item::ChangeCipherSpec);
    for size in [60, 100, 300, 1_200] {
        let mut flight = Flight::new(items.clone());
        let mut records = RecordWriter::default();
        let mut received = vec![Vec::new(); 4];
        let mut saw_change = false;
        while flight.is_pending() {
            let mut datagram = vec![0; size];
            let len = flight.emit(&bytes, &mut records, &mut datagram);
            assert!(len > 0, "no progress with {size} bytes");
            let mut reader = Reader::new(&datagram[..len]);
            while !reader.is_empty() {
                let header = Header::parse(&mut reader).unwrap();
                let mut body = Reader::new(reader.take(usize::from(header.len)).unwrap());
                if header.content_type == 20 {
                    assert_eq!(body.rest(), [1]);
                    saw_change = true;
                    continue;
                }
                let fragment = Fragment::parse(&mut body).unwrap();
                let message: &mut Vec<u8> = &mut received[usize::from(fragment.number)];
                assert_eq!(message.len(), fragment.offset);
                message.extend_from_slice(fragment.bytes);
                assert_eq!(message.len() == fragment.message_len, fragment.is_last());
            }
        }
        assert!(saw_change);
        assert_eq!(
            received.iter().map(Vec::len).collect::<Vec<_>>(),
            [90, 700, 0, 13]
        );
        flight.rewind();
        assert!(flight.is_pending());
    }
}

#[test]
fn a_buffer_that_holds_no_record_makes_no_progress_and_uses_no_number() {
    let bytes = [&header(1, 0, 4, 0, 4)[..], b"body"].concat();
    let mut flight = Flight::new(vec![Item::Message { at: 0, epoch: 0 }]);
    let mut records = RecordWriter::default();
    for size in 0..=HEADER_LEN + message::HEADER_LEN {
        assert_eq!(flight.emit(&bytes, &mut records, &mut vec![0; size]), 0);
    }
    assert!(!records.has_written());
}
