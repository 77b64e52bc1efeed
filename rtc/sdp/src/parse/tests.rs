use crate::{
    Direction, Error, Extension, HashFunction, LimitName, Malformed, Media, SessionDescription,
    Setup,
};
use smolrtc_base::Limits;
use std::{format, string::String, vec::Vec};

const RECORDED: [&str; 5] = [
    include_str!("../../tests/data/chromium-156-offer.sdp"),
    include_str!("../../tests/data/chromium-156-answer.sdp"),
    include_str!("../../tests/data/kvs-c-sdk-answer.sdp"),
    include_str!("../../tests/data/firefox-like-offer.sdp"),
    include_str!("../../tests/data/safari-like-offer.sdp"),
];

const HEAD: &str = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n";

fn parse(text: &str) -> Result<SessionDescription, Error> {
    SessionDescription::parse(text.as_bytes(), &Limits::HOST)
}

fn first_section(lines: &str) -> Media {
    parse(&format!("{HEAD}{lines}")).unwrap().media.remove(0)
}

fn with_attributes(count: usize, attribute: &str) -> String {
    let mut text = format!("{HEAD}m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n");
    for _ in 0..count {
        text.push_str(attribute);
    }
    text
}

#[test]
fn the_offer_of_chromium_is_read_whole() {
    let offer = parse(RECORDED[0]).unwrap();
    assert_eq!(offer.session_id, "268724404826417005");
    assert_eq!(offer.session_version, 2);
    assert_eq!(offer.bundle(), ["0", "1", "2"]);
    assert!(offer.extmap_allow_mixed);
    let [audio, video, data] = &offer.media[..] else {
        panic!("three sections");
    };
    assert_eq!(audio.transport.setup, Some(Setup::ActPass));
    assert!(audio.transport.trickle && audio.rtcp_mux && audio.rtcp_rsize);
    assert!(audio.receiver_rtt && video.receiver_rtt && !data.receiver_rtt);
    assert_eq!(audio.transport.ice.as_ref().unwrap().ufrag, "9XBx");
    assert_eq!(audio.transport.fingerprints[0].hash, HashFunction::Sha256);
    assert_eq!(audio.transport.fingerprints[0].digest[..2], [0x1a, 0xf8]);
    assert_eq!(video.payloads.len(), 23);
    let h264 = video
        .payloads
        .iter()
        .find(|p| p.payload_type == 108)
        .unwrap();
    assert_eq!((&*h264.name, h264.clock_rate), ("H264", 90_000));
    assert_eq!(h264.parameter("Profile-Level-Id"), Some("42e01f"));
    assert_eq!(h264.feedback, crate::Feedback::ALL);
    assert_eq!(video.rtx_of(108), Some(109));
    assert_eq!(video.fid, [(772_193_481, 2_128_149_649)]);
    assert_eq!(video.streams[0].cname, "TYT2nHfvqobmqDYh");
    let ids: Vec<_> = video
        .extensions
        .iter()
        .map(|map| (map.id, map.extension))
        .collect();
    assert_eq!(
        ids,
        [
            (2, Extension::AbsSendTime),
            (3, Extension::TransportWideCc),
            (4, Extension::Mid)
        ]
    );
    assert_eq!(data.sctp.unwrap().max_message_size, Some(262_144));
}

#[test]
fn the_answer_of_the_c_sdk_is_read_with_its_candidates() {
    let answer = parse(RECORDED[2]).unwrap();
    assert!(answer.transport.trickle);
    for media in &answer.media {
        assert_eq!(media.candidates.len(), 1);
        assert!(media.candidates[0].starts_with("candidate:0 1 udp 2130706431 10.77.0.2 57395"));
    }
    assert_eq!(answer.media[1].direction, Some(Direction::SendOnly));
    assert_eq!(answer.media[1].streams.len(), 1);
    assert_eq!(answer.media[2].sctp.unwrap().max_message_size, None);
}

#[test]
fn session_level_transport_and_direction_hold_for_every_section() {
    let offer = parse(RECORDED[3]).unwrap();
    assert!(offer.transport.trickle);
    assert_eq!(offer.transport.fingerprints.len(), 1);
    assert_eq!(offer.direction, Some(Direction::SendRecv));
    assert_eq!(offer.direction_of(&offer.media[0]), Direction::RecvOnly);
    assert!(offer.media[0].transport.fingerprints.is_empty());
}

#[test]
fn what_is_emitted_is_read_back_equal() {
    for text in RECORDED {
        let description = parse(text).unwrap();
        assert_eq!(parse(&description.emit()).unwrap(), description);
    }
}

#[test]
fn line_ends_and_the_last_newline_do_not_matter() {
    let expected = parse(RECORDED[0]).unwrap();
    let lf = RECORDED[0].replace("\r\n", "\n");
    assert_eq!(parse(&lf).unwrap(), expected);
    assert_eq!(parse(lf.trim_end()).unwrap(), expected);
    assert_eq!(parse(&lf.replace('\n', "\r\n")).unwrap(), expected);
}

#[test]
fn three_hundred_attributes_are_accepted_and_five_thousand_refused_by_name() {
    assert_eq!(
        parse(&with_attributes(300, "a=x-y:z\r\n"))
            .unwrap()
            .media
            .len(),
        1
    );
    let refused = parse(&with_attributes(5_000, "a=x-y:z\r\n")).unwrap_err();
    let line = 5 + u32::try_from(Limits::HOST.sdp_attributes).unwrap() + 1;
    assert_eq!(
        refused,
        Error::Limit {
            limit: LimitName::Attributes,
            line
        }
    );
    assert_eq!(
        format!("{refused}"),
        "session description refused at line 1030: more than sdp_attributes allows"
    );
}

#[test]
fn too_many_sections_and_too_many_bytes_are_refused_by_name() {
    let sections = format!("{HEAD}{}", "m=audio 9 RTP/SAVPF 0\r\n".repeat(17));
    assert_eq!(
        parse(&sections).unwrap_err(),
        Error::Limit {
            limit: LimitName::Sections,
            line: 21
        }
    );
    let bytes = with_attributes(10_000, "a=x-y:z\r\n");
    assert!(matches!(
        parse(&bytes).unwrap_err(),
        Error::Limit {
            limit: LimitName::Bytes,
            line: 7_000..
        }
    ));
}

#[test]
fn a_megabyte_of_junk_is_refused() {
    let junk: Vec<u8> = (0..1_000_000_u32)
        .map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect();
    assert!(SessionDescription::parse(&junk, &Limits::HOST).is_err());
    let mut limits = Limits::HOST;
    limits.sdp_bytes = 2_000_000;
    assert_eq!(
        SessionDescription::parse(&junk, &limits).unwrap_err(),
        Error::Syntax {
            line: 1,
            what: Malformed::NotSdp
        }
    );
}

#[test]
fn a_fault_is_reported_with_its_line() {
    for (line, what) in [
        (
            "a=mid:0\r\nm=video 9 RTP/SAVPF 96\r\na=mid:0\r\n",
            Malformed::DuplicateMid,
        ),
        ("a=b\r\na=c\r\nhello\r\n", Malformed::NotTypeValue),
        (
            "a=b\r\na=c\r\na=ice-pwd:short\r\n",
            Malformed::IceCredentials,
        ),
        (
            "a=b\r\na=c\r\na=fingerprint:sha-256 AA:BB\r\n",
            Malformed::Fingerprint,
        ),
        ("a=b\r\na=c\r\na=setup:maybe\r\n", Malformed::Setup),
        ("a=b\r\na=c\r\nm=video\r\n", Malformed::MediaLine),
        (
            "a=b\r\na=c\r\nm=video 70000 RTP/SAVPF 96\r\n",
            Malformed::MediaLine,
        ),
    ] {
        let text = format!("{HEAD}m=audio 9 RTP/SAVPF 0\r\n{line}");
        assert_eq!(
            parse(&text).unwrap_err(),
            Error::Syntax { line: 8, what },
            "{line}"
        );
    }
    let mut bytes = HEAD.as_bytes().to_vec();
    bytes.extend_from_slice(b"s=\xff\xfe\r\n");
    assert_eq!(
        SessionDescription::parse(&bytes, &Limits::HOST).unwrap_err(),
        Error::Syntax {
            line: 5,
            what: Malformed::NotUtf8
        }
    );
    assert!(parse("").is_err());
    assert!(parse("v=0\r\n").is_err());
}

#[test]
fn payload_types_above_127_and_repeated_ones_are_passed_over() {
    let media = first_section(
        "m=audio 9 UDP/TLS/RTP/SAVPF 111 200 111 999 0\r\na=rtpmap:200 opus/48000/2\r\n\
         a=rtpmap:111 opus/48000/2\r\n",
    );
    let types: Vec<_> = media
        .payloads
        .iter()
        .map(|p| (p.payload_type, &*p.name))
        .collect();
    assert_eq!(types, [(111, "opus"), (0, "PCMU")]);
}

#[test]
fn an_unknown_hash_is_ignored_and_the_strong_ones_are_read() {
    let hex = |len: usize| ["AB"].repeat(len).join(":");
    let media = first_section(&format!(
        "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=fingerprint:sha-1 {}\r\na=fingerprint:SHA-512 {}\r\n\
         a=fingerprint:sha-384 {}\r\n",
        hex(20),
        hex(64),
        hex(48)
    ));
    let hashes: Vec<_> = media
        .transport
        .fingerprints
        .iter()
        .map(|print| print.hash)
        .collect();
    assert_eq!(hashes, [HashFunction::Sha512, HashFunction::Sha384]);
}

#[test]
fn feedback_for_every_format_reaches_each() {
    let media = first_section(
        "m=video 9 UDP/TLS/RTP/SAVPF 96 98\r\na=rtcp-fb:* nack\r\na=rtcp-fb:98 nack pli\r\n",
    );
    assert!(media.payloads.iter().all(|payload| payload.feedback.nack));
    assert!(!media.payloads[0].feedback.pli && media.payloads[1].feedback.pli);
}

#[test]
fn the_older_form_of_a_data_section_has_its_port_in_the_media_line() {
    let media = first_section(
        "m=application 9 DTLS/SCTP 5005\r\na=sctpmap:5005 webrtc-datachannel 256\r\n",
    );
    assert_eq!(media.sctp.unwrap().port, 5_005);
}

#[test]
fn debug_output_does_not_show_the_ice_password() {
    let offer = parse(RECORDED[0]).unwrap();
    assert!(!format!("{offer:?}").contains("m4/jfiCxl5xJcznQGZgRII4W"));
}
