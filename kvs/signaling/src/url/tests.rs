use super::*;
use alloc::format;

#[test]
fn ports_default_by_scheme_and_are_left_out_of_the_host_header() {
    let url = Url::parse("https://kinesisvideo.us-west-2.amazonaws.com").unwrap();
    assert_eq!((url.port(), url.path(), url.tls()), (443, "/", true));
    assert_eq!(url.authority(), "kinesisvideo.us-west-2.amazonaws.com");
    let url = Url::parse("ws://127.0.0.1:8080/a/b?x=1").unwrap();
    assert_eq!((url.port(), url.path(), url.query()), (8080, "/a/b", "x=1"));
    assert_eq!(url.authority(), "127.0.0.1:8080");
    assert_eq!(Url::parse("HTTP://Host:80/").unwrap().authority(), "host");
}

#[test]
fn ipv6_literals_keep_their_brackets_in_the_host_header_only() {
    let url = Url::parse("http://[::1]:8443").unwrap();
    assert_eq!((url.host(), url.port()), ("::1", 8443));
    assert_eq!(url.authority(), "[::1]:8443");
    assert_eq!(Url::parse("http://[::1"), Err(UrlError::Host));
    assert_eq!(Url::parse("http://[::g]/"), Err(UrlError::Host));
    assert_eq!(Url::parse("http://[::1]x"), Err(UrlError::Host));
}

#[test]
fn what_is_wrong_is_named() {
    assert_eq!(Url::parse(""), Err(UrlError::Length));
    assert_eq!(Url::parse("ftp://host"), Err(UrlError::Scheme));
    assert_eq!(Url::parse("host:80"), Err(UrlError::Scheme));
    assert_eq!(Url::parse("https://"), Err(UrlError::Host));
    assert_eq!(Url::parse("https://a b"), Err(UrlError::Forbidden));
    assert_eq!(Url::parse("https://user@host"), Err(UrlError::Forbidden));
    for port in ["0", "65536", "", "+1", "8x"] {
        let text = format!("https://host:{port}");
        assert_eq!(Url::parse(&text), Err(UrlError::Port), "{text}");
    }
}

#[test]
fn the_query_is_never_printed() {
    let url = Url::parse("wss://host/?X-Amz-Signature=feed").unwrap();
    assert_eq!(format!("{url:?} {url}"), "wss://host/ wss://host/");
}

#[test]
fn china_and_dual_stack_have_their_own_domains() {
    let host = |region, dual| control_plane_host(region, dual);
    assert_eq!(
        host("us-east-1", false),
        "kinesisvideo.us-east-1.amazonaws.com"
    );
    assert_eq!(
        host("cn-north-1", false),
        "kinesisvideo.cn-north-1.amazonaws.com.cn"
    );
    assert_eq!(host("us-east-1", true), "kinesisvideo.us-east-1.api.aws");
    assert_eq!(
        host("cn-north-1", true),
        "kinesisvideo.cn-north-1.api.amazonwebservices.com.cn"
    );
    assert_eq!(
        stun_uri("eu-west-1", false),
        "stun:stun.kinesisvideo.eu-west-1.amazonaws.com:443"
    );
    assert_eq!(control_plane("evil.com/", false), Err(UrlError::Host));
}
