//! The shared credentials file: no panic on any text, and no secret in what is printed.
#![no_main]

use kvs_signaling::{Credentials, region_from_shared_file};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = core::str::from_utf8(data) else {
        return;
    };
    let _ = region_from_shared_file(text, "default");
    if let Ok(credentials) = Credentials::from_shared_file(text, "default") {
        let secret = credentials.secret_access_key().expose_str();
        assert!(!secret.is_empty());
        if secret.len() > 8 && !credentials.access_key_id().contains(secret) {
            assert!(!format!("{credentials:?}").contains(secret));
        }
    }
});
