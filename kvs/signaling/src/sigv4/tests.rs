use super::*;
use alloc::format;
use alloc::string::ToString;
use smolrtc_crypto::RustCrypto;
use std::{fs, path::PathBuf};

static PROVIDER: RustCrypto = RustCrypto;

struct Case {
    name: String,
    dir: PathBuf,
    method: String,
    path: String,
    query: String,
    headers: Vec<(String, String)>,
    body: String,
    credentials: Credentials,
    time: UnixTime,
    style: PathStyle,
    sign_body: bool,
}

impl Case {
    fn read(&self, file: &str) -> String {
        fs::read_to_string(self.dir.join(file))
            .unwrap()
            .replace("\r\n", "\n")
    }

    fn request<'a>(&'a self, headers: &'a [(&'a str, &'a str)]) -> SignableRequest<'a> {
        SignableRequest {
            method: &self.method,
            path: &self.path,
            query: &self.query,
            headers,
            body: self.body.as_bytes(),
            path_style: self.style,
        }
    }

    fn header_refs(&self) -> Vec<(&str, &str)> {
        self.headers
            .iter()
            .map(|(n, v)| (n.as_str(), v.as_str()))
            .collect()
    }
}

/// The signing suite's cases, read from its files.
fn suite() -> Vec<Case> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/sigv4-suite");
    let mut cases = Vec::new();
    for entry in fs::read_dir(root).unwrap() {
        let dir = entry.unwrap().path();
        let name = dir.file_name().unwrap().to_string_lossy().to_string();
        // These two are of an older format without a context.
        let context: serde_json::Value = match fs::read_to_string(dir.join("context.json")) {
            Ok(text) => serde_json::from_str(&text).unwrap(),
            Err(_) => serde_json::json!({
                "credentials": {
                    "access_key_id": "AKIDEXAMPLE",
                    "secret_access_key": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
                },
                "timestamp": "2021-05-11T15:40:45Z", "normalize": true, "sign_body": false,
            }),
        };
        let secret = |field: &str| {
            context["credentials"][field]
                .as_str()
                .map(SecretBytes::from)
        };
        let mut credentials = Credentials::new("AKIDEXAMPLE", secret("secret_access_key").unwrap());
        // A token that is added after signing is none of the signer's business.
        if context["omit_session_token"] != true
            && let Some(token) = secret("token")
        {
            credentials = credentials.with_session_token(token);
        }
        let text = fs::read_to_string(dir.join("request.txt"))
            .unwrap()
            .replace("\r\n", "\n");
        let (head, body) = text.split_once("\n\n").unwrap_or((&text, ""));
        let mut lines = head.lines();
        let line = lines.next().unwrap();
        let (method, rest) = line.split_once(' ').unwrap();
        let target = rest.rsplit_once(" HTTP").unwrap().0;
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let mut headers: Vec<(String, String)> = Vec::new();
        for line in lines {
            if line.starts_with(' ') {
                let value = &mut headers.last_mut().unwrap().1;
                value.push(' ');
                value.push_str(line);
            } else {
                let (name, value) = line.split_once(':').unwrap();
                headers.push((name.to_string(), value.to_string()));
            }
        }
        // The case expects S3's single encoding of a path that is encoded already; decoding it
        // first leaves the rest of the case as it is.
        let path = if name == "get-space-normalized" {
            String::from_utf8(decode_component(path)).unwrap()
        } else {
            path.to_string()
        };
        cases.push(Case {
            method: method.to_string(),
            path,
            query: query.to_string(),
            headers,
            body: body.to_string(),
            credentials,
            time: parse_iso8601(context["timestamp"].as_str().unwrap()).unwrap(),
            style: if context["normalize"] == true {
                PathStyle::Normalized
            } else {
                PathStyle::Verbatim
            },
            sign_body: context["sign_body"] == true,
            name,
            dir,
        });
    }
    assert_eq!(cases.len(), 40);
    cases
}

fn region_and_service(name: &str) -> (&'static str, &'static str) {
    match name {
        "double-encode-path" => ("us-east-1", "execute-api"),
        "double-url-encode" => ("us-east-2", "lambda"),
        _ => ("us-east-1", "service"),
    }
}

fn signer<'a>(case: &'a Case) -> Signer<'a> {
    let (region, service) = region_and_service(&case.name);
    Signer {
        credentials: &case.credentials,
        region,
        service,
        time: case.time,
        provider: &PROVIDER,
    }
}

#[test]
fn the_aws_signing_suite_by_header() {
    for case in suite() {
        let hashed = hex(&sha256(&PROVIDER, &[case.body.as_bytes()]));
        let mut headers = case.header_refs();
        if case.sign_body {
            headers.push(("x-amz-content-sha256", &hashed));
        }
        let request = case.request(&headers);
        let date = AmzDate::new(case.time);
        let mut all = headers.clone();
        all.retain(|(name, _)| !is_added(name));
        all.push(("x-amz-date", date.as_str()));
        if let Some(token) = case.credentials.session_token() {
            all.push(("x-amz-security-token", token.expose_str()));
        }
        let names = canonical::signed_names(&all);
        let canonical = canonical::request(
            &PROVIDER,
            &SignableRequest {
                headers: &all,
                ..request
            },
            &names,
            None,
        );
        assert_eq!(
            canonical,
            case.read("header-canonical-request.txt"),
            "{}",
            case.name
        );
        let signed = signer(&case).sign_headers(&request);
        let value = signed.authorization.expose_str();
        // The two old cases come without a signature of their canonical form.
        if let Ok(signature) = fs::read_to_string(case.dir.join("header-signature.txt")) {
            let expected = format!("Signature={}", signature.trim());
            assert!(value.ends_with(&expected), "{}", case.name);
        }

        let authorization = ("authorization", value);
        all.push(authorization);
        let received = SignableRequest {
            headers: &all,
            ..request
        };
        let parsed = Authorization::parse(&received).unwrap();
        assert_eq!(parsed.form, Form::Header);
        let secret = case.credentials.secret_access_key();
        assert_eq!(
            parsed.verify(&PROVIDER, &received, secret, case.time),
            Ok(())
        );
    }
}

#[test]
fn the_aws_signing_suite_by_query() {
    let mut checked = 0;
    for case in suite() {
        let Ok(expected) = fs::read_to_string(case.dir.join("query-signature.txt")) else {
            continue;
        };
        let headers = case.header_refs();
        let request = case.request(&headers);
        let query = signer(&case).presign(&request, 3_600);
        let query = query.expose_str();
        assert!(
            query.ends_with(&format!("&X-Amz-Signature={}", expected.trim())),
            "{}",
            case.name
        );
        checked += 1;

        let received = SignableRequest { query, ..request };
        let parsed = Authorization::parse(&received).unwrap();
        assert_eq!((parsed.form, parsed.expires), (Form::Query, Some(3_600)));
        let secret = case.credentials.secret_access_key();
        assert_eq!(
            parsed.verify(&PROVIDER, &received, secret, case.time),
            Ok(())
        );
    }
    assert_eq!(checked, 38);
}

/// The official JS SDK's own cases.
#[test]
fn the_presigned_urls_of_the_js_sdk() {
    let with_token = Credentials::new("AKIA4F7WJQR7FMMWMNXI", "FakeSecretKey".into())
        .with_session_token("FakeSessionToken".into());
    let without = Credentials::new("AKIA4F7WJQR7FMMWMNXI", "FakeSecretKey".into());
    let cases = [
        (
            &with_token,
            "kinesisvideo",
            "/",
            299,
            "fc268038be276315822b4f73eafd28ee3a5632a2a35fdb0a88db9a42b13d6c92",
        ),
        (
            &without,
            "kinesisvideo",
            "/",
            299,
            "be1e78950d956a8a9a1997417099ddbd7455619f3d08c4ad20e1e272179ca695",
        ),
        (
            &with_token,
            "firehose",
            "/",
            299,
            "f15308513d21a381d38b7607a0439f25fc2e6c9f5ff56a48c1664b486e6234d5",
        ),
        (
            &with_token,
            "kinesisvideo",
            "/path/path/path",
            299,
            "0bf3df6ca23d8d82f688e8dbfb90d69e74843d40038541b1721c545eef7612a4",
        ),
        (
            &with_token,
            "kinesisvideo",
            "/",
            86_400,
            "b62a078631a8f1e31ad09bce25d251611a22b65eac8836f6d700cee50a04e9e1",
        ),
    ];
    for (credentials, service, path, expires, expected) in cases {
        let signer = Signer {
            credentials,
            region: "us-west-2",
            service,
            time: parse_iso8601("2019-12-01T00:00:00Z").unwrap(),
            provider: &PROVIDER,
        };
        let request = SignableRequest {
            method: "GET",
            path,
            query: "X-Amz-TestParam=test-param-value",
            headers: &[("host", "kvs.awsamazon.com")],
            body: b"",
            path_style: PathStyle::Normalized,
        };
        let query = signer.presign(&request, expires);
        assert_eq!(query.expose_str().rsplit_once('=').unwrap().1, expected);
        assert!(!format!("{query:?} {request:?} {signer:?}").contains("Fake"));
    }
}

fn signed_at(time: u64) -> (Credentials, SecretBytes) {
    let credentials = Credentials::new("AK", "secret".into());
    let signer = Signer {
        credentials: &credentials,
        region: "eu-west-1",
        service: SERVICE,
        time: UnixTime::from_secs(time),
        provider: &PROVIDER,
    };
    let query = signer.presign(&plain("X-Amz-ChannelARN=arn%3Aaws%3Ax"), 299);
    (credentials, query)
}

const fn plain(query: &str) -> SignableRequest<'_> {
    SignableRequest {
        method: "GET",
        path: "/",
        query,
        headers: &[("Host", "localhost:8443")],
        body: b"",
        path_style: PathStyle::Normalized,
    }
}

#[test]
fn time_bounds_of_a_presigned_request() {
    let (credentials, query) = signed_at(1_700_000_000);
    let request = plain(query.expose_str());
    let parsed = Authorization::parse(&request).unwrap();
    let at = |time| {
        let secret = credentials.secret_access_key();
        parsed.verify(&PROVIDER, &request, secret, UnixTime::from_secs(time))
    };
    assert_eq!(at(1_700_000_000 - 300), Ok(()));
    assert_eq!(at(1_700_000_000 - 301), Err(VerifyError::NotYetCurrent));
    assert_eq!(at(1_700_000_300), Ok(()));
    assert_eq!(at(1_700_000_301), Err(VerifyError::Expired));
}

#[test]
fn a_changed_request_or_another_key_does_not_match() {
    let (credentials, query) = signed_at(1_700_000_000);
    let now = UnixTime::from_secs(1_700_000_000);
    let query = query.expose_str();
    let original = plain(query);
    let parsed = Authorization::parse(&original).unwrap();
    let secret = credentials.secret_access_key();
    let swapped = query.replace("ChannelARN=arn", "ChannelARN=brn");
    let longer = query.replace("Expires=299", "Expires=298");
    let doubled = format!("{query}&X-Amz-ClientId=me");
    let changes = [
        SignableRequest {
            method: "POST",
            ..original
        },
        SignableRequest {
            path: "/x",
            ..original
        },
        SignableRequest {
            headers: &[("host", "localhost")],
            ..original
        },
        SignableRequest {
            body: b"x",
            ..original
        },
        plain(&swapped),
        plain(&longer),
        plain(&doubled),
    ];
    for changed in changes {
        let result = parsed.verify(&PROVIDER, &changed, secret, now);
        assert_eq!(result, Err(VerifyError::Mismatch));
    }
    let other = SecretBytes::from("secreT");
    let result = parsed.verify(&PROVIDER, &original, &other, now);
    assert_eq!(result, Err(VerifyError::Mismatch));
}

#[test]
fn what_an_authorization_lacks_is_named() {
    let parse = |headers: &[(&str, &str)], query: &str| {
        let request = SignableRequest {
            headers,
            query,
            ..plain("")
        };
        Authorization::parse(&request).map(|_| ()).unwrap_err()
    };
    let good = "AWS4-HMAC-SHA256 Credential=AK/20231114/r/s/aws4_request, SignedHeaders=host, Signature=00";
    let date = ("x-amz-date", "20231114T000000Z");
    assert_eq!(parse(&[], ""), VerifyError::Missing);
    assert_eq!(
        parse(&[("authorization", good)], ""),
        VerifyError::Incomplete
    );
    assert_eq!(
        parse(&[("authorization", "Basic x"), date], ""),
        VerifyError::Incomplete
    );
    let wrong =
        |from: &str, to: &str| parse(&[("Authorization", &good.replace(from, to)), date], "");
    assert_eq!(wrong("20231114", "20231115"), VerifyError::BadScope);
    assert_eq!(wrong("aws4_request", "aws5"), VerifyError::BadScope);
    assert_eq!(wrong("/r/s", "/s"), VerifyError::Incomplete);
    assert_eq!(wrong("=host", "=date"), VerifyError::HostNotSigned);
    assert_eq!(
        parse(&[], "X-Amz-Algorithm=AWS4-HMAC-SHA256"),
        VerifyError::Incomplete
    );
}

#[test]
fn dates_go_both_ways() {
    for seconds in [
        0,
        951_782_399,
        951_782_400,
        951_868_800,
        1_700_000_000,
        4_102_444_799,
    ] {
        let time = UnixTime::from_secs(seconds);
        assert_eq!(AmzDate::parse(AmzDate::new(time).as_str()).unwrap().1, time);
        assert_eq!(parse_http_date(&http_date(time)), Some(time));
    }
    assert_eq!(
        http_date(UnixTime::from_secs(784_111_777)),
        "Sun, 06 Nov 1994 08:49:37 GMT"
    );
    assert_eq!(
        AmzDate::new(UnixTime::from_secs(1_700_000_000)).as_str(),
        "20231114T221320Z"
    );
    let leap = parse_iso8601("2024-02-29T12:00:00.123Z").unwrap();
    assert_eq!(leap.as_secs(), 1_709_208_000);
    for bad in [
        "",
        "2024-13-01T00:00:00Z",
        "2024-01-01T24:00:00Z",
        "2024-01-01 00:00:00",
        "x-1-1T1:1:1Z",
    ] {
        assert_eq!(parse_iso8601(bad), None);
    }
    assert_eq!(AmzDate::parse("20231114T2213é0Z").map(|_| ()), None);
    assert_eq!(parse_http_date("Sun, 06 Nov 1994 08:49:37 CET"), None);
}
