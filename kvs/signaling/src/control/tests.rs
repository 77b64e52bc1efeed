use super::*;
use crate::http::ResponseParser;
use alloc::format;

fn refused(head: &str, body: &str) -> ServiceError {
    let text = format!(
        "HTTP/1.1 {head}\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let response = ResponseParser::new(1_000)
        .push(&mut text.as_bytes())
        .unwrap()
        .unwrap();
    ServiceError::of(&response)
}

#[test]
fn the_exception_is_found_in_header_and_body() {
    let cases = [
        (
            "404 x\r\nx-amzn-ErrorType: ResourceNotFoundException:http://internal/",
            "{}",
            ErrorKind::NotFound,
        ),
        (
            "400 x",
            r#"{"__type":"com.amazonaws.kinesisvideo#ClientLimitExceededException"}"#,
            ErrorKind::Throttled,
        ),
        (
            "403 x",
            r#"{"__type":"InvalidSignatureException","message":"The request signature"}"#,
            ErrorKind::WrongSignature,
        ),
        (
            "403 x",
            r#"{"__type":"InvalidSignatureException","Message":"Signature expired: a is now earlier than b"}"#,
            ErrorKind::ClockSkewed,
        ),
        ("403 x", "not json", ErrorKind::AccessDenied),
        ("503 x", "<html>", ErrorKind::Unavailable),
        ("418 x", "", ErrorKind::InvalidArgument),
        ("302 x", "", ErrorKind::Other),
    ];
    for (head, body, kind) in cases {
        assert_eq!(refused(head, body).kind, kind, "{head} {body}");
    }
}

#[test]
fn bodies_have_the_keys_of_the_api_reference() {
    let body = |operation: Operation| String::from_utf8(operation.body()).unwrap();
    assert_eq!(
        body(Operation::Describe(ChannelRef::Name("cam".into()))),
        r#"{"ChannelName":"cam"}"#
    );
    assert_eq!(
        body(Operation::Create {
            name: "cam".into(),
            message_ttl: Some(60),
            tags: Vec::new(),
        }),
        r#"{"ChannelName":"cam","ChannelType":"SINGLE_MASTER","SingleMasterConfiguration":{"MessageTtlSeconds":60}}"#
    );
    assert_eq!(
        body(Operation::GetEndpoint {
            arn: "arn".into(),
            role: RoleName::Master
        }),
        r#"{"ChannelARN":"arn","SingleMasterChannelEndpointConfiguration":{"Protocols":["WSS","HTTPS"],"Role":"MASTER"}}"#
    );
    assert_eq!(
        body(Operation::Delete {
            arn: "arn".into(),
            version: Some("v".into())
        }),
        r#"{"ChannelARN":"arn","CurrentVersion":"v"}"#
    );
    assert_eq!(
        body(Operation::List {
            prefix: Some("c".into()),
            max_results: Some(5),
            next_token: None
        }),
        r#"{"MaxResults":5,"ChannelNameCondition":{"ComparisonOperator":"BEGINS_WITH","ComparisonValue":"c"}}"#
    );
}

#[test]
fn a_description_with_unknown_fields_is_read() {
    let text = r#"{"ChannelInfo":{"ChannelARN":"a","ChannelName":"n","CreationTime":1.5E9,"New":{},
        "FullMeshConfiguration":null,"Version":"x"}}"#;
    let parsed: wire::DescribeResponse = serde_json::from_str(text).unwrap();
    assert_eq!(parsed.channel_info.channel_arn, "a");
    assert_eq!(parsed.channel_info.version.unwrap(), "x");
    assert_eq!(parsed.channel_info.single_master_configuration, None);
}
