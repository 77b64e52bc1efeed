use super::*;
use crate::{HashFunction, Media, PacketizationMode, ProfileLevelId, Setup};
use smolrtc_base::Limits;
use std::{format, string::ToString, vec};

const CHROMIUM: &str = include_str!("../../tests/data/chromium-156-offer.sdp");
const FIREFOX: &str = include_str!("../../tests/data/firefox-like-offer.sdp");
const SAFARI: &str = include_str!("../../tests/data/safari-like-offer.sdp");
const C_SDK: &str = include_str!("../../tests/data/kvs-c-sdk-answer.sdp");

fn parse(text: &str) -> SessionDescription {
    SessionDescription::parse(text.as_bytes(), &Limits::HOST).unwrap()
}

fn stream(ssrc: u32, track: &str) -> LocalStream {
    LocalStream {
        ssrc,
        rtx_ssrc: Some(ssrc.wrapping_add(1)),
        cname: "camera".into(),
        stream_id: "stream".into(),
        track_id: track.into(),
    }
}

/// A camera that sends and takes Opus, sends H.264 and takes H.264 and VP8.
fn camera() -> Capabilities {
    Capabilities {
        audio: KindCapabilities {
            send: vec![Codec::Opus],
            receive: vec![Codec::Opus, Codec::Pcmu],
            stream: Some(stream(100, "audio")),
            feedback: Feedback::AUDIO,
            rtx: false,
        },
        video: KindCapabilities {
            send: vec![Codec::H264_BASELINE],
            receive: vec![Codec::H264_BASELINE, Codec::Vp8],
            stream: Some(stream(200, "video")),
            feedback: Feedback::ALL,
            rtx: true,
        },
        data: Some(DataCapabilities {
            port: 5_000,
            max_message_size: 262_144,
        }),
        extensions: Extension::ALL.to_vec(),
        ice: Some(IceCredentials::new("camU", "cameraPasswordOf22Chars")),
        trickle: true,
        candidates: vec!["candidate:1 1 udp 2130706431 192.0.2.1 5000 typ host".into()],
        end_of_candidates: false,
        fingerprints: vec![Fingerprint {
            hash: HashFunction::Sha256,
            digest: vec![7; 32],
        }],
        role: DtlsRole::Client,
        session_id: 42,
        session_version: 1,
    }
}

fn answered(offer: &str, ours: &Capabilities) -> (Negotiated, SessionDescription) {
    let negotiated = answer(&parse(offer), ours).unwrap();
    let description = parse(&negotiated.sdp);
    (negotiated, description)
}

#[test]
fn a_chromium_viewer_gets_h264_mode_1_with_retransmission_and_opus() {
    let (negotiated, text) = answered(CHROMIUM, &camera());
    let [audio, video, data] = &negotiated.sections[..] else {
        panic!("three sections");
    };
    let sent = video.send.as_ref().unwrap();
    assert_eq!((sent.payload_type, sent.rtx), (108, Some(109)));
    assert_eq!(sent.codec, Codec::H264_BASELINE);
    assert_eq!(video.direction, Direction::SendRecv);
    assert_eq!(video.extensions.mid, Some(4));
    assert_eq!(video.extensions.transport_wide_cc, Some(3));
    assert_eq!(video.feedback, Feedback::ALL);
    assert_eq!(
        video.remote_streams,
        [PeerStream {
            ssrc: 772_193_481,
            rtx_ssrc: Some(2_128_149_649),
            cname: "TYT2nHfvqobmqDYh".into()
        }]
    );
    let receives: Vec<_> = video
        .receive
        .iter()
        .map(|f| (f.payload_type, f.rtx))
        .collect();
    assert_eq!(receives, [(108, Some(109)), (96, Some(97))]);
    assert_eq!(audio.send.as_ref().unwrap().payload_type, 111);
    assert_eq!(audio.receive.len(), 2);
    assert!(!data.rejected);
    assert_eq!(negotiated.sctp.unwrap().max_message_size, 262_144);
    assert_eq!(negotiated.dtls_role, DtlsRole::Client);
    assert!(negotiated.remote_trickle && !negotiated.remote_ice_lite);
    assert_eq!(negotiated.remote_fingerprints[0].digest[0], 0x1a);

    assert_eq!(text.bundle(), ["0", "1", "2"]);
    assert_eq!(text.media[1].formats, "108 109 96 97");
    assert_eq!(
        text.media[1].payloads[0].parameter("profile-level-id"),
        Some("42e01f")
    );
    assert_eq!(text.media[1].payloads[1].rtx_apt(), Some(108));
    assert!(
        text.media
            .iter()
            .all(|media| media.transport.setup == Some(Setup::Active))
    );
    assert_eq!(text.media[1].fid, [(200, 201)]);
    assert_eq!(text.media[0].fid, []);
    assert_eq!(text.media[0].candidates.len(), 1);
    assert_eq!(text.media[1].candidates.len(), 0);
}

#[test]
fn the_exact_text_of_an_answer() {
    let offer = "v=0\r\no=- 7 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE v\r\n\
        m=video 9 UDP/TLS/RTP/SAVPF 108 109\r\nc=IN IP4 0.0.0.0\r\na=ice-ufrag:abcd\r\n\
        a=ice-pwd:aaaaaaaaaaaaaaaaaaaaaaaa\r\na=fingerprint:sha-256 01:02:03:04:05:06:07:08:09:0A:0B:0C:\
        0D:0E:0F:10:11:12:13:14:15:16:17:18:19:1A:1B:1C:1D:1E:1F:20\r\na=setup:actpass\r\na=mid:v\r\n\
        a=recvonly\r\na=rtcp-mux\r\na=rtpmap:108 H264/90000\r\na=rtcp-fb:108 nack\r\n\
        a=fmtp:108 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f\r\n\
        a=rtpmap:109 rtx/90000\r\na=fmtp:109 apt=108\r\n";
    let expected = "v=0\r\no=- 42 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE v\r\n\
        m=video 9 UDP/TLS/RTP/SAVPF 108 109\r\nc=IN IP4 0.0.0.0\r\n\
        a=candidate:1 1 udp 2130706431 192.0.2.1 5000 typ host\r\na=ice-ufrag:camU\r\n\
        a=ice-pwd:cameraPasswordOf22Chars\r\na=ice-options:trickle\r\n\
        a=fingerprint:sha-256 07:07:07:07:07:07:07:07:07:07:07:07:07:07:07:07:07:07:07:07:07:07:07:07:\
        07:07:07:07:07:07:07:07\r\na=setup:active\r\na=mid:v\r\na=sendonly\r\na=msid:stream video\r\n\
        a=rtcp-mux\r\na=rtpmap:108 H264/90000\r\na=rtcp-fb:108 nack\r\n\
        a=fmtp:108 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f\r\n\
        a=rtpmap:109 rtx/90000\r\na=fmtp:109 apt=108\r\na=ssrc-group:FID 200 201\r\n\
        a=ssrc:200 cname:camera\r\na=ssrc:201 cname:camera\r\n";
    assert_eq!(answer(&parse(offer), &camera()).unwrap().sdp, expected);
}

#[test]
fn a_firefox_viewer_that_only_receives_gets_send_only_sections() {
    let (negotiated, text) = answered(FIREFOX, &camera());
    let video = negotiated.sending(&Kind::Video).unwrap();
    let sent = video.send.as_ref().unwrap();
    assert_eq!((sent.payload_type, sent.rtx), (126, Some(127)));
    assert_eq!(video.direction, Direction::SendOnly);
    assert!(video.receive.is_empty());
    assert_eq!(text.media[1].direction, Some(Direction::SendOnly));
    assert_eq!(text.media[1].formats, "126 127");
    assert_eq!(negotiated.remote_fingerprints.len(), 1);
    assert_eq!(text.media[0].formats, "109");
}

#[test]
fn a_bundle_only_section_is_no_rejection_and_the_exact_profile_is_preferred() {
    let (negotiated, text) = answered(SAFARI, &camera());
    let sent = negotiated.sections[1].send.as_ref().unwrap();
    assert_eq!((sent.payload_type, sent.rtx), (98, Some(99)));
    assert_eq!(text.media[1].port, 9);
    assert_eq!(negotiated.remote_fingerprints[0].hash, HashFunction::Sha384);
    let mut h265 = camera();
    h265.video.send = vec![Codec::H265];
    let (negotiated, _) = answered(SAFARI, &h265);
    assert_eq!(
        negotiated.sections[1].send.as_ref().unwrap().payload_type,
        100
    );
}

#[test]
fn a_section_with_packetization_mode_0_alone_is_rejected() {
    let offer = CHROMIUM
        .replace("packetization-mode=1", "packetization-mode=0")
        .replace("VP8", "VPX");
    let (negotiated, text) = answered(&offer, &camera());
    assert!(negotiated.sections[1].rejected);
    assert_eq!(text.media[1].port, 0);
    assert_eq!(text.bundle(), ["0", "2"]);
    assert!(negotiated.sending(&Kind::Audio).is_some());
    assert!(!negotiated.sections[2].rejected);
}

#[test]
fn a_larger_profile_carries_a_smaller_stream_but_not_the_reverse() {
    let only = |profile: &str| {
        let mut offer = parse(CHROMIUM);
        offer.media[1].payloads.retain(|p| p.payload_type == 108);
        offer.media[1].payloads[0].fmtp =
            format!("packetization-mode=1;profile-level-id={profile}");
        offer
    };
    for profile in ["42001f", "4d001f", "64001f", "640c1f", "42c01f", "4de01f"] {
        let negotiated = answer(&only(profile), &camera()).unwrap();
        assert!(!negotiated.sections[1].rejected, "{profile}");
    }
    let mut high = camera();
    high.video.send = vec![Codec::H264 {
        profile_level_id: ProfileLevelId(0x64_0028),
        packetization_mode: PacketizationMode::NonInterleaved,
    }];
    high.video.receive.clear();
    for profile in ["42e01f", "4d001f"] {
        let negotiated = answer(&only(profile), &high).unwrap();
        assert!(negotiated.sections[1].rejected, "{profile}");
    }
}

#[test]
fn without_level_asymmetry_the_lower_level_is_answered() {
    let level = |fmtp: &str| {
        let mut offer = parse(CHROMIUM);
        offer.media[1].payloads.retain(|p| p.payload_type == 108);
        offer.media[1].payloads[0].fmtp = fmtp.into();
        let answer = parse(&answer(&offer, &camera()).unwrap().sdp);
        answer.media[1].payloads[0]
            .parameter("profile-level-id")
            .unwrap()
            .to_string()
    };
    let offered = "packetization-mode=1;profile-level-id=42e00d";
    assert_eq!(level(offered), "42e00d");
    assert_eq!(
        level(&format!("level-asymmetry-allowed=1;{offered}")),
        "42e01f"
    );
}

#[test]
fn audio_only_video_only_and_data_only_offers_are_answered() {
    for keep in 0..3 {
        let mut offer = parse(CHROMIUM);
        offer.media = vec![offer.media.swap_remove(keep)];
        offer.groups[0].mids = vec![offer.media[0].mid.clone().unwrap()];
        let negotiated = answer(&offer, &camera()).unwrap();
        assert_eq!(negotiated.sections.len(), 1);
        assert!(!negotiated.sections[0].rejected);
        assert_eq!(negotiated.sctp.is_some(), keep == 2);
    }
}

#[test]
fn sections_outside_the_bundle_and_unknown_ones_are_rejected_in_place() {
    let offer = CHROMIUM.replace("BUNDLE 0 1 2", "BUNDLE 0 2").replace(
        "m=application 9 UDP/DTLS/SCTP webrtc-datachannel",
        "m=text 9 RTP/AVP 98",
    );
    let (negotiated, text) = answered(&offer, &camera());
    let rejected: Vec<_> = negotiated.sections.iter().map(|s| s.rejected).collect();
    assert_eq!(rejected, [false, true, true]);
    assert_eq!(text.bundle(), ["0"]);
    assert_eq!(text.media[2].kind, Kind::Other("text".into()));
    assert_eq!(text.media[2].formats, "98");
}

#[test]
fn without_a_bundle_only_the_first_section_is_taken() {
    let offer = CHROMIUM
        .replace("a=group:BUNDLE 0 1 2\r\n", "")
        .replace("a=group:BUNDLE 0 1 2\n", "");
    let (negotiated, text) = answered(&offer, &camera());
    let rejected: Vec<_> = negotiated.sections.iter().map(|s| s.rejected).collect();
    assert_eq!(rejected, [false, true, true]);
    assert!(text.groups.is_empty());
}

#[test]
fn one_stream_of_a_kind_goes_to_the_first_section_that_wants_it() {
    let mut offer = parse(CHROMIUM);
    let mut second = offer.media[1].clone();
    second.mid = Some("9".into());
    offer.media.push(second);
    offer.groups[0].mids.push("9".into());
    let negotiated = answer(&offer, &camera()).unwrap();
    assert_eq!(negotiated.sections[1].direction, Direction::SendRecv);
    assert_eq!(negotiated.sections[3].direction, Direction::RecvOnly);
    assert!(parse(&negotiated.sdp).media[3].streams.is_empty());
}

#[test]
fn a_camera_that_cannot_receive_answers_a_sending_viewer_with_inactive() {
    let mut ours = camera();
    ours.audio.receive.clear();
    let offer = CHROMIUM.replacen("a=sendrecv", "a=sendonly", 1);
    let (negotiated, text) = answered(&offer, &ours);
    assert!(!negotiated.sections[0].rejected);
    assert_eq!(text.media[0].direction, Some(Direction::Inactive));
    assert_eq!(text.media[0].formats, "111");
}

#[test]
fn the_dtls_role_follows_the_offer() {
    let role = |setup: &str, ours: DtlsRole| {
        let offer = CHROMIUM.replace("a=setup:actpass", setup);
        let capabilities = Capabilities {
            role: ours,
            ..camera()
        };
        let (negotiated, text) = answered(&offer, &capabilities);
        (negotiated.dtls_role, text.media[0].transport.setup.unwrap())
    };
    let client = (DtlsRole::Client, Setup::Active);
    let server = (DtlsRole::Server, Setup::Passive);
    assert_eq!(role("a=setup:actpass", DtlsRole::Client), client);
    assert_eq!(role("a=setup:actpass", DtlsRole::Server), server);
    assert_eq!(role("a=setup:active", DtlsRole::Client), server);
    assert_eq!(role("a=setup:passive", DtlsRole::Server), client);
    assert_eq!(role("a=x", DtlsRole::Client), client);
}

#[test]
fn an_offer_without_credentials_or_fingerprint_is_an_error() {
    let without = |attribute: &str| {
        let lines = CHROMIUM.lines().filter(|line| !line.starts_with(attribute));
        answer(&parse(&lines.collect::<Vec<_>>().join("\n")), &camera()).unwrap_err()
    };
    assert_eq!(without("a=ice-pwd"), Error::NoIceCredentials);
    assert_eq!(without("a=ice-ufrag"), Error::NoIceCredentials);
    assert_eq!(without("a=fingerprint"), Error::NoFingerprint);
}

#[test]
fn a_refusal_rejects_every_section_and_says_why() {
    let text = reject_all(&parse(CHROMIUM), "viewer limit\r\na=evil");
    let answer = parse(&text);
    assert_eq!(answer.refusal(), Some("viewer limita=evil"));
    assert_eq!(answer.media.len(), 3);
    assert!(answer.media.iter().all(Media::is_rejected));
    assert_eq!(answer.media[1].mid.as_deref(), Some("1"));
    assert_eq!(parse(CHROMIUM).refusal(), None);
}

#[test]
fn an_offer_that_nothing_of_can_be_accepted_is_answered_without_error() {
    let (negotiated, text) = answered(CHROMIUM, &Capabilities::default());
    assert!(!negotiated.accepts_anything());
    assert!(text.media.iter().all(Media::is_rejected));
    assert_eq!(negotiated.remote_ice, None);
}

#[test]
fn two_cameras_agree_with_each_other() {
    let local = offer(&camera());
    assert_eq!(parse(&local.sdp), local.description);
    assert_eq!(local.description.media[1].formats, "96 97 98 99");
    let mut viewer = camera();
    viewer.video.send.clear();
    let theirs = answer(&local.description, &viewer).unwrap();
    let ours = accept_answer(&local, &parse(&theirs.sdp)).unwrap();
    assert_eq!(theirs.dtls_role, DtlsRole::Client);
    assert_eq!(ours.dtls_role, DtlsRole::Server);
    assert_eq!(ours.sections[1].direction, Direction::SendOnly);
    assert_eq!(theirs.sections[1].direction, Direction::RecvOnly);
    let sent = ours.sections[1].send.as_ref().unwrap();
    assert_eq!((sent.payload_type, sent.rtx), (96, Some(97)));
    assert_eq!(ours.sections[0].direction, Direction::SendRecv);
    assert_eq!(ours.sections[1].extensions, theirs.sections[1].extensions);
    assert_eq!(ours.sctp, theirs.sctp);
    assert_eq!(ours.remote_candidates.len(), 1);
}

#[test]
fn the_answer_of_the_c_sdk_to_an_offer_of_ours_is_accepted() {
    let mut local = offer(&camera());
    // The recorded answer speaks of payload type 108.
    let media = &mut local.description.media[1];
    media.payloads[0].payload_type = 108;
    let agreed = accept_answer(&local, &parse(C_SDK)).unwrap();
    assert_eq!(agreed.dtls_role, DtlsRole::Server);
    assert_eq!(agreed.sections[1].receive[0].payload_type, 108);
    assert_eq!(agreed.sections[1].receive[0].rtx, None);
    assert_eq!(agreed.remote_candidates.len(), 1);
    assert_eq!(agreed.sctp.unwrap().max_message_size, 65_536);
}

#[test]
fn an_answer_that_does_not_fit_is_refused() {
    let local = offer(&camera());
    let good = parse(&answer(&local.description, &camera()).unwrap().sdp);
    let mut short = good.clone();
    short.media.pop();
    let mismatch = |answer: &SessionDescription| accept_answer(&local, answer).unwrap_err();
    assert_eq!(mismatch(&short), Error::AnswerMismatch { section: 2 });
    let mut renamed = good.clone();
    renamed.media[1].mid = Some("x".into());
    assert_eq!(mismatch(&renamed), Error::AnswerMismatch { section: 1 });
    let mut undecided = good;
    for media in &mut undecided.media {
        media.transport.setup = Some(Setup::ActPass);
    }
    assert_eq!(mismatch(&undecided), Error::BadSetup);
}

#[test]
fn an_answer_that_rejects_everything_agrees_on_nothing() {
    let local = offer(&camera());
    let refusal = parse(&reject_all(&local.description, "viewer limit"));
    let agreed = accept_answer(&local, &refusal).unwrap();
    assert!(!agreed.accepts_anything());
}

#[test]
fn a_further_offer_keeps_mids_and_payload_types_and_restarts_ice_with_new_credentials() {
    let (_, ours) = answered(CHROMIUM, &camera());
    let restarted = Capabilities {
        ice: Some(IceCredentials::new("newU", "anotherPasswordOf22Chars")),
        session_version: 2,
        ..camera()
    };
    let local = reoffer(&ours, &restarted);
    assert_eq!(local.description.bundle(), ["0", "1", "2"]);
    assert_eq!(local.description.media[1].formats, "108 109 96 97");
    assert_eq!(local.description.session_version, 2);
    assert!(local.sdp.contains("a=setup:actpass"));
    assert!(ice_restart(&ours, &local.description));
    assert!(!ice_restart(&ours, &reoffer(&ours, &camera()).description));
    let theirs = answer(&local.description, &camera()).unwrap();
    let agreed = accept_answer(&local, &parse(&theirs.sdp)).unwrap();
    assert_eq!(agreed.sections[1].send.as_ref().unwrap().payload_type, 108);
}

#[test]
fn a_viewer_that_wants_to_measure_its_round_trip_is_promised_answers() {
    let (_, answer) = answered(CHROMIUM, &camera());
    let promised: Vec<bool> = answer
        .media
        .iter()
        .map(|media| media.receiver_rtt)
        .collect();
    assert_eq!(promised, [true, true, false]);
    let without = CHROMIUM.replace("a=rtcp-xr:rcvr-rtt=all\r\n", "a=rtcp-xr:voip-metrics\r\n");
    let (_, answer) = answered(&without, &camera());
    assert!(answer.media.iter().all(|media| !media.receiver_rtt));
    assert!(parse(&offer(&camera()).sdp).media[0].receiver_rtt);
}

#[test]
fn a_retransmission_type_that_was_not_offered_is_not_used() {
    let local = offer(&camera());
    let mut theirs = parse(&answer(&local.description, &camera()).unwrap().sdp);
    let rtx = |answer: &SessionDescription| {
        let agreed = accept_answer(&local, answer).unwrap();
        agreed.sections[1].send.as_ref().unwrap().rtx
    };
    assert_eq!(rtx(&theirs), Some(97));
    theirs.media[1].payloads[1].payload_type = 50;
    assert_eq!(rtx(&theirs), None);
}

#[test]
fn conflicting_retransmission_lines_choose_the_first() {
    let offer = CHROMIUM.replace("a=fmtp:97 apt=96", "a=fmtp:97 apt=108");
    let (negotiated, _) = answered(&offer, &camera());
    assert_eq!(negotiated.sections[1].send.as_ref().unwrap().rtx, Some(97));
    assert_eq!(negotiated.sections[1].receive[1].rtx, None);
}

#[test]
fn an_answer_with_ten_candidates_takes_less_than_five_kilobytes() {
    let mut ours = camera();
    ours.candidates = vec![ours.candidates[0].clone(); 10];
    let (negotiated, _) = answered(CHROMIUM, &ours);
    assert!(negotiated.sdp.len() < 5_000, "{}", negotiated.sdp.len());
}

#[test]
fn a_viewer_that_only_receives_still_agrees_on_feedback_and_retransmission() {
    let mut viewer = camera();
    viewer.audio.send.clear();
    viewer.video.send.clear();
    let offer = offer(&viewer);
    let (_, answer) = answered(&offer.sdp, &camera());
    let agreed = accept_answer(&offer, &answer).unwrap();
    let video = agreed
        .sections
        .iter()
        .find(|s| s.kind == Kind::Video)
        .unwrap();
    assert!(video.send.is_none());
    assert!(
        video.feedback.nack && video.feedback.transport_cc,
        "{:?}",
        video.feedback
    );
    assert!(video.receive[0].rtx.is_some());
}
