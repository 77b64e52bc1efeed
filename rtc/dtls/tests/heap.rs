//! What a connection holds on the heap, and that a steady flow of data allocates nothing.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use smolrtc_base::{Instant, Rng, UnixTime};
use smolrtc_crypto::{Provider as _, RustCrypto};
use smolrtc_dtls::{
    Certificate, CipherSuite, Config, Connection, Event, RECORD_OVERHEAD, RECORD_OVERHEAD_HEAD,
    Role,
};

static LIVE: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);
static COUNT: AtomicUsize = AtomicUsize::new(0);

struct Counting;

// SAFETY: every call goes to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let live = LIVE.fetch_add(layout.size(), Relaxed) + layout.size();
        PEAK.fetch_max(live, Relaxed);
        COUNT.fetch_add(1, Relaxed);
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Relaxed);
        // SAFETY: the caller's promise is passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;
static PROVIDER: RustCrypto = RustCrypto;

/// Bytes that a connected connection may hold, itself included.
const CONNECTED: usize = 2 * 1_024;
/// Bytes that a connection may hold at the worst moment of an ordinary handshake.
const HANDSHAKE: usize = 8 * 1_024;

/// What `make` leaves on the heap, and the most it had there.
fn measured<T>(make: impl FnOnce() -> T) -> (T, usize, usize) {
    let before = LIVE.load(Relaxed);
    PEAK.store(before, Relaxed);
    let value = make();
    let live = LIVE.load(Relaxed) - before;
    (value, live, PEAK.load(Relaxed) - before)
}

/// Both ends, each in turn doing what it can, until both are up.
fn connect(suite: &'static [CipherSuite]) -> [Box<Connection>; 2] {
    let now = Instant::ZERO;
    let mut rng = Rng::from_u64(1);
    let [a, b] = [(); 2].map(|()| {
        Certificate::generate(&PROVIDER, &mut rng, UnixTime::from_secs(1_780_000_000))
            .expect("a certificate can be made")
    });
    let mut ends = [(Role::Client, &a, &b), (Role::Server, &b, &a)].map(|(role, ours, theirs)| {
        let mut config = Config::new(role, ours.clone(), vec![theirs.fingerprint()]);
        config.cipher_suites = suite;
        Box::new(Connection::new(now, config, rng.fork(), &PROVIDER).expect("a good configuration"))
    });
    let mut datagram = [0; 1_500];
    while !ends.iter().all(|end| end.is_connected()) {
        for from in 0..2 {
            while let Some(event) = ends[from].poll_event() {
                if let Event::Compute(id, job) = event {
                    let result = PROVIDER.run(&job);
                    ends[from]
                        .handle_computed(now, id, result)
                        .expect("the handshake is good");
                }
            }
            while let Some(len) = ends[from].poll_transmit(now, &mut datagram) {
                ends[1 - from]
                    .handle_input(now, &mut datagram[..len])
                    .expect("the handshake is good");
            }
        }
    }
    for end in &mut ends {
        while end.poll_event().is_some() {}
    }
    ends
}

/// Sends a record of 1,200 bytes each way and takes it out again.
fn exchange(ends: &mut [Box<Connection>; 2], buf: &mut [u8]) {
    for from in 0..2 {
        buf[RECORD_OVERHEAD_HEAD..][..1_200].fill(7);
        let len = ends[from].seal(buf, 1_200).expect("the connection is up");
        ends[1 - from]
            .handle_input(Instant::ZERO, &mut buf[..len])
            .expect("the record is good");
        let Some(Event::Data(data)) = ends[1 - from].poll_event() else {
            panic!("the record arrives");
        };
        assert!(data.len() == 1_200 && data.iter().all(|byte| *byte == 7));
        assert!(ends[1 - from].poll_event().is_none());
    }
}

#[test]
fn a_connected_connection_is_small_and_a_steady_flow_allocates_nothing() {
    let suites: [&'static [CipherSuite]; 3] = [
        &[CipherSuite::EcdheEcdsaAes128Gcm],
        &[CipherSuite::EcdheEcdsaAes256Gcm],
        &[CipherSuite::EcdheEcdsaChaCha20Poly1305],
    ];
    for suite in suites {
        let (mut ends, live, peak) = measured(|| connect(suite));
        println!(
            "{}: {} bytes connected, {} at the handshake's peak, a connection (both ends halved)",
            suite[0].name(),
            live / 2,
            peak / 2
        );
        assert!(live / 2 <= CONNECTED, "{} bytes", live / 2);
        assert!(peak / 2 <= HANDSHAKE, "{} bytes", peak / 2);

        let mut buf = vec![0; 1_200 + RECORD_OVERHEAD];
        exchange(&mut ends, &mut buf);
        let before = COUNT.load(Relaxed);
        for _ in 0..100 {
            exchange(&mut ends, &mut buf);
        }
        assert_eq!(COUNT.load(Relaxed), before);
    }
}
