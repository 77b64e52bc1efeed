use super::*;
use alloc::vec;

fn respond(bytes: &[u8], piece: usize) -> Result<(Option<Response>, usize), HttpError> {
    let mut parser = ResponseParser::new(1_024);
    let mut left = bytes.len();
    for chunk in bytes.chunks(piece) {
        let mut input = chunk;
        let done = parser.push(&mut input)?;
        left -= chunk.len() - input.len();
        if done.is_some() {
            return Ok((done, left));
        }
    }
    Ok((parser.finish()?, left))
}

#[test]
fn a_response_is_the_same_however_its_bytes_are_cut() {
    let text = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 403 Forbidden\r\nDate: x\r\n\
        x-amzn-ErrorType: A:http://b/\r\ncontent-length: 5\r\n\r\nhelloNEXT";
    for piece in 1..text.len() {
        let (response, left) = respond(text, piece).unwrap();
        let response = response.unwrap();
        assert_eq!((response.status, &response.body[..]), (403, &b"hello"[..]));
        assert_eq!(
            response.headers.get("X-AMZN-ERRORTYPE"),
            Some("A:http://b/")
        );
        assert!(response.keep_alive);
        assert_eq!(left, 4);
    }
}

#[test]
fn chunks_extensions_and_trailers_are_taken_off() {
    let text = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\
        4;a=b\r\nWiki\r\n0B\r\npedia in it\r\n0\r\nX-T: 1\r\n\r\nrest";
    for piece in 1..text.len() {
        let (response, left) = respond(text, piece).unwrap();
        assert_eq!(response.unwrap().body, b"Wikipedia in it");
        assert_eq!(left, 4);
    }
}

#[test]
fn a_body_without_length_ends_with_the_stream() {
    let (response, _) = respond(b"HTTP/1.1 200 OK\r\n\r\nabc", 7).unwrap();
    let response = response.unwrap();
    assert_eq!(response.body, b"abc");
    assert!(!response.keep_alive);
}

#[test]
fn bytes_after_a_101_are_left_for_the_next_protocol() {
    let text = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n\x81\x00";
    let (response, left) = respond(text, text.len()).unwrap();
    assert_eq!((response.unwrap().status, left), (101, 2));
}

#[test]
fn what_smuggles_or_floods_is_refused_by_name() {
    let cases: [(&[u8], HttpError); 9] = [
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
            HttpError::AmbiguousLength,
        ),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
            HttpError::AmbiguousLength,
        ),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\n",
            HttpError::AmbiguousLength,
        ),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
            HttpError::AmbiguousLength,
        ),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 1025\r\n\r\n",
            HttpError::BodyTooLong,
        ),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n401\r\n",
            HttpError::BodyTooLong,
        ),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n",
            HttpError::MalformedChunk,
        ),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc",
            HttpError::Truncated,
        ),
        (b"\x16\x03\x01\x02\x00\r\n\r\n", HttpError::MalformedHead),
    ];
    for (bytes, error) in cases {
        assert_eq!(respond(bytes, 5).unwrap_err(), error);
    }
    let flood = vec![b'a'; MAX_HEAD + 1];
    assert_eq!(respond(&flood, 100).unwrap_err(), HttpError::HeadTooLong);
}

#[test]
fn requests_survive_the_round_trip_and_pipelining() {
    let mut bytes = Vec::new();
    write_request(
        &mut bytes,
        "POST",
        "/a?b=c",
        &[("host", "h\r\nevil: 1"), ("x", "y")],
        b"{}",
    );
    write_request(&mut bytes, "GET", "/", &[("connection", "close")], b"");
    let mut parser = RequestParser::new(16);
    let mut input = &bytes[..];
    let first = parser.push(&mut input).unwrap().unwrap();
    assert_eq!(
        (&first.method[..], &first.path[..], &first.query[..]),
        ("POST", "/a", "b=c")
    );
    assert_eq!(
        (first.headers.get("host"), &first.body[..]),
        (Some("hevil: 1"), &b"{}"[..])
    );
    let second = parser.push(&mut input).unwrap().unwrap();
    assert_eq!((&second.method[..], second.keep_alive), ("GET", false));
    assert!(input.is_empty());
}
