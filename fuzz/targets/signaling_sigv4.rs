//! SigV4: the verifier never panics, and what the signer makes of any request it takes.
#![no_main]

use kvs_signaling::Credentials;
use kvs_signaling::sigv4::{Authorization, PathStyle, SERVICE, SignableRequest, Signer};
use kvs_signaling::url::Url;
use libfuzzer_sys::fuzz_target;
use smolrtc_base::{SecretBytes, UnixTime};
use smolrtc_crypto::RustCrypto;

static PROVIDER: RustCrypto = RustCrypto;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = core::str::from_utf8(data) else {
        return;
    };
    let mut lines = text.split('\n');
    let path = lines.next().unwrap_or("/");
    let query = lines.next().unwrap_or("");
    let header = lines.next().unwrap_or("");
    let headers = [
        ("host", "h"),
        ("authorization", header),
        ("x-amz-date", "20231114T221320Z"),
    ];
    let now = UnixTime::from_secs(1_700_000_000);
    let secret = SecretBytes::from("SK");
    let request = SignableRequest {
        method: "GET",
        path,
        query,
        headers: &headers,
        body: b"",
        path_style: PathStyle::Normalized,
    };
    for headers in [&headers[..], &headers[..1]] {
        let request = SignableRequest { headers, ..request };
        if let Ok(claim) = Authorization::parse(&request) {
            let _ = claim.verify(&PROVIDER, &request, &secret, now);
        }
    }
    // Only a query that does not claim to be signed already can be presigned.
    if !query.contains("X-") && !query.contains('%') {
        let credentials = Credentials::new("AK", secret.clone());
        let signer = Signer {
            credentials: &credentials,
            region: "r",
            service: SERVICE,
            time: now,
            provider: &PROVIDER,
        };
        let request = SignableRequest {
            headers: &headers[..1],
            ..request
        };
        let signed = signer.presign(&request, 299);
        let request = SignableRequest {
            query: signed.expose_str(),
            ..request
        };
        let claim = Authorization::parse(&request).expect("our own form");
        assert_eq!(claim.verify(&PROVIDER, &request, &secret, now), Ok(()));
    }
    if let Ok(url) = Url::parse(text) {
        assert!(!url.host().is_empty() && url.port() != 0);
        let again = Url::parse(&url.to_string()).expect("what we print");
        assert_eq!(
            (again.host(), again.port(), again.path()),
            (url.host(), url.port(), url.path())
        );
    }
});
