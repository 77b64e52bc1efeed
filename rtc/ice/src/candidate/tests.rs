use super::*;
use alloc::string::ToString;

fn round_trip(line: &str) {
    let candidate = Candidate::parse(line).unwrap();
    assert_eq!(candidate.to_string(), line);
    assert_eq!(Candidate::parse(&candidate.to_string()), Ok(candidate));
}

#[test]
fn lines_survive_a_round_trip() {
    round_trip("candidate:1 1 udp 2130706431 192.0.2.1 5000 typ host");
    round_trip(
        "candidate:842163049 1 udp 1677729535 198.51.100.3 41823 typ srflx raddr 10.0.0.1 rport 5000",
    );
    round_trip("candidate:4 1 udp 2122262783 2001:db8::1 9 typ host ufrag ABCD");
    round_trip(
        "candidate:5 1 udp 41885695 192.0.2.9 3000 typ relay raddr 198.51.100.3 rport 41823",
    );
    round_trip("candidate:6 1 tcp 1518280447 192.0.2.1 9 typ host tcptype active");
    round_trip(
        "candidate:7 1 udp 2113937151 1f4712db-ea17-4bcf-a596-105139dfd8bf.local 54596 typ host",
    );
}

#[test]
fn what_real_peers_write_is_understood() {
    // Chromium, with its extensions.
    let chromium = Candidate::parse(
        "candidate:0 1 udp 2130706431 10.77.0.2 57395 typ host raddr 0.0.0.0 rport 0 generation 0 network-cost 999",
    )
    .unwrap();
    assert_eq!(chromium.related, Some("0.0.0.0:0".parse().unwrap()));
    assert_eq!(chromium.kind, CandidateType::Host);
    let upper = Candidate::parse("a=candidate:1 1 UDP 1 192.0.2.1 5 TYP HOST\r\n").unwrap();
    assert_eq!(upper.transport, Transport::Udp);
    // Firefox ends a line without extensions; a bare value comes from some signalling.
    assert!(Candidate::parse("0 1 UDP 2122252543 192.0.2.1 5 typ host").is_ok());
    let zone = Candidate::parse("candidate:1 1 udp 1 fe80::1%eth0 5 typ host").unwrap();
    assert_eq!(zone.address.ip(), Some("[fe80::1]:5".parse().unwrap()));
    let passive =
        Candidate::parse("candidate:1 1 tcp 1 192.0.2.1 9 typ host tcptype passive generation 0");
    assert_eq!(passive.unwrap().transport, Transport::Tcp(TcpType::Passive));
    let other = Candidate::parse("candidate:1 1 sctp 1 192.0.2.1 9 typ host").unwrap();
    assert_eq!(other.transport, Transport::Other);
}

#[test]
fn each_bad_field_has_its_own_error() {
    use ParseCandidateError as E;
    for (line, error) in [
        ("", E::MissingField),
        ("candidate:", E::MissingField),
        ("candidate:1 1 udp 1 192.0.2.1 5", E::MissingField),
        ("candidate:1 1 udp 1 192.0.2.1 5 typ", E::MissingField),
        ("candidate:é 1 udp 1 192.0.2.1 5 typ host", E::Foundation),
        (
            "candidate:123456789012345678901234567890123 1 udp 1 192.0.2.1 5 typ host",
            E::Foundation,
        ),
        ("candidate:1 0 udp 1 192.0.2.1 5 typ host", E::Component),
        ("candidate:1 257 udp 1 192.0.2.1 5 typ host", E::Component),
        (
            "candidate:1 1 udp 4294967296 192.0.2.1 5 typ host",
            E::Priority,
        ),
        ("candidate:1 1 udp -1 192.0.2.1 5 typ host", E::Priority),
        ("candidate:1 1 udp 1 192.0.2.256 5 typ host", E::Address),
        ("candidate:1 1 udp 1 example.org 5 typ host", E::Address),
        ("candidate:1 1 udp 1 .local 5 typ host", E::Address),
        ("candidate:1 1 udp 1 a_b.local 5 typ host", E::Address),
        ("candidate:1 1 udp 1 192.0.2.1 65536 typ host", E::Port),
        ("candidate:1 1 udp 1 192.0.2.1 5 kind host", E::Type),
        ("candidate:1 1 udp 1 192.0.2.1 5 typ guest", E::Type),
    ] {
        assert_eq!(Candidate::parse(line), Err(error), "{line}");
    }
}

#[test]
fn a_reflexive_candidate_without_a_base_still_writes_a_related_address() {
    let mut candidate =
        Candidate::parse("candidate:1 1 udp 1 192.0.2.1 5 typ srflx raddr 10.0.0.1 rport 6")
            .unwrap();
    candidate.related = None;
    assert!(
        candidate
            .to_string()
            .ends_with("typ srflx raddr 0.0.0.0 rport 0")
    );
}

#[test]
fn a_numeric_foundation_is_written_in_decimal() {
    for number in [0, 7, 10, 4_294_967_295] {
        assert_eq!(Foundation::from_number(number).as_str(), number.to_string());
    }
}

#[test]
fn a_ufrag_with_control_characters_is_left_out() {
    let line = "candidate:1 1 udp 1 192.0.2.1 5 typ host ufrag AB\u{b}CD";
    assert_eq!(Candidate::parse(line).unwrap().ufrag, None);
}
