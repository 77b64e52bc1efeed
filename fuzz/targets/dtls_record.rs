//! Datagrams thrown at either end at any stage of a handshake, with a provider that finds every tag
//! and signature right. Input: role, stage, then datagrams, each after its 16-bit length.
#![no_main]

use std::sync::OnceLock;

use smolrtc_base::{Duration, Instant, Limits, Rng, UnixTime};
use smolrtc_crypto::{Provider as _, fuzzing::AcceptAll};
use smolrtc_dtls::{Certificate, Config, Connection, Event, Role};

static PROVIDER: AcceptAll = AcceptAll;

fn configs() -> &'static [Config; 2] {
    static CONFIGS: OnceLock<[Config; 2]> = OnceLock::new();
    CONFIGS.get_or_init(|| {
        let mut rng = Rng::from_u64(1);
        let [a, b] = [(); 2].map(|()| {
            Certificate::generate(&PROVIDER, &mut rng, UnixTime::from_secs(1_780_000_000)).unwrap()
        });
        [(Role::Client, &a, &b), (Role::Server, &b, &a)].map(|(role, ours, theirs)| {
            let mut config = Config::new(role, ours.clone(), vec![theirs.fingerprint()]);
            config.limits = Limits::CHIP;
            config
        })
    })
}

fn events(end: &mut Connection, now: Instant) {
    let mut jobs = Vec::new();
    while let Some(event) = end.poll_event() {
        if let Event::Compute(id, job) = event {
            jobs.push((id, job));
        }
    }
    for (id, job) in jobs {
        let _ = end.handle_computed(now, id, PROVIDER.run(&job));
    }
}

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let [role, stage, rest @ ..] = data else {
        return;
    };
    let mut rest = rest;
    let target = usize::from(role % 2);
    let mut now = Instant::ZERO;
    let mut seed = 0;
    let mut ends = configs().clone().map(|config| {
        seed += 1;
        Connection::new(now, config, Rng::from_u64(seed), &PROVIDER).unwrap()
    });

    // An honest handshake, as far as `stage` datagrams.
    let mut buf = [0; 1_500];
    let mut left = stage % 8;
    for from in [0, 1, 0, 1, 0, 1] {
        events(&mut ends[from], now);
        while left > 0
            && let Some(len) = ends[from].poll_transmit(now, &mut buf)
        {
            left -= 1;
            let _ = ends[1 - from].handle_input(now, &mut buf[..len]);
        }
        events(&mut ends[from], now);
    }

    let end = &mut ends[target];
    let mut failed = false;
    while let [high, low, after @ ..] = rest {
        let len = usize::from(u16::from_be_bytes([*high, *low])).min(after.len());
        let (datagram, after) = after.split_at(len);
        rest = after;
        if end.handle_input(now, &mut datagram.to_vec()).is_err() {
            assert!(!failed, "an error is returned once");
            assert!(!end.is_connected());
            failed = true;
        }
        events(end, now);
        let mut sent = 0;
        while end.poll_transmit(now, &mut buf).is_some() {
            sent += 1;
            assert!(sent < 50, "a datagram in, a flight out at most");
        }
        now = now + Duration::from_millis(30);
        let before = end.poll_timeout();
        failed |= end.handle_timeout(now).is_err();
        if let Some((at, reason)) = before
            && at <= now
        {
            assert_ne!(end.poll_timeout(), Some((at, reason)));
        }
    }
});
