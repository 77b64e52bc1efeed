//! The INI dialect of AWS's `credentials` and `config` files.

/// What one section says. Later lines win, as in botocore.
#[derive(Default)]
pub(super) struct Profile<'a> {
    pub(super) access_key_id: Option<&'a str>,
    pub(super) secret_access_key: Option<&'a str>,
    pub(super) session_token: Option<&'a str>,
    pub(super) region: Option<&'a str>,
    /// Keys come from somewhere else.
    pub(super) indirect: bool,
}

/// The section `[name]`, or `[profile name]` as the config file writes it.
pub(super) fn find<'a>(text: &'a str, name: &str) -> Option<Profile<'a>> {
    let mut found = None;
    let mut inside = false;
    // A byte order mark is what Windows editors leave.
    for line in text.trim_start_matches('\u{feff}').lines() {
        // An indented line belongs to a nested block (`s3 =`), never to the profile itself.
        let nested = line.starts_with([' ', '\t']);
        let line = line.trim();
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        if let Some(header) = line.strip_prefix('[') {
            inside = header
                .split_once(']')
                .is_some_and(|(header, _)| is_named(header.trim(), name));
            if inside && found.is_none() {
                found = Some(Profile::default());
            }
            continue;
        }
        let (true, false, Some(profile)) = (inside, nested, found.as_mut()) else {
            continue;
        };
        let Some((key, value)) = line.split_once('=') else {
            continue;
        };
        let value = strip_comment(value).trim();
        if value.is_empty() {
            continue;
        }
        let key = key.trim();
        let is = |known: &str| key.eq_ignore_ascii_case(known);
        if is("aws_access_key_id") {
            profile.access_key_id = Some(value);
        } else if is("aws_secret_access_key") {
            profile.secret_access_key = Some(value);
        } else if is("aws_session_token") {
            profile.session_token = Some(value);
        } else if is("region") {
            profile.region = Some(value);
        } else if is("role_arn")
            || is("credential_process")
            || is("sso_session")
            || is("sso_start_url")
        {
            profile.indirect = true;
        }
    }
    found
}

fn is_named(header: &str, name: &str) -> bool {
    header == name
        || header
            .strip_prefix("profile")
            .is_some_and(|rest| rest.starts_with([' ', '\t']) && rest.trim() == name)
}

/// A comment after a value needs white space before its sign: secrets may contain `#`.
fn strip_comment(value: &str) -> &str {
    let cut = [" #", " ;", "\t#", "\t;"]
        .into_iter()
        .filter_map(|sign| value.find(sign))
        .min();
    match cut {
        Some(at) => value.get(..at).unwrap_or(value),
        None => value,
    }
}
