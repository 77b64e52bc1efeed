//! Operation sequences on the client: no panic, at most four streams, no timer that stands still.
#![no_main]

use arbitrary::Arbitrary;
use kvs_message::{Body, ClientId, Outbound};
use kvs_signaling::{
    ChannelRef, Client, CloseReason, Config, Credentials, Event, Input, Role, StreamId,
};
use libfuzzer_sys::fuzz_target;
use smolrtc_base::{Duration, Instant, Rng, SecretBytes, UnixTime};
use smolrtc_crypto::RustCrypto;

static PROVIDER: RustCrypto = RustCrypto;

#[derive(Arbitrary, Debug)]
enum Operation {
    Opened(u8),
    Bytes(u8, Vec<u8>),
    Describe(u8),
    Endpoints(u8),
    Refuse(u8, u16),
    Closed(u8),
    Timeout,
    Sleep(u16),
    Send,
    RefreshIce,
    ViewersLive(bool),
    Clock(u32),
    Credentials,
    Transmit(u8),
    Poll,
    Shutdown,
}

fuzz_target!(|operations: Vec<Operation>| {
    let mut now = Instant::from_millis(1);
    let channel = ChannelRef::parse("cam").expect("a name");
    let config = Config::new(Role::Master, channel, "us-west-2").expect("a configuration");
    let credentials = || Credentials::new("AK", SecretBytes::from("SK"));
    let rng = Rng::from_u64(7);
    let mut client = Client::new(now, config, credentials(), rng, &PROVIDER).expect("a client");
    let mut open: Vec<StreamId> = Vec::new();
    let mut buf = [0; 256];
    for operation in operations {
        let pick = |n: u8| {
            open.get(usize::from(n) % open.len().max(1))
                .copied()
                .unwrap_or(StreamId(n.into()))
        };
        let reply = |status: u16, body: &str| {
            format!(
                "HTTP/1.1 {status} X\r\ncontent-length: {}\r\n\r\n{body}",
                body.len()
            )
        };
        match operation {
            Operation::Opened(n) => client.handle_input(now, Input::StreamOpened(pick(n))),
            Operation::Bytes(n, bytes) => {
                client.handle_input(now, Input::StreamBytes(pick(n), &bytes))
            }
            Operation::Describe(n) => {
                let text = reply(200, r#"{"ChannelInfo":{"ChannelARN":"arn:aws:x"}}"#);
                client.handle_input(now, Input::StreamBytes(pick(n), text.as_bytes()));
            }
            Operation::Endpoints(n) => {
                let text = reply(
                    200,
                    r#"{"ResourceEndpointList":[{"Protocol":"WSS","ResourceEndpoint":"wss://h"},{"Protocol":"HTTPS","ResourceEndpoint":"https://h"}]}"#,
                );
                client.handle_input(now, Input::StreamBytes(pick(n), text.as_bytes()));
            }
            Operation::Refuse(n, status) => {
                let text = reply(200 + status % 400, "{}");
                client.handle_input(now, Input::StreamBytes(pick(n), text.as_bytes()));
            }
            Operation::Closed(n) => {
                let id = pick(n);
                client.handle_input(now, Input::StreamClosed(id, CloseReason::Eof));
                open.retain(|other| *other != id);
            }
            Operation::Timeout => client.handle_timeout(now),
            Operation::Sleep(millis) => now = now + Duration::from_millis(millis.into()),
            Operation::Send => {
                let to = ClientId::new("v").expect("an id");
                let _ = client.send(now, Outbound::to_viewer(to, Body::Offer("x".into())));
            }
            Operation::RefreshIce => client.refresh_ice_servers(now),
            Operation::ViewersLive(live) => client.viewers_live(now, live),
            Operation::Clock(seconds) => {
                client.set_wall_clock(now, UnixTime::from_secs(seconds.into()))
            }
            Operation::Credentials => client.set_credentials(now, credentials()),
            Operation::Transmit(len) => {
                let _ = client.poll_transmit(now, &mut buf[..usize::from(len)]);
            }
            Operation::Poll => {
                while let Some(event) = client.poll_event() {
                    match event {
                        Event::OpenStream { id, .. } | Event::OpenMutualTls { id, .. } => {
                            open.push(id)
                        }
                        Event::CloseStream(id) => open.retain(|other| *other != id),
                        _ => {}
                    }
                }
                assert!(open.len() <= 4);
            }
            Operation::Shutdown => client.shutdown(now),
        }
        if let Some((at, reason)) = client.poll_timeout().filter(|(at, _)| *at <= now) {
            client.handle_timeout(now);
            while client.poll_transmit(now, &mut buf).is_some() {}
            assert!(
                client.poll_timeout().is_none_or(|(next, _)| next > at),
                "{reason:?}"
            );
        }
    }
});
