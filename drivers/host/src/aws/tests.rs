//! Precedence and refusals of settings.

use std::collections::BTreeMap;
use std::path::Path;

use super::*;

const CREDENTIALS: &str = "[default]\naws_access_key_id = AKDEFAULT\naws_secret_access_key = s1\n\
     [cam]\naws_access_key_id = AKCAM\naws_secret_access_key = s2\naws_session_token = t2\n";
const CONFIG: &str = "[default]\nregion = eu-west-1\n[profile cam]\nregion = ap-south-1\n";

fn with<T>(variables: &[(&str, &str)], test: impl FnOnce(&Environment<'_>) -> T) -> T {
    let variables: BTreeMap<String, String> = variables
        .iter()
        .map(|(name, value)| ((*name).into(), (*value).into()))
        .collect();
    let variable = |name: &str| variables.get(name).cloned();
    let file = |path: &Path| match path.to_str() {
        Some("/home/u/.aws/credentials" | "/elsewhere") => Some(CREDENTIALS.to_owned()),
        Some("/home/u/.aws/config") => Some(CONFIG.to_owned()),
        _ => None,
    };
    test(&Environment {
        variable: &variable,
        file: &file,
    })
}

#[test]
fn variables_go_before_the_shared_file() {
    let variables = [
        ("HOME", "/home/u"),
        ("AWS_ACCESS_KEY_ID", "AKENV"),
        ("AWS_SECRET_ACCESS_KEY", "s"),
        ("AWS_SESSION_TOKEN", "t"),
    ];
    let credentials = with(&variables, |e| e.credentials()).unwrap();
    assert_eq!(credentials.access_key_id(), "AKENV");
    assert_eq!(credentials.session_token().unwrap().expose_str(), "t");
}

#[test]
fn the_profile_chooses_keys_and_region() {
    let variables = [("HOME", "/home/u"), ("AWS_PROFILE", "cam")];
    let credentials = with(&variables, |e| e.credentials()).unwrap();
    assert_eq!(credentials.access_key_id(), "AKCAM");
    assert_eq!(
        with(&variables, |e| e.region(None, None, None)).unwrap(),
        "ap-south-1"
    );
    let variables = [("HOME", "/home/u")];
    assert_eq!(
        with(&variables, |e| e.credentials())
            .unwrap()
            .access_key_id(),
        "AKDEFAULT"
    );
    assert_eq!(
        with(&variables, |e| e.region(None, None, None)).unwrap(),
        "eu-west-1"
    );
}

#[test]
fn the_shared_file_may_lie_elsewhere() {
    let variables = [("AWS_SHARED_CREDENTIALS_FILE", "/elsewhere")];
    assert_eq!(
        with(&variables, |e| e.credentials())
            .unwrap()
            .access_key_id(),
        "AKDEFAULT"
    );
}

#[test]
fn without_any_keys_the_line_says_what_to_set() {
    let text = with(&[], |e| e.credentials()).unwrap_err().to_string();
    assert!(text.contains("AWS_ACCESS_KEY_ID"), "{text}");
    let text = with(&[("AWS_PROFILE", "nobody")], |e| e.credentials())
        .unwrap_err()
        .to_string();
    assert!(
        text.contains("nobody") && text.contains("AWS_PROFILE"),
        "{text}"
    );
}

#[test]
fn half_a_key_pair_is_refused_even_where_a_file_has_a_whole_one() {
    let variables = [("HOME", "/home/u"), ("AWS_ACCESS_KEY_ID", "AKENV")];
    let text = with(&variables, |e| e.credentials())
        .unwrap_err()
        .to_string();
    assert!(text.contains("AWS_SECRET_ACCESS_KEY"), "{text}");
}

#[test]
fn the_region_comes_from_option_arn_variable_file_in_this_order() {
    let variables = [
        ("HOME", "/home/u"),
        ("AWS_REGION", "us-east-1"),
        ("AWS_DEFAULT_REGION", "us-east-2"),
    ];
    let arn = "arn:aws:kinesisvideo:eu-central-1:123456789012:channel/cam/1";
    with(&variables, |e| {
        assert_eq!(
            e.region(Some("ca-west-1"), Some(arn), None).unwrap(),
            "ca-west-1"
        );
        assert_eq!(e.region(None, Some(arn), None).unwrap(), "eu-central-1");
        assert_eq!(e.region(None, Some("cam"), None).unwrap(), "us-east-1");
    });
    with(&[("AWS_DEFAULT_REGION", "us-east-2")], |e| {
        assert_eq!(e.region(None, None, None).unwrap(), "us-east-2");
    });
    let text = with(&[], |e| e.region(None, None, None))
        .unwrap_err()
        .to_string();
    assert!(text.contains("AWS_REGION"), "{text}");
}

#[test]
fn a_service_of_ones_own_needs_no_region() {
    let url = Url::parse("http://127.0.0.1:8000").unwrap();
    assert_eq!(
        with(&[], |e| e.region(None, None, Some(&url))).unwrap(),
        DEFAULT_REGION
    );
}

#[test]
fn the_endpoint_option_goes_before_the_variable() {
    let variables = [("AWS_ENDPOINT_URL_KINESIS_VIDEO", "http://127.0.0.1:1")];
    with(&variables, |e| {
        assert_eq!(e.endpoint(None).unwrap().unwrap().port(), 1);
        assert_eq!(
            e.endpoint(Some("http://127.0.0.1:2"))
                .unwrap()
                .unwrap()
                .port(),
            2
        );
        let text = e.endpoint(Some("127.0.0.1:2")).unwrap_err().to_string();
        assert!(text.contains("https://"), "{text}");
    });
}
