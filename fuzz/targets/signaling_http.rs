//! HTTP parsers: no panic, and the same answer however the bytes are cut.
#![no_main]

use kvs_signaling::http::{HttpError, RequestParser, Response, ResponseParser};
use libfuzzer_sys::fuzz_target;

fn responses(bytes: &[u8], piece: usize) -> (Vec<Response>, Option<HttpError>) {
    let mut parser = ResponseParser::new(4_096);
    let mut out = Vec::new();
    for chunk in bytes.chunks(piece) {
        let mut rest = chunk;
        loop {
            match parser.push(&mut rest) {
                Ok(Some(response)) => {
                    assert!(response.body.len() <= 4_096);
                    out.push(response);
                    if rest.is_empty() {
                        break;
                    }
                }
                Ok(None) => break,
                Err(error) => return (out, Some(error)),
            }
        }
        assert!(rest.is_empty());
    }
    match parser.finish() {
        Ok(last) => out.extend(last),
        Err(error) => return (out, Some(error)),
    }
    (out, None)
}

fuzz_target!(|data: &[u8]| {
    assert_eq!(responses(data, data.len().max(1)), responses(data, 3));
    let mut parser = RequestParser::new(4_096);
    let mut rest = data;
    while let Ok(Some(request)) = parser.push(&mut rest) {
        assert!(request.body.len() <= 4_096);
    }
});
