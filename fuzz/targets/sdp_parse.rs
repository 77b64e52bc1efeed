//! Descriptions: what was parsed comes back from its own text; answers to it are well-formed.
#![no_main]
use libfuzzer_sys::fuzz_target;
use smolrtc_base::Limits;
use smolrtc_sdp::{
    Codec, Extension, Feedback, Fingerprint, HashFunction, IceCredentials, SessionDescription,
    negotiate::{
        Capabilities, DataCapabilities, KindCapabilities, LocalStream, accept_answer, answer,
        offer, reject_all, reoffer,
    },
};

fn capabilities() -> Capabilities {
    let stream = |ssrc| LocalStream {
        ssrc,
        rtx_ssrc: Some(ssrc + 1),
        cname: "c".into(),
        stream_id: "s".into(),
        track_id: "t".into(),
    };
    let mut capabilities = Capabilities::default();
    capabilities.audio = KindCapabilities {
        send: vec![Codec::Opus],
        receive: vec![Codec::Opus, Codec::Pcmu, Codec::Pcma],
        stream: Some(stream(1)),
        feedback: Feedback::AUDIO,
        rtx: false,
    };
    capabilities.video = KindCapabilities {
        send: vec![Codec::H264_BASELINE, Codec::Vp8],
        receive: vec![Codec::H264_BASELINE, Codec::Vp8, Codec::H265],
        stream: Some(stream(3)),
        feedback: Feedback::ALL,
        rtx: true,
    };
    capabilities.data = Some(DataCapabilities {
        port: 5_000,
        max_message_size: 65_536,
    });
    capabilities.extensions = Extension::ALL.to_vec();
    capabilities.ice = Some(IceCredentials::new("abcd", "aaaaaaaaaaaaaaaaaaaaaaaa"));
    capabilities.trickle = true;
    capabilities.fingerprints = vec![Fingerprint {
        hash: HashFunction::Sha256,
        digest: vec![1; 32],
    }];
    capabilities
}

fuzz_target!(|data: &[u8]| {
    let Ok(parsed) = SessionDescription::parse(data, &Limits::HOST) else {
        return;
    };
    // What was read may be written in more lines than it was read from.
    let mut wide = Limits::HOST;
    wide.sdp_bytes = usize::MAX;
    wide.sdp_attributes = usize::MAX;
    let text = parsed.emit();
    let again = SessionDescription::parse(text.as_bytes(), &wide).expect("our own text");
    assert_eq!(again, parsed);

    let ours = capabilities();
    let refusal = reject_all(&parsed, "full");
    let refusal = SessionDescription::parse(refusal.as_bytes(), &wide).expect("a refusal");
    assert_eq!(refusal.media.len(), parsed.media.len());
    assert!(refusal.media.iter().all(|media| media.is_rejected()));

    if let Ok(agreed) = answer(&parsed, &ours) {
        let text = SessionDescription::parse(agreed.sdp.as_bytes(), &wide).expect("an answer");
        assert_eq!(text.media.len(), parsed.media.len());
        for (section, (theirs, written)) in agreed
            .sections
            .iter()
            .zip(parsed.media.iter().zip(&text.media))
        {
            assert_eq!(section.rejected, written.is_rejected());
            assert!(section.rejected || !theirs.is_rejected());
            assert_eq!(written.mid, theirs.mid);
            assert_eq!(
                section.send.is_some(),
                !section.rejected && section.direction.sends() && !written.is_data_channel()
            );
            let known = |pt| {
                written
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
        }
        let further = reoffer(&text, &ours);
        assert!(SessionDescription::parse(further.sdp.as_bytes(), &wide).is_ok());
    }
    let _ = accept_answer(&offer(&ours), &parsed);
});
