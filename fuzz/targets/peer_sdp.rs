//! Whatever a peer writes as an offer, an answer or a candidate: it is refused and nothing has changed,
//! or accepted and the connection goes on; our own words are always well-formed.
#![no_main]

use std::sync::OnceLock;

use fuzz::{UNCHECKED, certificate};
use smolrtc::base::{Instant, Limits, Rng};
use smolrtc::crypto::Provider as _;
use smolrtc::rtp::Codec;
use smolrtc::rtp::history::Ring;
use smolrtc::sdp::SessionDescription;
use smolrtc::{Certificate, Config, Error, Event, MTU, PeerConnection};

fn peer(seed: u64) -> PeerConnection {
    static MADE: OnceLock<Certificate> = OnceLock::new();
    let certificate = MADE.get_or_init(|| certificate(1)).clone();
    let mut config = Config::new(certificate, Limits::HOST);
    config.tracks = vec![Codec::H264, Codec::Opus];
    config.receive_audio = vec![Codec::Opus, Codec::Pcmu];
    config.receive_video = vec![Codec::Vp8, Codec::H264, Codec::H265];
    let mut peer = PeerConnection::new(config, Rng::from_u64(seed), &UNCHECKED);
    peer.add_interface(Instant::ZERO, "10.0.0.1:5000".parse().expect("an address"));
    peer.add_interface(
        Instant::ZERO,
        "[2001:db8::1]:5000".parse().expect("an address"),
    );
    peer
}

fn well_formed(text: &str) -> SessionDescription {
    let mut wide = Limits::HOST;
    wide.sdp_bytes = usize::MAX;
    wide.sdp_attributes = usize::MAX;
    SessionDescription::parse(text.as_bytes(), &wide).expect("our own words")
}

/// A second of the connection's life, its checks going nowhere.
fn live(peer: &mut PeerConnection, rings: &[Ring]) {
    let mut now = Instant::ZERO;
    let mut buf = [0; MTU];
    for _ in 0..30 {
        let mut done = Vec::new();
        while let Some(event) = peer.poll_event() {
            match event {
                Event::Compute(id, job) => done.push((id, UNCHECKED.run(&job))),
                Event::LocalCandidate(line) => assert!(line.starts_with("candidate:")),
                _ => {}
            }
        }
        for (id, result) in done {
            peer.handle_computed(now, id, result);
        }
        while peer.poll_transmit(now, rings, 1, &mut buf).is_some() {}
        let Some((at, _)) = peer.poll_timeout(rings) else {
            break;
        };
        now = now.max(at);
        peer.handle_timeout(now);
    }
}

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Ok(text) = core::str::from_utf8(data) else {
        return;
    };
    // Descriptions and lines, each after a form feed.
    let mut parts = text.split('\x0c');
    let first = parts.next().unwrap_or("");
    let rings = [Codec::H264, Codec::Opus].map(|codec| Ring::new(codec, &Limits::CHIP));
    let now = Instant::ZERO;

    let mut camera = peer(1);
    let accepted = camera.accept_offer(now, first);
    match &accepted {
        Ok(answer) => {
            let answer = well_formed(answer);
            let offer = camera.remote_description().expect("the offer");
            assert_eq!(answer.media.len(), offer.media.len());
            let again = camera.current_answer().expect("the same answer");
            assert_eq!(well_formed(&again).media.len(), answer.media.len());
        }
        Err(_) => {
            assert!(camera.negotiated().is_none());
            assert!(camera.close_reason().is_none());
        }
    }
    for part in parts {
        if part.starts_with("v=") {
            let before = camera.negotiated().cloned();
            if camera.accept_offer(now, part).is_err() {
                let now = camera.negotiated().map(|agreed| format!("{agreed:?}"));
                assert_eq!(now, before.map(|agreed| format!("{agreed:?}")));
            }
        } else {
            let _ = camera.add_remote_candidate(now, part);
        }
    }
    live(&mut camera, &rings);
    if accepted.is_ok() && camera.close_reason().is_none() {
        let offer = camera.create_offer(now, true).expect("an offer of ours");
        well_formed(&offer);
    }

    // The same text as the answer to an offer of ours, and as an offer that crosses it.
    let mut viewer = peer(2);
    let offer = viewer.create_offer(now, false).expect("an offer of ours");
    well_formed(&offer);
    assert_eq!(
        viewer.create_offer(now, false),
        Err(Error::WrongSignalingState)
    );
    assert!(viewer.accept_offer(now, first).is_err());
    if viewer.accept_answer(now, first).is_err() {
        assert!(viewer.negotiated().is_none());
        let answer = peer(3)
            .accept_offer(now, &offer)
            .expect("an answer of ours");
        viewer
            .accept_answer(now, &answer)
            .expect("the offer still stands");
    }
    live(&mut viewer, &rings);
});
