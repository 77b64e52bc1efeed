//! The service's HTTP face: AWS's shapes, and the URL that the official JS SDK opens.
#![allow(
    clippy::unwrap_used,
    reason = "a test; helpers outside #[test] count as such"
)]

use std::collections::BTreeMap;

use kvs_service_core::{Config, ConnectionId, Request, Response, Service, ServiceEvent};
use kvs_signaling::sigv4::{PathStyle, SignableRequest, Signer, parse_iso8601};
use kvs_signaling::url::Url;
use kvs_signaling::{Credentials, Role, presigned_url};
use smolrtc_base::{Duration, Instant, Rng, SecretBytes, UnixTime};
use smolrtc_crypto::RustCrypto;

static PROVIDER: RustCrypto = RustCrypto;

struct Bench {
    service: Service,
    now: Instant,
    unix: UnixTime,
    credentials: Credentials,
    secure: bool,
}

impl Bench {
    fn new() -> Self {
        let config = Config::new("AK", SecretBytes::from("SK"));
        Self {
            service: Service::new(config, Rng::from_u64(3), &PROVIDER),
            now: Instant::from_millis(5),
            unix: parse_iso8601("2023-11-14T22:13:20Z").unwrap(),
            credentials: Credentials::new("AK", SecretBytes::from("SK")),
            secure: false,
        }
    }

    fn request<'a>(
        &self,
        method: &'a str,
        path: &'a str,
        headers: &'a [(&'a str, &'a str)],
        body: &'a [u8],
    ) -> Request<'a> {
        Request {
            method,
            path,
            query: "",
            headers,
            body,
            secure: self.secure,
            host: "localhost:8443",
            peer: "127.0.0.1:40000".parse().unwrap(),
        }
    }

    /// A signed POST, a second after the one before so that no rate is in the way.
    fn call(&mut self, path: &str, body: &str) -> (u16, serde_json::Value, Response) {
        self.now = self.now + Duration::from_secs(1);
        let response = self.call_at_once(path, body);
        let json = serde_json::from_slice(&response.body).unwrap_or_default();
        (response.status, json, response)
    }

    fn call_at_once(&mut self, path: &str, body: &str) -> Response {
        let base = [
            ("content-type", "application/json"),
            ("Host", "localhost:8443"),
        ];
        let signer = Signer {
            credentials: &self.credentials,
            region: "us-west-2",
            service: "kinesisvideo",
            time: self.unix,
            provider: &PROVIDER,
        };
        let signed = signer.sign_headers(&SignableRequest {
            method: "POST",
            path,
            query: "",
            headers: &base,
            body: body.as_bytes(),
            path_style: PathStyle::Normalized,
        });
        let mut headers = base.to_vec();
        headers.push(("X-Amz-Date", &signed.date));
        headers.push(("Authorization", signed.authorization.expose_str()));
        if let Some(token) = &signed.session_token {
            headers.push(("X-Amz-Security-Token", token.expose_str()));
        }
        let request = self.request("POST", path, &headers, body.as_bytes());
        self.service.handle_http(self.now, self.unix, &request)
    }

    fn create(&mut self, name: &str) -> String {
        let body = format!(r#"{{"ChannelName":"{name}"}}"#);
        let (status, json, _) = self.call("/createSignalingChannel", &body);
        assert_eq!(status, 200);
        json["ChannelARN"].as_str().unwrap().to_string()
    }

    fn open(&mut self, arn: &str, role: &Role) -> Result<ConnectionId, Response> {
        let endpoint = Url::parse("wss://localhost:8443").unwrap();
        let url = presigned_url(
            &PROVIDER,
            &self.credentials,
            "us-west-2",
            self.unix,
            &endpoint,
            arn,
            role,
        );
        let query = url.expose_str().split_once('?').unwrap().1.to_string();
        self.open_query(&query)
    }

    fn open_query(&mut self, query: &str) -> Result<ConnectionId, Response> {
        let headers = [("host", "localhost:8443")];
        let request = Request {
            query,
            ..self.request("GET", "/", &headers, b"")
        };
        self.service.handle_upgrade(self.now, self.unix, &request)
    }
}

fn error_of(response: &Response) -> (u16, &str) {
    let body: BTreeMap<String, String> = serde_json::from_slice(&response.body).unwrap();
    assert!(!body["Message"].is_empty());
    assert!(response.header("date").is_some());
    (
        response.status,
        response.header("x-amzn-errortype").unwrap(),
    )
}

#[test]
fn a_channel_lives_from_create_to_delete() {
    let mut bench = Bench::new();
    let arn = bench.create("cam.1");
    assert_eq!(
        arn,
        "arn:aws:kinesisvideo:us-west-2:123456789012:channel/cam.1/1700000000000"
    );
    let (status, json, _) = bench.call("/describeSignalingChannel", r#"{"ChannelName":"cam.1"}"#);
    let info = &json["ChannelInfo"];
    assert_eq!(
        (status, info["ChannelARN"].as_str()),
        (200, Some(arn.as_str()))
    );
    assert_eq!(info["ChannelStatus"], "ACTIVE");
    assert_eq!(info["CreationTime"], 1_700_000_000.0);
    assert_eq!(info["SingleMasterConfiguration"]["MessageTtlSeconds"], 60);
    let (_, _, again) = bench.call("/createSignalingChannel", r#"{"ChannelName":"cam.1"}"#);
    assert_eq!(error_of(&again), (400, "ResourceInUseException"));
    let delete =
        |version: &str| format!(r#"{{"ChannelARN":"{arn}","CurrentVersion":"{version}"}}"#);
    let (_, _, stale) = bench.call("/deleteSignalingChannel", &delete("zz"));
    assert_eq!(error_of(&stale), (400, "VersionMismatchException"));
    let version = info["Version"].as_str().unwrap();
    assert_eq!(
        bench.call("/deleteSignalingChannel", &delete(version)).0,
        200
    );
    let (_, _, gone) = bench.call("/describeSignalingChannel", r#"{"ChannelName":"cam.1"}"#);
    assert_eq!(error_of(&gone), (404, "ResourceNotFoundException"));
}

#[test]
fn endpoints_lead_back_the_way_the_call_came() {
    let mut bench = Bench::new();
    let arn = bench.create("cam");
    let body = format!(
        r#"{{"ChannelARN":"{arn}","SingleMasterChannelEndpointConfiguration":{{"Protocols":["WSS","HTTPS"],"Role":"VIEWER"}}}}"#
    );
    for (secure, wss, https) in [
        (false, "ws://localhost:8443", "http://localhost:8443"),
        (true, "wss://localhost:8443", "https://localhost:8443"),
    ] {
        bench.secure = secure;
        let (_, json, _) = bench.call("/getSignalingChannelEndpoint", &body);
        assert_eq!(json["ResourceEndpointList"][0]["ResourceEndpoint"], wss);
        assert_eq!(json["ResourceEndpointList"][1]["ResourceEndpoint"], https);
    }
}

#[test]
fn lists_are_filtered_and_paged_in_order() {
    let mut bench = Bench::new();
    for name in ["b2", "a1", "b1", "b3", "c"] {
        bench.create(name);
    }
    let names = |json: &serde_json::Value| -> Vec<String> {
        let list = json["ChannelInfoList"].as_array().unwrap().iter();
        list.map(|info| info["ChannelName"].as_str().unwrap().to_string())
            .collect()
    };
    let condition =
        r#""ChannelNameCondition":{"ComparisonOperator":"BEGINS_WITH","ComparisonValue":"b"}"#;
    let (_, json, _) = bench.call(
        "/listSignalingChannels",
        &format!(r#"{{"MaxResults":2,{condition}}}"#),
    );
    assert_eq!(names(&json), ["b1", "b2"]);
    let token = json["NextToken"].as_str().unwrap();
    let body = format!(r#"{{"MaxResults":2,"NextToken":"{token}",{condition}}}"#);
    let (_, json, _) = bench.call("/listSignalingChannels", &body);
    assert_eq!(names(&json), ["b3"]);
    assert!(json.get("NextToken").is_none());
    assert_eq!(names(&bench.call("/listSignalingChannels", "").1).len(), 5);
    let (_, _, bad) = bench.call("/listSignalingChannels", r#"{"NextToken":"xyz"}"#);
    assert_eq!(error_of(&bad), (400, "InvalidArgumentException"));
}

#[test]
fn signatures_are_refused_in_the_words_of_aws() {
    let mut bench = Bench::new();
    let post = |bench: &mut Bench| {
        bench
            .call("/describeSignalingChannel", r#"{"ChannelName":"x"}"#)
            .2
    };
    let headers = [("host", "localhost:8443")];
    let request = bench.request("POST", "/describeSignalingChannel", &headers, b"{}");
    let unsigned = bench.service.handle_http(bench.now, bench.unix, &request);
    assert_eq!(
        error_of(&unsigned),
        (403, "MissingAuthenticationTokenException")
    );
    bench.credentials = Credentials::new("AK", SecretBytes::from("other"));
    assert_eq!(
        error_of(&post(&mut bench)),
        (403, "InvalidSignatureException")
    );
    bench.credentials = Credentials::new("AKX", SecretBytes::from("SK"));
    assert_eq!(
        error_of(&post(&mut bench)),
        (403, "UnrecognizedClientException")
    );
    bench.credentials = Credentials::new("AK", SecretBytes::from("SK"))
        .with_session_token(SecretBytes::from("not mine"));
    assert_eq!(
        error_of(&post(&mut bench)),
        (403, "UnrecognizedClientException")
    );
    bench.credentials = Credentials::new("AK", SecretBytes::from("SK"));
    assert_eq!(
        error_of(&post(&mut bench)),
        (404, "ResourceNotFoundException")
    );
    assert_eq!(bench.service.stats().unauthorized, 4);
}

#[test]
fn a_late_signature_names_the_times() {
    let mut bench = Bench::new();
    let arn = bench.create("cam");
    let endpoint = Url::parse("wss://localhost:8443").unwrap();
    let signed = bench.unix.minus(Duration::from_secs(301));
    let url = presigned_url(
        &PROVIDER,
        &bench.credentials,
        "us-west-2",
        signed,
        &endpoint,
        &arn,
        &Role::Master,
    );
    let query = url.expose_str().split_once('?').unwrap().1.to_string();
    let refused = bench.open_query(&query).unwrap_err();
    assert_eq!(error_of(&refused), (403, "InvalidSignatureException"));
    let text = String::from_utf8(refused.body).unwrap();
    assert!(text.contains("Signature expired: 20231114T220819Z is now earlier than 20231114T220820Z (20231114T221320Z - 5 min.)"), "{text}");
}

#[test]
fn anything_else_is_an_aws_shaped_error_and_cors_is_open() {
    let mut bench = Bench::new();
    let (_, _, unknown) = bench.call("/", "{}");
    assert_eq!(error_of(&unknown), (404, "UnknownOperationException"));
    let (_, _, bad) = bench.call("/createSignalingChannel", "{");
    assert_eq!(error_of(&bad), (400, "SerializationException"));
    for body in [
        r#"{"ChannelName":"a b"}"#,
        r#"{"ChannelName":""}"#,
        "{}",
        r#"{"ChannelName":"a","SingleMasterConfiguration":{"MessageTtlSeconds":4}}"#,
        r#"{"ChannelName":"a","ChannelType":"FULL_MESH"}"#,
    ] {
        let (_, _, bad) = bench.call("/createSignalingChannel", body);
        assert_eq!(error_of(&bad), (400, "InvalidArgumentException"), "{body}");
        assert_eq!(bad.header("access-control-allow-origin"), Some("*"));
    }
    let headers = [("access-control-request-headers", "authorization,x-amz-date")];
    let request = bench.request("OPTIONS", "/describeSignalingChannel", &headers, b"");
    let preflight = bench.service.handle_http(bench.now, bench.unix, &request);
    assert_eq!((preflight.status, preflight.body.len()), (204, 0));
    assert_eq!(
        preflight.header("access-control-allow-headers"),
        Some("authorization,x-amz-date")
    );
}

#[test]
fn rates_are_refused_and_counted() {
    let mut bench = Bench::new();
    bench.create("cam");
    bench.now = bench.now + Duration::from_secs(5);
    let statuses: Vec<u16> = (0..7)
        .map(|_| {
            bench
                .call_at_once("/describeSignalingChannel", r#"{"ChannelName":"cam"}"#)
                .status
        })
        .collect();
    assert_eq!(statuses, [200, 200, 200, 200, 200, 400, 400]);
    assert_eq!(bench.service.violations(), 2);
}

#[test]
fn ice_servers_are_the_stun_server_if_there_is_one() {
    let mut bench = Bench::new();
    let arn = bench.create("cam");
    let body = format!(r#"{{"ChannelARN":"{arn}","ClientId":"v1","Service":"TURN"}}"#);
    let (_, json, _) = bench.call("/v1/get-ice-server-config", &body);
    assert_eq!(json, serde_json::json!({ "IceServerList": [] }));
    bench.service.config_mut().stun = Some("127.0.0.1:3478".into());
    let (_, json, _) = bench.call("/v1/get-ice-server-config", &body);
    assert_eq!(
        json["IceServerList"][0]["Uris"],
        serde_json::json!(["stun:127.0.0.1:3478"])
    );
}

/// What JS SDK 2.9.0 opened: parameters sorted, a comma-free scope, host with port, and no body.
#[test]
fn the_url_form_of_the_js_sdk_is_what_we_sign_and_accept() {
    let mut bench = Bench::new();
    let arn = bench.create("cam");
    let viewer = Role::Viewer(kvs_message::ClientId::new("c1").unwrap());
    let endpoint = Url::parse("wss://localhost:8443").unwrap();
    let url = presigned_url(
        &PROVIDER,
        &bench.credentials,
        "us-west-2",
        bench.unix,
        &endpoint,
        &arn,
        &viewer,
    );
    let (head, query) = url.expose_str().split_once('?').unwrap();
    assert_eq!(head, "wss://localhost:8443/");
    let keys: Vec<&str> = query
        .split('&')
        .map(|pair| pair.split_once('=').unwrap().0)
        .collect();
    assert_eq!(
        keys,
        [
            "X-Amz-Algorithm",
            "X-Amz-ChannelARN",
            "X-Amz-ClientId",
            "X-Amz-Credential",
            "X-Amz-Date",
            "X-Amz-Expires",
            "X-Amz-SignedHeaders",
            "X-Amz-Signature"
        ]
    );
    assert!(query.contains("X-Amz-ChannelARN=arn%3Aaws%3Akinesisvideo%3A"));
    assert!(query.contains("X-Amz-Credential=AK%2F20231114%2Fus-west-2%2Fkinesisvideo%2Faws4_request&X-Amz-Date=20231114T221320Z&X-Amz-Expires=299"));
    // The JS SDK sorts the signature in among the others; the C SDK asks for 604,800 s.
    let (rest, signature) = query.rsplit_once('&').unwrap();
    let (before, headers) = rest.rsplit_once('&').unwrap();
    assert!(
        bench
            .open_query(&format!("{before}&{signature}&{headers}"))
            .is_ok()
    );
    assert!(
        bench
            .open_query(&query.replace("Expires=299", "Expires=604800"))
            .is_err()
    );
}

#[test]
fn both_key_cases_pass_and_wrong_directions_are_refused() {
    let mut bench = Bench::new();
    let arn = bench.create("cam");
    let viewer_role = Role::Viewer(kvs_message::ClientId::new("v1").unwrap());
    let master = bench.open(&arn, &Role::Master).unwrap();
    let viewer = bench.open(&arn, &viewer_role).unwrap();
    let now = bench.now;
    bench.service.handle_message(
        now,
        viewer,
        r#"{"action":"SDP_OFFER","messagePayload":"e30="}"#,
    );
    let got = bench.service.poll_event().unwrap();
    let expected = r#"{"messageType":"SDP_OFFER","messagePayload":"e30=","senderClientId":"v1"}"#;
    assert_eq!(got, ServiceEvent::SendText(master, expected.into()));
    bench.service.handle_message(
        now,
        master,
        "{\n\t\"action\": \"SDP_ANSWER\",\n\t\"RecipientClientId\": \"v1\",\n\t\"MessagePayload\": \"e30=\",\n\t\"CorrelationId\": \"1\"\n}",
    );
    let expected = r#"{"messageType":"SDP_ANSWER","messagePayload":"e30="}"#;
    assert_eq!(
        bench.service.poll_event(),
        Some(ServiceEvent::SendText(viewer, expected.into()))
    );
    for (from, text) in [
        (
            master,
            r#"{"action":"SDP_ANSWER","messagePayload":"e30=","correlationId":"x"}"#,
        ),
        (
            viewer,
            r#"{"action":"SDP_OFFER","recipientClientId":"v2","messagePayload":"e30=","correlationId":"x"}"#,
        ),
        (
            viewer,
            r#"{"action":"GO_AWAY","messagePayload":"e30=","correlationId":"x"}"#,
        ),
        (viewer, r#"{"action":"SDP_OFFER","correlationId":"x"}"#),
        (
            master,
            r#"{"action":"SDP_OFFER","recipientClientId":"a b","messagePayload":"e30=","correlationId":"x"}"#,
        ),
    ] {
        bench.service.handle_message(now, from, text);
        let Some(ServiceEvent::SendText(to, status)) = bench.service.poll_event() else {
            panic!("{text}")
        };
        assert_eq!(to, from);
        assert!(status.contains(r#""statusResponse":{"correlationId":"x","errorType":"InvalidArgumentException","statusCode":"400""#), "{status}");
    }
    bench.service.handle_message(now, viewer, "not json");
    assert_eq!(bench.service.poll_event(), None);
    assert_eq!(bench.service.stats().refused, 6);
}

#[test]
fn a_viewer_with_the_same_id_replaces_the_old_one() {
    let mut bench = Bench::new();
    let arn = bench.create("cam");
    let role = Role::Viewer(kvs_message::ClientId::new("v1").unwrap());
    let old = bench.open(&arn, &role).unwrap();
    let new = bench.open(&arn, &role).unwrap();
    assert_ne!(old, new);
    assert!(
        matches!(bench.service.poll_event(), Some(ServiceEvent::Close(id, 4_001, _)) if id == old)
    );
    bench.service.handle_close(old);
    assert_eq!(bench.service.stats().viewers, 1);
    let other = arn.replace("/cam/", "/other/");
    let refused = bench.open(&other, &role).unwrap_err();
    assert_eq!(error_of(&refused), (404, "ResourceNotFoundException"));
}

#[test]
fn stun_tells_the_address_and_keeps_silent_otherwise() {
    use smolrtc_stun::{Builder, Class, Message, Method, TransactionId};
    let from = "[2001:db8::7]:4242".parse().unwrap();
    let mut request = [0; 64];
    let builder = Builder::new(
        &mut request,
        Class::Request,
        Method::BINDING,
        TransactionId([5; 12]),
    )
    .unwrap();
    let len = builder.finish();
    let mut answer = [0; 128];
    let size = Service::handle_stun(from, &request[..len], &mut answer).unwrap();
    let message = Message::parse(&answer[..size]).unwrap();
    assert_eq!(
        (message.class(), message.mapped_address()),
        (Class::Success, Some(from))
    );
    assert_eq!(message.transaction_id(), TransactionId([5; 12]));
    assert_eq!(
        Service::handle_stun(from, &answer[..size], &mut request),
        None
    );
    assert_eq!(Service::handle_stun(from, b"hello", &mut answer), None);
}
