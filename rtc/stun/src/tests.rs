use std::net::SocketAddr;
use std::vec::Vec;

use smolrtc_base::BufferTooSmall;
use smolrtc_crypto::RustCrypto;

use crate::{
    AddressFamily, AttributeType, Builder, CheckError, Class, Code, Key, Message, Method,
    ParseError, TransactionId, crc32, is_stun, write_error_response,
};

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
        .collect()
}

const ID: TransactionId = TransactionId([
    0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae,
]);

// RFC 5769. Padding in the first two is of spaces: bytes are never compared with re-encoded ones.
const REQUEST: &str = "000100582112a442b7e7a701bc34d686fa87dfae802200105354554e207465737420636c69656e74002400046e0001ff80290008932ff9b151263b36000600096576746a3a68367659202020000800149aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a280280004e57a3bcf";
const RESPONSE_V4: &str = "0101003c2112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220002000080001a147e112a643000800142b91f599fd9e90c38c7489f92af9ba53f06be7d780280004c07d4c96";
const RESPONSE_V6: &str = "010100482112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220002000140002a1470113a9faa5d3f179bc25f4b5bed2b9d900080014a382954e4be67bf11784c97c8292c275bfe3ed4180280004c8fb0b4c";
const LONG_TERM: &str = "000100602112a44278ad3433c6ad72c029da412e00060012e3839ee38388e383aae38383e382afe382b900000015001c662f2f3439396b39353464364f4c33346f4c394653547679363473410014000b6578616d706c652e6f72670000080014f67024656dd64a3e02b8e0712e85c9a28ca89666";
const PASSWORD: &[u8] = b"VOkJxbRl1RmTxUk/WvJxBt";

fn short() -> Key {
    Key::short_term(&RustCrypto, PASSWORD)
}

#[test]
fn rfc_5769_request() {
    let bytes = unhex(REQUEST);
    assert!(is_stun(&bytes));
    let message = Message::parse(&bytes).unwrap();
    assert_eq!(
        (message.class(), message.method()),
        (Class::Request, Method::BINDING)
    );
    assert_eq!(message.transaction_id(), ID);
    assert_eq!(message.username(), Some("evtj:h6vY"));
    assert_eq!(message.software(), Some("STUN test client"));
    assert_eq!(message.priority(), Some(0x6e00_01ff));
    assert_eq!(message.ice_controlled(), Some(0x932f_f9b1_5126_3b36));
    assert_eq!(message.ice_controlling(), None);
    assert!(!message.use_candidate());
    assert_eq!(message.check_fingerprint(), Ok(()));
    assert_eq!(message.check_integrity(&short()), Ok(()));
}

#[test]
fn rfc_5769_responses() {
    for (vector, address) in [
        (RESPONSE_V4, "192.0.2.1:32853"),
        (RESPONSE_V6, "[2001:db8:1234:5678:11:2233:4455:6677]:32853"),
    ] {
        let bytes = unhex(vector);
        let message = Message::parse(&bytes).unwrap();
        assert_eq!(message.class(), Class::Success);
        assert_eq!(message.mapped_address(), Some(address.parse().unwrap()));
        assert_eq!(message.software(), Some("test vector"));
        assert_eq!(message.check_fingerprint(), Ok(()));
        assert_eq!(message.check_integrity(&short()), Ok(()));
    }
}

#[test]
fn rfc_5769_long_term_request() {
    let bytes = unhex(LONG_TERM);
    let message = Message::parse(&bytes).unwrap();
    let username = "マトリックス";
    assert_eq!(message.username(), Some(username));
    assert_eq!(message.realm(), Some("example.org"));
    assert_eq!(message.nonce(), Some(&b"f//499k954d6OL34oL9FSTvy64sA"[..]));
    let key = Key::long_term_md5(&RustCrypto, username, "example.org", b"TheMatrIX");
    assert_eq!(message.check_integrity(&key), Ok(()));
    assert_eq!(message.check_fingerprint(), Err(CheckError::Missing));
    let other = Key::long_term_sha256(&RustCrypto, username, "example.org", b"TheMatrIX");
    assert_eq!(message.check_integrity(&other), Err(CheckError::Mismatch));
}

#[test]
fn every_flipped_bit_is_noticed() {
    let bytes = unhex(REQUEST);
    // Integrity covers all but the fingerprint, and of the header all but the length, which the
    // parser compares with the datagram.
    for bit in 0..(bytes.len() - 8) * 8 {
        let mut bytes = bytes.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let intact = Message::parse(&bytes).is_ok_and(|message| {
            message.check_integrity(&short()).is_ok() && message.check_fingerprint().is_ok()
        });
        assert!(!intact, "bit {bit}");
    }
    assert_eq!(
        Message::parse(&bytes)
            .unwrap()
            .check_integrity(&Key::short_term(&RustCrypto, b"x")),
        Err(CheckError::Mismatch)
    );
}

#[test]
fn a_truncated_message_is_refused_at_every_length() {
    let bytes = unhex(REQUEST);
    for len in 0..bytes.len() {
        assert!(Message::parse(&bytes[..len]).is_err(), "{len}");
        // Also with a length field that agrees.
        let mut short = bytes[..len].to_vec();
        if len >= 20 {
            short[2..4].copy_from_slice(&((len - 20) as u16).to_be_bytes());
            if let Ok(message) = Message::parse(&short) {
                assert!(message.check_fingerprint().is_err());
            }
        }
    }
}

fn build(fill: impl FnOnce(&mut Builder<'_>) -> Result<(), BufferTooSmall>) -> Vec<u8> {
    let mut buf = [0xaa; 600];
    let mut builder = Builder::new(&mut buf, Class::Request, Method::BINDING, ID).unwrap();
    fill(&mut builder).unwrap();
    let len = builder.finish();
    buf[..len].to_vec()
}

#[test]
fn every_attribute_survives_a_round_trip() {
    let v4: SocketAddr = "192.0.2.7:4000".parse().unwrap();
    let v6: SocketAddr = "[2001:db8::7]:4001".parse().unwrap();
    let bytes = build(|b| {
        b.username("me:you")?;
        b.realm("realm")?;
        b.nonce(b"nonce")?;
        b.software("s")?;
        b.priority(7)?;
        b.use_candidate()?;
        b.ice_controlling(8)?;
        b.ice_controlled(9)?;
        b.xor_mapped_address(&v6)?;
        b.xor_peer_address(&v4)?;
        b.xor_relayed_address(&v6)?;
        b.lifetime(600)?;
        b.channel_number(0x4001)?;
        b.data(b"payload")?;
        b.requested_transport(17)?;
        b.requested_address_family(AddressFamily::Ipv6)?;
        b.error_code(438, "Stale Nonce")?;
        b.unknown_attributes(&[AttributeType(1), AttributeType(0x7777), AttributeType(3)])?;
        b.integrity(&short())?;
        b.integrity_sha256(&short())?;
        b.fingerprint()
    });
    assert_eq!(bytes.len() % 4, 0);
    let m = Message::parse(&bytes).unwrap();
    assert_eq!(m.username(), Some("me:you"));
    assert_eq!(m.realm(), Some("realm"));
    assert_eq!(m.nonce(), Some(&b"nonce"[..]));
    assert_eq!(m.software(), Some("s"));
    assert_eq!(m.priority(), Some(7));
    assert!(m.use_candidate());
    assert_eq!(m.ice_controlling(), Some(8));
    assert_eq!(m.ice_controlled(), Some(9));
    assert_eq!(m.mapped_address(), Some(v6));
    assert_eq!(m.peer_address(), Some(v4));
    assert_eq!(m.relayed_address(), Some(v6));
    assert_eq!(m.lifetime(), Some(600));
    assert_eq!(m.channel_number(), Some(0x4001));
    assert_eq!(m.data(), Some(&b"payload"[..]));
    assert_eq!(m.requested_transport(), Some(17));
    assert_eq!(m.requested_address_family(), Some(AddressFamily::Ipv6));
    let error = m.error_code().unwrap();
    assert_eq!((error.code, error.reason), (438, "Stale Nonce"));
    let unknown: Vec<_> = m.unknown_attributes().collect();
    assert_eq!(
        unknown,
        [AttributeType(1), AttributeType(0x7777), AttributeType(3)]
    );
    assert!(m.has_integrity() && m.has_integrity_sha256() && m.has_fingerprint());
    assert_eq!(m.check_integrity(&short()), Ok(()));
    assert_eq!(m.check_fingerprint(), Ok(()));
}

#[test]
fn a_plain_mapped_address_of_an_old_server_is_read() {
    let v4: SocketAddr = "192.0.2.7:4000".parse().unwrap();
    let bytes = build(|b| b.mapped_address(&v4));
    assert_eq!(Message::parse(&bytes).unwrap().mapped_address(), Some(v4));
}

#[test]
fn what_follows_the_integrity_is_ignored() {
    let bytes = build(|b| {
        b.integrity(&short())?;
        b.use_candidate()?;
        b.priority(1)?;
        b.fingerprint()
    });
    let message = Message::parse(&bytes).unwrap();
    assert_eq!(message.check_integrity(&short()), Ok(()));
    assert!(!message.use_candidate());
    assert_eq!(message.priority(), None);
    assert_eq!(message.attributes().count(), 0);
}

#[test]
fn a_truncated_sha256_integrity_holds_and_one_below_16_bytes_is_refused() {
    for (len, fits) in [(32, true), (20, true), (16, true), (12, false)] {
        // The tag depends on the length field, so the whole message is made by hand.
        let mut bytes = build(|b| b.priority(5));
        let total = bytes.len() + 4 + len - 20;
        bytes[2..4].copy_from_slice(&(total as u16).to_be_bytes());
        let tag = short().sha256().compute(&[&bytes]);
        bytes.extend_from_slice(&0x001c_u16.to_be_bytes());
        bytes.extend_from_slice(&(len as u16).to_be_bytes());
        bytes.extend_from_slice(&tag[..len]);
        match Message::parse(&bytes) {
            Ok(message) => {
                assert!(fits);
                assert_eq!(message.check_integrity(&short()), Ok(()));
            }
            Err(error) => {
                assert!(!fits);
                assert_eq!(error, ParseError::BadIntegrityLength);
            }
        }
    }
}

#[test]
fn each_malformation_has_its_own_error() {
    let good = build(|b| b.fingerprint());
    let broken = |at: usize, byte: u8| {
        let mut bytes = good.clone();
        bytes[at] = byte;
        Message::parse(&bytes).unwrap_err()
    };
    assert_eq!(
        Message::parse(&good[..19]).unwrap_err(),
        ParseError::TooShort
    );
    assert_eq!(broken(0, 0x80), ParseError::NotStun);
    assert_eq!(broken(4, 0), ParseError::BadCookie);
    assert_eq!(broken(3, 9), ParseError::BadLength);
    assert_eq!(broken(3, 12), ParseError::BadLength);
    assert_eq!(broken(23, 8), ParseError::TruncatedAttribute);
    assert_eq!(broken(23, 3), ParseError::BadIntegrityLength);
    let twice = build(|b| {
        b.fingerprint()?;
        b.fingerprint()
    });
    assert_eq!(
        Message::parse(&twice).unwrap_err(),
        ParseError::FingerprintNotLast
    );
}

#[test]
fn a_full_buffer_is_an_error_and_leaves_a_valid_message() {
    for room in 0..120 {
        let mut buf = [0; 120];
        let Ok(mut b) = Builder::new(&mut buf[..room], Class::Request, Method::BINDING, ID) else {
            assert!(room < 20);
            continue;
        };
        let done = b.username("abc").is_ok()
            && b.xor_mapped_address(&"[::1]:1".parse().unwrap()).is_ok()
            && b.error_code(400, "x").is_ok()
            && b.integrity(&short()).is_ok()
            && b.fingerprint().is_ok();
        assert_eq!(done, room >= 20 + 8 + 24 + 12 + 24 + 8);
    }
}

#[test]
fn an_error_response_never_outgrows_the_buffer_that_is_lent() {
    let bytes = unhex(REQUEST);
    let request = Message::parse(&bytes).unwrap();
    let mut buf = [0; 108];
    let unknown = [AttributeType(0x7001)];
    let len = write_error_response(
        &mut buf,
        &request,
        Code::UnknownAttribute,
        &unknown,
        Some(&short()),
    )
    .unwrap();
    let response = Message::parse(&buf[..len]).unwrap();
    assert_eq!(response.class(), Class::Error);
    assert_eq!(response.transaction_id(), request.transaction_id());
    assert_eq!(response.error_code().unwrap().code, 420);
    assert_eq!(
        response.unknown_attributes().next(),
        Some(AttributeType(0x7001))
    );
    assert_eq!(response.check_integrity(&short()), Ok(()));
    let too_small = write_error_response(
        &mut buf[..50],
        &request,
        Code::RoleConflict,
        &[],
        Some(&short()),
    );
    assert_eq!(too_small, Err(BufferTooSmall));
}

#[test]
fn methods_and_classes_share_sixteen_bits_without_loss() {
    for number in 0..0x1000 {
        let method = Method::new(number).unwrap();
        for class in [
            Class::Request,
            Class::Indication,
            Class::Success,
            Class::Error,
        ] {
            let mut buf = [0; 20];
            let len = Builder::new(&mut buf, class, method, ID).unwrap().finish();
            let message = Message::parse(&buf[..len]).unwrap();
            assert_eq!((message.class(), message.method()), (class, method));
        }
    }
    assert_eq!(Method::new(0x1000), None);
}

#[test]
fn stun_is_told_from_its_neighbours_on_the_socket() {
    assert!(is_stun(&unhex(RESPONSE_V4)));
    assert!(!is_stun(&[
        0x16, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0
    ]));
    assert!(!is_stun(&[0x80; 40]));
    assert!(!is_stun(&unhex(RESPONSE_V4)[..19]));
    assert!(!is_stun(&[]));
}

#[test]
fn crc_32_of_the_check_string() {
    assert_eq!(crc32(&[b"1234", b"", b"56789"]), 0xcbf4_3926);
}

#[test]
fn unknown_attributes_that_must_be_understood_are_listed() {
    let bytes = build(|b| {
        b.username("x")?;
        b.attribute(AttributeType(0x7fff), b"abc")?;
        b.attribute(AttributeType(0xc070), b"")
    });
    let message = Message::parse(&bytes).unwrap();
    let unknown: Vec<_> = message
        .unknown_required(&[AttributeType::USERNAME])
        .collect();
    assert_eq!(unknown, [AttributeType(0x7fff)]);
}
