//! Signaling messages at the service: any text from a master and a viewer that are let in.
#![no_main]

use kvs_service_core::{Config, ConnectionId, Request, Service, ServiceEvent};
use kvs_signaling::sigv4::{PathStyle, SignableRequest, Signer};
use kvs_signaling::url::Url;
use kvs_signaling::{Credentials, Role, presigned_url};
use libfuzzer_sys::fuzz_target;
use smolrtc_base::{Instant, Rng, SecretBytes, UnixTime};
use smolrtc_crypto::RustCrypto;

static PROVIDER: RustCrypto = RustCrypto;

fn setup(now: Instant) -> (Service, ConnectionId, ConnectionId) {
    let unix = UnixTime::from_secs(1_700_000_000);
    let config = Config::new("AK", SecretBytes::from("SK"));
    let mut service = Service::new(config, Rng::from_u64(1), &PROVIDER);
    let credentials = Credentials::new("AK", SecretBytes::from("SK"));
    let peer = "192.0.2.1:9".parse().expect("an address");
    let (path, body) = ("/createSignalingChannel", br#"{"ChannelName":"cam"}"#);
    let signer = Signer {
        credentials: &credentials,
        region: "us-west-2",
        service: "kinesisvideo",
        time: unix,
        provider: &PROVIDER,
    };
    let signed = signer.sign_headers(&SignableRequest {
        method: "POST",
        path,
        query: "",
        headers: &[("host", "h")],
        body,
        path_style: PathStyle::Normalized,
    });
    let headers = [
        ("host", "h"),
        ("x-amz-date", signed.date.as_str()),
        ("authorization", signed.authorization.expose_str()),
    ];
    let request = Request {
        method: "POST",
        path,
        query: "",
        headers: &headers,
        body,
        secure: true,
        host: "h",
        peer,
    };
    assert_eq!(service.handle_http(now, unix, &request).status, 200);
    let arn = "arn:aws:kinesisvideo:us-west-2:123456789012:channel/cam/1700000000000";
    let endpoint = Url::parse("wss://h").expect("a URL");
    let mut open = |role: Role| {
        let url = presigned_url(
            &PROVIDER,
            &credentials,
            "us-west-2",
            unix,
            &endpoint,
            arn,
            &role,
        );
        let query = url.expose_str().split_once('?').expect("a query").1;
        let headers = [("host", "h")];
        let request = Request {
            method: "GET",
            path: "/",
            query,
            headers: &headers,
            body: b"",
            ..request
        };
        service.handle_upgrade(now, unix, &request).expect("let in")
    };
    let master = open(Role::Master);
    let viewer = open(Role::Viewer("v1".parse().expect("an id")));
    (service, master, viewer)
}

fuzz_target!(|data: &[u8]| {
    let now = Instant::from_millis(1);
    let (mut service, master, viewer) = setup(now);
    for line in data.split(|byte| *byte == b'\n').take(64) {
        let Ok(text) = core::str::from_utf8(line) else {
            continue;
        };
        service.handle_message(now, master, text);
        service.handle_message(now, viewer, text);
    }
    while let Some(event) = service.poll_event() {
        if let ServiceEvent::SendText(_, text) = event {
            assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok());
        }
    }
    let stats = service.stats();
    assert_eq!((stats.masters, stats.viewers), (1, 1));
});
