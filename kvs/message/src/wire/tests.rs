use super::*;
use smolrtc_base::Limits;
use std::{format, string::ToString, vec};

const OFFER: &str = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\n";

fn parse(json: &str) -> Result<Inbound, Error> {
    Inbound::parse(json.as_bytes(), &Limits::HOST)
}

fn encoded(json: &str) -> String {
    Base64::encode_string(json.as_bytes())
}

fn candidate_of(json: &str) -> Result<Candidate, Error> {
    let payload = encoded(json);
    match parse(&format!(
        r#"{{"messageType":"ICE_CANDIDATE","messagePayload":"{payload}"}}"#
    ))?
    .body
    {
        Body::Candidate(candidate) => Ok(candidate),
        other => panic!("{other:?}"),
    }
}

fn viewer() -> ClientId {
    ClientId::new("viewer-1").unwrap()
}

#[test]
fn an_offer_of_the_js_sdk_is_read() {
    let payload = encoded(r#"{"type":"offer","sdp":"v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\n"}"#);
    let json = format!(
        r#"{{"messageType":"SDP_OFFER","messagePayload":"{payload}","senderClientId":"viewer-1"}}"#
    );
    let message = parse(&json).unwrap();
    assert_eq!(message.from, Some(viewer()));
    assert_eq!(message.body, Body::Offer(OFFER.into()));
}

#[test]
fn the_keys_of_the_c_sdk_are_read_with_its_white_space() {
    let payload = encoded(r#"{"type": "answer", "sdp": "v=0\r\n"}"#);
    let json = format!(
        "{{\n\t\"action\": \"SDP_ANSWER\",\n\t\"RecipientClientId\": \"viewer-1\",\n\t\
         \"MessagePayload\": \"{payload}\",\n\t\"CorrelationId\": \"17\",\n\t\
         \"IceServerList\": [{{\"Password\":\"p\",\"Ttl\":298,\"Uris\":[\"turn:x\"],\"Username\":\"u\"}}]\n}}"
    );
    let message = parse(&json).unwrap();
    assert_eq!(message.to, Some(viewer()));
    assert_eq!(message.from, None);
    assert_eq!(message.correlation_id.as_deref(), Some("17"));
    assert_eq!(message.body, Body::Answer("v=0\r\n".into()));
}

#[test]
fn the_exact_text_in_both_key_cases() {
    let message = Outbound {
        to: Some(viewer()),
        body: Body::Answer("v=0\r\n".into()),
        correlation_id: Some("1".into()),
    };
    let payload = encoded("{\"type\":\"answer\",\"sdp\":\"v=0\\r\\n\"}");
    assert_eq!(
        message.emit(KeyCase::Js),
        format!(
            r#"{{"action":"SDP_ANSWER","recipientClientId":"viewer-1","messagePayload":"{payload}","correlationId":"1"}}"#
        )
    );
    assert_eq!(
        message.emit(KeyCase::C),
        format!(
            r#"{{"action":"SDP_ANSWER","RecipientClientId":"viewer-1","MessagePayload":"{payload}","CorrelationId":"1"}}"#
        )
    );
    let to_master = Outbound::to_master(Body::Offer(String::new())).emit(KeyCase::Js);
    assert!(!to_master.contains("lientId") && !to_master.contains("orrelation"));
}

#[test]
fn what_a_client_sends_a_service_reads_and_delivers() {
    for body in [
        Body::Offer(OFFER.into()),
        Body::Answer("v=0\r\n\"quoted\" \u{e9}".into()),
        Body::Candidate(Candidate {
            candidate: "candidate:1 1 udp 1 192.0.2.1 5 typ host".into(),
            sdp_mid: Some("0".into()),
            sdp_m_line_index: Some(0),
            username_fragment: Some("abcd".into()),
        }),
        Body::Candidate(Candidate::default()),
    ] {
        let sent = Outbound {
            to: Some(viewer()),
            body: body.clone(),
            correlation_id: None,
        };
        for keys in [KeyCase::Js, KeyCase::C] {
            let seen = parse(&sent.emit(keys)).unwrap();
            assert_eq!((&seen.to, &seen.body), (&sent.to, &body));
            let delivered = Inbound {
                from: seen.to,
                to: None,
                ..seen
            };
            assert_eq!(parse(&delivered.emit()).unwrap(), delivered);
        }
    }
}

#[test]
fn a_status_response_is_read_with_its_code_as_number_or_text() {
    for code in ["400", "\"400\""] {
        let json = format!(
            r#"{{"messageType":"STATUS_RESPONSE","statusResponse":{{"correlationId":"c","errorType":"InvalidArgumentException","statusCode":{code},"description":"why"}}}}"#
        );
        let expected = StatusResponse {
            correlation_id: "c".into(),
            error_type: "InvalidArgumentException".into(),
            status_code: 400,
            description: "why".into(),
        };
        let message = parse(&json).unwrap();
        assert_eq!(message.body, Body::Status(expected));
        assert_eq!(parse(&message.emit()).unwrap(), message);
    }
    let odd = r#"{"messageType":"STATUS_RESPONSE","statusResponse":{"statusCode":"x"}}"#;
    assert_eq!(
        parse(odd).unwrap().body,
        Body::Status(StatusResponse::default())
    );
}

#[test]
fn messages_of_the_service_itself_need_no_payload() {
    let go_away = r#"{"messageType":"GO_AWAY","senderClientId":"","messagePayload":null}"#;
    assert_eq!(parse(go_away).unwrap().body, Body::GoAway);
    assert_eq!(parse(go_away).unwrap().from, None);
    let reconnect = r#"{"messageType":"RECONNECT_ICE_SERVER"}"#;
    assert_eq!(parse(reconnect).unwrap().body, Body::ReconnectIceServer);
}

#[test]
fn an_unknown_type_is_kept() {
    let message =
        parse(r#"{"messageType":"NEWS","messagePayload":"!!","future":{"a":[1]}}"#).unwrap();
    assert_eq!(
        message.body,
        Body::Unknown {
            message_type: "NEWS".into(),
            payload: "!!".into()
        }
    );
}

#[test]
fn candidates_come_in_many_shapes() {
    let full = candidate_of(
        r#"{"candidate":"candidate:1 1 udp 1 h.local 5 typ host","sdpMid":"0","sdpMLineIndex":1,"usernameFragment":"f"}"#,
    )
    .unwrap();
    assert_eq!(full.sdp_mid.as_deref(), Some("0"));
    assert_eq!(full.sdp_m_line_index, Some(1));
    assert_eq!(full.username_fragment.as_deref(), Some("f"));
    let nulls = candidate_of(r#"{"candidate":"a=candidate:1","sdpMid":null,"sdpMLineIndex":null}"#)
        .unwrap();
    assert_eq!(nulls.candidate, "candidate:1");
    assert_eq!((nulls.sdp_mid, nulls.sdp_m_line_index), (None, None));
    assert_eq!(
        candidate_of(r#"{"candidate":"x","sdpMLineIndex":"2"}"#)
            .unwrap()
            .sdp_m_line_index,
        Some(2)
    );
    assert_eq!(
        candidate_of(r#"{"candidate":"x","sdpMLineIndex":-1}"#)
            .unwrap()
            .sdp_m_line_index,
        None
    );
    for end in [
        "null",
        "{}",
        r#"{"candidate":""}"#,
        r#"{"candidate":null,"sdpMid":"0"}"#,
    ] {
        assert!(candidate_of(end).unwrap().is_end(), "{end}");
    }
}

#[test]
fn base64_is_read_without_padding_with_line_breaks_and_in_the_url_alphabet() {
    let bytes = [0xfb, 0xff, 0xfe, 0x01];
    for text in ["+//+AQ==", "+//+AQ", "-__-AQ", "+//\r\n+AQ=\n"] {
        assert_eq!(decode_payload(text), Ok(bytes.to_vec()), "{text}");
    }
    assert_eq!(decode_payload("a"), Err(Error::Base64));
    assert_eq!(decode_payload("ab*d"), Err(Error::Base64));
    assert_eq!(decode_payload(""), Ok(vec![]));
}

#[test]
fn what_is_wrong_is_named() {
    let message = |kind: &str, payload: &str| {
        parse(&format!(
            r#"{{"messageType":"{kind}","messagePayload":"{payload}"}}"#
        ))
    };
    assert_eq!(message("SDP_OFFER", "").unwrap_err(), Error::NoPayload);
    assert_eq!(message("SDP_OFFER", "****").unwrap_err(), Error::Base64);
    assert_eq!(
        message("SDP_OFFER", &encoded("hello")).unwrap_err(),
        Error::Payload
    );
    assert_eq!(
        message("SDP_OFFER", &encoded(r#"{"sdp":5}"#)).unwrap_err(),
        Error::Payload
    );
    assert_eq!(
        parse(r#"{"messagePayload":""}"#).unwrap_err(),
        Error::NoType
    );
    assert!(matches!(
        parse("{\n  oops").unwrap_err(),
        Error::Json { line: 2, .. }
    ));
    assert!(matches!(parse("").unwrap_err(), Error::Json { .. }));
    let id = r#"{"messageType":"GO_AWAY","senderClientId":"no spaces"}"#;
    assert_eq!(parse(id).unwrap_err(), Error::ClientId);
    let long = " ".repeat(Limits::HOST.signaling_message_bytes + 1);
    assert_eq!(
        parse(&long).unwrap_err(),
        Error::TooLong { bytes: long.len() }
    );
    assert_eq!(
        Error::TooLong { bytes: 70_000 }.to_string(),
        "signaling message of 70000 bytes: more than signaling_message_bytes"
    );
}

#[test]
fn deeply_nested_json_is_refused_without_running_out_of_stack() {
    let nested = "[".repeat(50_000);
    assert!(matches!(
        parse(&format!("{{\"messageType\":{nested}")).unwrap_err(),
        Error::Json { .. }
    ));
}

#[test]
fn client_ids_are_checked() {
    for good in ["a", "A-z_0.9", &"x".repeat(256)] {
        assert_eq!(ClientId::new(good).unwrap().as_str(), good);
    }
    for bad in ["", "a b", "a/b", "\u{e9}", &"x".repeat(257)] {
        assert_eq!(ClientId::new(bad), Err(Error::ClientId));
    }
}

#[test]
fn an_ice_server_does_not_show_its_password() {
    let server = crate::IceServer {
        urls: vec!["turn:192.0.2.1:443".into()],
        username: "user".into(),
        credential: "hunter2".into(),
        ttl: core::time::Duration::from_secs(300),
    };
    assert!(!format!("{server:?}").contains("hunter2"));
}
