//! Answers to a fixed offer: no answer of a peer makes us send or take what we did not offer.
#![no_main]
use libfuzzer_sys::fuzz_target;
use smolrtc_base::Limits;
use smolrtc_sdp::{
    Codec, Feedback, SessionDescription,
    negotiate::{Capabilities, DataCapabilities, KindCapabilities, accept_answer, offer},
};

fuzz_target!(|data: &[u8]| {
    let Ok(parsed) = SessionDescription::parse(data, &Limits::HOST) else {
        return;
    };
    let mut ours = Capabilities::default();
    ours.audio = KindCapabilities {
        send: vec![Codec::Opus],
        receive: vec![Codec::Opus],
        stream: None,
        feedback: Feedback::AUDIO,
        rtx: false,
    };
    ours.video = KindCapabilities {
        send: vec![Codec::H264_BASELINE],
        receive: vec![],
        stream: None,
        feedback: Feedback::ALL,
        rtx: true,
    };
    ours.data = Some(DataCapabilities {
        port: 5_000,
        max_message_size: 65_536,
    });
    let local = offer(&ours);
    let Ok(agreed) = accept_answer(&local, &parsed) else {
        return;
    };
    for (section, offered) in agreed.sections.iter().zip(&local.description.media) {
        let known = |pt| {
            offered
                .payloads
                .iter()
                .any(|payload| payload.payload_type == pt)
        };
        assert!(section.send.iter().all(|format| known(format.payload_type)));
        assert!(
            section
                .receive
                .iter()
                .all(|format| known(format.payload_type))
        );
        assert!(agreed.accepts_anything() || section.rejected);
    }
    assert!(!agreed.accepts_anything() || agreed.remote_ice.is_some());
});
