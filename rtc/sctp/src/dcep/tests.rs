use super::*;
use std::vec;

#[test]
fn an_open_is_what_rfc_8832_draws() {
    let open = Open {
        ordered: false,
        reliability: Reliability::MaxRetransmits(3),
        label: "chat",
        protocol: "x",
    };
    let mut buf = vec![0; open.buffer_len()];
    open.emit(&mut buf).unwrap();
    assert_eq!(buf, b"\x03\x81\x01\x00\0\0\0\x03\0\x04\0\x01chatx");
    assert_eq!(Dcep::parse(&buf), Ok(Dcep::Open(open)));
}

#[test]
fn a_lifetime_travels_in_milliseconds() {
    let bytes = b"\x03\x02\0\0\0\0\x01\xf4\0\0\0\0";
    let Ok(Dcep::Open(open)) = Dcep::parse(bytes) else {
        panic!("an OPEN")
    };
    assert!(open.ordered);
    assert_eq!(
        open.reliability,
        Reliability::MaxLifetime(Duration::from_millis(500))
    );
}

#[test]
fn what_is_no_dcep_is_refused_by_name() {
    assert_eq!(Dcep::parse(&[]), Err(BadDcep::Truncated));
    assert_eq!(Dcep::parse(&[9]), Err(BadDcep::UnknownType));
    assert_eq!(
        Dcep::parse(b"\x03\x03\0\0\0\0\0\0\0\0\0\0"),
        Err(BadDcep::UnknownChannelType)
    );
    assert_eq!(
        Dcep::parse(b"\x03\0\0\0\0\0\0\0\0\x02\0\0a"),
        Err(BadDcep::Truncated)
    );
    assert_eq!(
        Dcep::parse(b"\x03\0\0\0\0\0\0\0\0\x01\0\0\xff"),
        Err(BadDcep::NotUtf8)
    );
    let mut long = vec![0x61; 12 + 256];
    long[..12].copy_from_slice(b"\x03\0\0\0\0\0\0\0\x01\0\0\0");
    assert_eq!(Dcep::parse(&long), Err(BadDcep::NameTooLong));
    assert_eq!(Dcep::parse(&ACK_MESSAGE), Ok(Dcep::Ack));
}
