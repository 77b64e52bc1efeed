//! STUN Binding over one UDP socket.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket as StdUdpSocket};

use kvs_service_core::Service;
use tokio::net::UdpSocket;

/// Room for a request; what is longer is none.
const REQUEST: usize = 1_500;
/// Room for an answer.
const ANSWER: usize = 128;

pub(crate) async fn serve(socket: UdpSocket) {
    let (mut request, mut answer) = ([0; REQUEST], [0; ANSWER]);
    loop {
        // An ICMP error for an answer of ours is no reason to stop.
        let Ok((len, from)) = socket.recv_from(&mut request).await else {
            continue;
        };
        let datagram = request.get(..len).unwrap_or_default();
        if let Some(len) = Service::handle_stun(from, datagram, &mut answer) {
            let answer = answer.get(..len).unwrap_or_default();
            // A lost answer is asked for again.
            let _ = socket.send_to(answer, from).await;
        }
    }
}

/// The address under which clients reach `bound`: of all addresses, the one of the default route.
pub(crate) fn reachable(bound: SocketAddr) -> SocketAddr {
    if !bound.ip().is_unspecified() {
        return bound;
    }
    // Connecting a UDP socket only asks the routing table; 192.0.2.1 is nobody (RFC 5737).
    let routed = StdUdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).and_then(|socket| {
        socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9))?;
        socket.local_addr()
    });
    let ip = routed.map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |address| address.ip());
    SocketAddr::new(ip, bound.port())
}
