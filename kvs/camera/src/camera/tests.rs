//! Admission, replacement, waiting and refusal, told by the messages that come out.

use std::net::SocketAddr;
use std::string::{String, ToString as _};
use std::vec::Vec;

use kvs_message::{Body, Candidate, ClientId, Inbound, Outbound};
use smolrtc::base::{Duration, Instant, Limits, Rng, UnixTime};
use smolrtc::crypto::{Provider as _, RustCrypto};
use smolrtc::rtp::Codec;
use smolrtc::{Certificate, PeerConnection};

use crate::{Camera, Config, Event, LeaveReason, RefusalReason};

static PROVIDER: RustCrypto = RustCrypto;
const START: Instant = Instant::from_millis(1_000);

fn certificate(seed: u64) -> Certificate {
    let wall = UnixTime::from_secs(1_750_000_000);
    Certificate::generate(&PROVIDER, &mut Rng::from_u64(seed), wall).unwrap()
}

fn camera(viewers: usize) -> Camera {
    let mut limits = Limits::HOST;
    limits.viewers = viewers;
    let config = Config::new(certificate(1), limits).with_track(Codec::H264);
    let mut camera = Camera::new(config, Rng::from_u64(1), &PROVIDER);
    camera.add_interface(START, SocketAddr::from(([10, 0, 0, 1], 5_000)));
    camera
}

fn viewer(seed: u64) -> PeerConnection {
    let mut config = smolrtc::Config::new(certificate(seed), Limits::HOST);
    config.receive_video = Vec::from([Codec::H264]);
    let mut peer = PeerConnection::new(config, Rng::from_u64(seed), &PROVIDER);
    peer.add_interface(START, SocketAddr::from(([10, 0, 0, 2], 6_000)));
    peer
}

fn from(client: &str, body: Body) -> Inbound {
    Inbound {
        from: Some(ClientId::new(client).unwrap()),
        body,
        correlation_id: None,
        to: None,
    }
}

fn offer(seed: u64) -> Body {
    Body::Offer(viewer(seed).create_offer(START, false).unwrap())
}

fn candidate(line: &str) -> Body {
    Body::Candidate(Candidate {
        candidate: line.to_string(),
        ..Candidate::default()
    })
}

const HOST: &str = "candidate:1 1 udp 2130706431 10.0.0.2 6000 typ host";

/// What a camera said.
#[derive(Default)]
struct Said {
    signals: Vec<Outbound>,
    joined: usize,
    left: Vec<LeaveReason>,
    refused: Vec<RefusalReason>,
}

fn hear(camera: &mut Camera) -> Said {
    let mut said = Said::default();
    while let Some(event) = camera.poll_event() {
        match event {
            Event::Signal(message) => said.signals.push(message),
            Event::ViewerJoined { .. } => said.joined += 1,
            Event::ViewerLeft { reason, .. } => said.left.push(reason),
            Event::ViewerRefused { reason, .. } => said.refused.push(reason),
            _ => {}
        }
    }
    said
}

fn answers(said: &Said) -> Vec<&String> {
    let bodies = said.signals.iter().map(|message| &message.body);
    bodies
        .filter_map(|body| {
            if let Body::Answer(sdp) = body {
                Some(sdp)
            } else {
                None
            }
        })
        .collect()
}

#[test]
fn an_offer_is_answered_at_once_with_the_candidates_known() {
    let mut camera = camera(10);
    camera.handle_message(START, from("a", offer(2)));
    let said = hear(&mut camera);
    assert_eq!(said.joined, 1);
    let answers = answers(&said);
    assert_eq!(answers.len(), 1);
    assert!(answers[0].contains("a=candidate:"), "{}", answers[0]);
    let trickled = said
        .signals
        .iter()
        .filter(|m| matches!(m.body, Body::Candidate(_)))
        .count();
    assert_eq!(trickled, 0, "what the answer says is not said twice");
}

#[test]
fn a_second_connection_of_one_sender_replaces_the_first() {
    let mut camera = camera(10);
    camera.handle_message(START, from("a", offer(2)));
    hear(&mut camera);
    camera.handle_message(START, from("a", offer(3)));
    let said = hear(&mut camera);
    assert_eq!(said.left, [LeaveReason::Replaced]);
    assert_eq!((said.joined, camera.viewer_count()), (1, 1));
}

#[test]
fn a_second_offer_of_one_connection_renegotiates_it() {
    let mut camera = camera(10);
    let mut peer = viewer(2);
    let first = peer.create_offer(START, false).unwrap();
    camera.handle_message(START, from("a", Body::Offer(first.clone())));
    hear(&mut camera);
    camera.handle_message(START, from("a", Body::Offer(first)));
    let said = hear(&mut camera);
    assert!(said.left.is_empty());
    assert_eq!((said.joined, answers(&said).len()), (0, 1));
}

/// The offer with another session id in its origin line, as aiortc writes each of its offers.
fn in_another_session(offer: &str) -> String {
    let rest = offer.split_once("o=- ").unwrap().1;
    let id = rest.split(' ').next().unwrap();
    offer.replacen(id, "4004350374", 1)
}

#[test]
fn an_offer_with_the_ice_credentials_of_the_session_renegotiates_it() {
    let mut camera = camera(10);
    let mut peer = viewer(2);
    let first = peer.create_offer(START, false).unwrap();
    camera.handle_message(START, from("a", Body::Offer(first.clone())));
    hear(&mut camera);
    let second = in_another_session(&first);
    assert_ne!(first, second);
    camera.handle_message(START, from("a", Body::Offer(second)));
    let said = hear(&mut camera);
    assert!(said.left.is_empty());
    assert_eq!((said.joined, answers(&said).len()), (0, 1));
}

#[test]
fn a_kept_certificate_alone_does_not_make_it_the_same_connection() {
    let mut camera = camera(10);
    let first = viewer(2).create_offer(START, false).unwrap();
    // The same certificate; session id and ICE credentials are new, as after a page's reload.
    let mut config = smolrtc::Config::new(certificate(2), Limits::HOST);
    config.receive_video = Vec::from([Codec::H264]);
    let mut reloaded = PeerConnection::new(config, Rng::from_u64(9), &PROVIDER);
    reloaded.add_interface(START, SocketAddr::from(([10, 0, 0, 2], 6_001)));
    let second = reloaded.create_offer(START, false).unwrap();
    let fingerprint = |sdp: &str| {
        let mut lines = sdp.lines();
        lines
            .find(|l| l.starts_with("a=fingerprint:"))
            .map(String::from)
    };
    assert_eq!(fingerprint(&first), fingerprint(&second));
    camera.handle_message(START, from("a", Body::Offer(first)));
    hear(&mut camera);
    camera.handle_message(START, from("a", Body::Offer(second)));
    let said = hear(&mut camera);
    assert_eq!(said.left, [LeaveReason::Replaced]);
    assert_eq!(said.joined, 1);
}

#[test]
fn the_one_too_many_reads_why() {
    let mut camera = camera(1);
    camera.handle_message(START, from("a", offer(2)));
    hear(&mut camera);
    camera.handle_message(START, from("b", offer(3)));
    let said = hear(&mut camera);
    assert_eq!(said.refused, [RefusalReason::ViewerLimit { limit: 1 }]);
    let refusal = answers(&said)[0];
    let ports: Vec<&str> = refusal
        .lines()
        .filter_map(|line| line.strip_prefix("m=")?.split(' ').nth(1))
        .collect();
    assert!(
        !ports.is_empty() && ports.iter().all(|port| *port == "0"),
        "{refusal}"
    );
    assert!(
        refusal
            .lines()
            .any(|line| line.starts_with("s=viewer limit")),
        "{refusal}"
    );
}

#[test]
fn at_the_limit_the_session_silent_longest_makes_room() {
    let mut camera = camera(2);
    camera.handle_message(START, from("a", offer(2)));
    let later = START + Duration::from_secs(3);
    camera.handle_message(later, from("b", offer(3)));
    hear(&mut camera);
    // Five seconds after "a" was last heard, not yet after "b".
    let then = START + Duration::from_secs(6);
    camera.handle_message(then, from("c", offer(4)));
    let said = hear(&mut camera);
    assert_eq!(said.left, [LeaveReason::MadeRoom]);
    assert_eq!(said.joined, 1);
}

#[test]
fn candidates_before_the_offer_are_held_for_their_sender() {
    let mut camera = camera(10);
    camera.handle_message(START, from("a", candidate(HOST)));
    camera.handle_message(START, from("a", offer(2)));
    let remote = camera.snapshots(START)[0]
        .connection
        .candidates
        .iter()
        .filter(|candidate| candidate.address.port() == 6_000)
        .count();
    assert!(remote > 0);
}

#[test]
fn candidates_without_an_offer_are_bounded() {
    let mut camera = camera(10);
    for sender in 0..1_000 {
        for _ in 0..50 {
            camera.handle_message(START, from(&std::format!("s{sender}"), candidate(HOST)));
        }
    }
    let limits = Limits::HOST;
    let held = limits.early_senders * limits.early_candidates;
    assert_eq!(
        camera.stats().early_candidates_dropped as usize,
        50_000 - held
    );
}

#[test]
fn a_viewer_that_never_connects_frees_its_place() {
    let mut camera = camera(1);
    camera.handle_message(START, from("a", offer(2)));
    let mut now = START;
    while camera.viewer_count() > 0 {
        let (at, _) = camera
            .poll_timeout()
            .expect("something is due while a viewer waits");
        now = now.max(at);
        camera.handle_timeout(now);
        let mut buf = [0; 1_500];
        while camera.poll_transmit(now, 1, &mut buf).is_some() {}
        while let Some(event) = camera.poll_event() {
            if let Event::Compute { viewer, id, job } = event {
                let result = PROVIDER.run(&job);
                camera.handle_computed(now, viewer, id, result);
            }
        }
        assert!(
            now < START + Duration::from_secs(40),
            "still there at {now:?}"
        );
    }
}

#[test]
fn an_unreadable_offer_is_refused_by_name() {
    let mut camera = camera(1);
    camera.handle_message(START, from("a", Body::Offer("v=0\r\nrubbish".into())));
    let said = hear(&mut camera);
    assert!(matches!(
        said.refused[..],
        [RefusalReason::Offer(smolrtc::Error::Sdp(_))]
    ));
}

#[test]
fn datagrams_of_nobody_are_counted() {
    let mut camera = camera(1);
    let (stranger, local) = (
        SocketAddr::from(([9, 9, 9, 9], 9)),
        SocketAddr::from(([10, 0, 0, 1], 5_000)),
    );
    camera.handle_input(START, stranger, local, &mut [0x80, 96, 0, 0]);
    camera.handle_input(START, stranger, local, &mut [22, 254, 253, 0]);
    assert_eq!(camera.stats().stray_datagrams, 2);
}
