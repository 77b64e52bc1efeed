use super::*;

#[test]
fn record_numbers_end_and_never_wrap() {
    let mut records = RecordWriter {
        used: [0, MAX_SEQUENCE],
        ..RecordWriter::default()
    };
    assert_eq!(records.next_sequence(1), Some(MAX_SEQUENCE));
    assert_eq!(records.next_sequence(1), None);
}
