//! The service as anybody on the network finds it: any bytes on a stream, any STUN datagram.
#![no_main]

use kvs_service_core::{Config, Service, Streams};
use libfuzzer_sys::fuzz_target;
use smolrtc_base::{Instant, Rng, SecretBytes, UnixTime};
use smolrtc_crypto::RustCrypto;

static PROVIDER: RustCrypto = RustCrypto;

fuzz_target!(|data: &[u8]| {
    let peer = "192.0.2.1:9".parse().expect("an address");
    let mut answer = [0; 128];
    let _ = Service::handle_stun(peer, data, &mut answer);

    let config = Config::new("AK", SecretBytes::from("SK"));
    let mut service = Service::new(config, Rng::from_u64(1), &PROVIDER);
    let mut streams = Streams::new(&PROVIDER);
    streams.handle_opened(1, false, peer);
    let (now, unix) = (Instant::from_millis(1), UnixTime::from_secs(1_700_000_000));
    for chunk in data.chunks(97) {
        streams.handle_bytes(now, unix, &mut service, 1, chunk);
    }
    while streams.poll_transmit().is_some() {}
    // Nobody can sign without the secret.
    let stats = service.stats();
    assert_eq!((stats.channels, stats.connections), (0, 0));
});
