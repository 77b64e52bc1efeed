use super::*;
use alloc::format;
use alloc::string::ToString;

const FILE: &str = "\u{feff}# mine
[default]
aws_access_key_id = AKDEFAULT
aws_secret_access_key=s3cr3t#with/hash ; a comment
region = eu-west-1

[ profile cam ]
AWS_ACCESS_KEY_ID = AKCAM
aws_secret_access_key = camsecret
aws_session_token = tok==
s3 =
  aws_access_key_id = NOTME
[half]
aws_access_key_id = AKHALF
[role]
role_arn = arn:aws:iam::1:role/x
source_profile = default
";

#[test]
fn a_profile_of_the_shared_file_is_found_with_comments_and_nesting_around_it() {
    let default = Credentials::from_shared_file(FILE, "default").unwrap();
    assert_eq!(default.access_key_id(), "AKDEFAULT");
    assert_eq!(default.secret_access_key().expose_str(), "s3cr3t#with/hash");
    assert_eq!(default.session_token(), None);
    let cam = Credentials::from_shared_file(FILE, "cam").unwrap();
    assert_eq!(cam.access_key_id(), "AKCAM");
    assert_eq!(cam.session_token().unwrap().expose_str(), "tok==");
    assert_eq!(region_from_shared_file(FILE, "default"), Some("eu-west-1"));
}

#[test]
fn what_a_profile_lacks_is_named() {
    let get = |profile| Credentials::from_shared_file(FILE, profile).unwrap_err();
    assert_eq!(get("nobody"), CredentialsError::NotFound);
    assert_eq!(get("half"), CredentialsError::NoSecretAccessKey);
    assert_eq!(get("role"), CredentialsError::IndirectProfile);
}

#[test]
fn half_an_environment_is_an_error_and_an_empty_one_is_absence() {
    let env = |vars: &'static [(&str, &str)]| {
        Credentials::from_env(move |name| {
            vars.iter()
                .find(|(n, _)| *n == name)
                .map(|(_, v)| (*v).to_string())
        })
    };
    assert_eq!(env(&[]).unwrap_err(), CredentialsError::NotFound);
    assert_eq!(
        env(&[("AWS_ACCESS_KEY_ID", ""), ("AWS_SECRET_ACCESS_KEY", "x")]).unwrap_err(),
        CredentialsError::NoAccessKeyId
    );
    assert_eq!(
        env(&[
            ("AWS_ACCESS_KEY_ID", "AK"),
            ("AWS_SECRET_ACCESS_KEY", "a b")
        ])
        .unwrap_err(),
        CredentialsError::MalformedSecretAccessKey
    );
    let found = env(&[
        ("AWS_ACCESS_KEY_ID", "AK"),
        ("AWS_SECRET_ACCESS_KEY", "s\n"),
        ("AWS_SESSION_TOKEN", "t"),
    ])
    .unwrap();
    assert_eq!(found.secret_access_key().expose_str(), "s");
    assert_eq!(found.session_token().unwrap().expose_str(), "t");
}

#[test]
fn expiry_comes_30_seconds_early() {
    let credentials =
        Credentials::new("AK", SecretBytes::from("s")).with_expiry(UnixTime::from_secs(1_000));
    assert!(!credentials.expired(UnixTime::from_secs(969)));
    assert!(credentials.expired(UnixTime::from_secs(970)));
    assert!(
        !Credentials::new("AK", SecretBytes::from("s"))
            .expired(UnixTime::from_secs(u32::MAX.into()))
    );
}

#[test]
fn debug_output_shows_neither_secret_nor_token() {
    let credentials = Credentials::new("AKID", SecretBytes::from("hush"))
        .with_session_token(SecretBytes::from("tokentoken"));
    let shown = format!("{credentials:?}");
    assert!(shown.contains("AKID") && !shown.contains("hush") && !shown.contains("tokentoken"));
}
