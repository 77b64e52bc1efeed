//! STUN Binding (RFC 8489): tells a client under which address it is seen.

use core::net::SocketAddr;

use smolrtc_stun::{Builder, Class, Code, Message, Method, write_error_response};

/// Answers a Binding request without credentials, which is all that a STUN server for address
/// discovery does. Anything else is met with silence. The answer is at most 28 bytes longer than
/// the shortest request, so that nobody is worth reflecting from here.
pub(crate) fn handle(from: SocketAddr, datagram: &[u8], buf: &mut [u8]) -> Option<usize> {
    let request = Message::parse(datagram).ok()?;
    if request.class() != Class::Request || request.method() != Method::BINDING {
        return None;
    }
    let mut unknown = request.unknown_required(&[]);
    if let Some(first) = unknown.next() {
        return write_error_response(buf, &request, Code::UnknownAttribute, &[first], None).ok();
    }
    let id = request.transaction_id();
    let mut answer = Builder::new(buf, Class::Success, Method::BINDING, id).ok()?;
    answer.xor_mapped_address(&from).ok()?;
    answer.fingerprint().ok()?;
    Some(answer.finish())
}
