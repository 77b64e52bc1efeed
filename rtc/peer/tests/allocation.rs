//! Ten seconds of streaming with losses, resends and reports allocate nothing on the camera's side.
#![allow(
    clippy::unwrap_used,
    reason = "a test; helpers outside #[test] count as such"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::collections::VecDeque;
use std::net::SocketAddr;

use smolrtc::base::{Duration, Instant, Limits, Rng, UnixTime};
use smolrtc::crypto::Provider as _;
use smolrtc::rtp::Codec;
use smolrtc::rtp::history::Ring;
use smolrtc::{Certificate, Config, Event, MTU, PeerConnection, Wall};
use smolrtc_crypto::RustCrypto;

static PROVIDER: RustCrypto = RustCrypto;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: every call is passed on to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// A side of the session, and what its verbs have allocated.
struct Side {
    peer: PeerConnection,
    rings: Vec<Ring>,
    address: SocketAddr,
    allocations: usize,
    frames: usize,
}

impl Side {
    fn new(seed: u8, change: impl FnOnce(&mut Config)) -> Self {
        let mut rng = Rng::from_u64(u64::from(seed));
        let wall = UnixTime::from_secs(1_750_000_000);
        let certificate = Certificate::generate(&PROVIDER, &mut rng, wall).unwrap();
        let mut config = Config::new(certificate, Limits::HOST);
        change(&mut config);
        let tracks = config.tracks.iter();
        let rings = tracks
            .map(|codec| Ring::new(*codec, &Limits::HOST))
            .collect();
        let mut peer = PeerConnection::new(config, rng, &PROVIDER);
        peer.set_wall_clock(Wall::new(Instant::ZERO, wall));
        let address = SocketAddr::from(([10, 0, 0, seed], 5_000));
        peer.add_interface(Instant::ZERO, address);
        Self {
            peer,
            rings,
            address,
            allocations: 0,
            frames: 0,
        }
    }

    fn counted<T>(&mut self, work: impl FnOnce(&mut Self) -> T) -> T {
        let before = ALLOCATIONS.get();
        let done = work(self);
        self.allocations += ALLOCATIONS.get() - before;
        done
    }

    /// Time and everything that is to be heard.
    fn turn(&mut self, now: Instant) {
        let due = self.peer.poll_timeout(&self.rings);
        if due.is_some_and(|(at, _)| at <= now) {
            self.peer.handle_timeout(now);
        }
        loop {
            let mut computed = None;
            match self.peer.poll_event() {
                None => break,
                Some(Event::Compute(id, job)) => computed = Some((id, PROVIDER.run(&job))),
                Some(Event::Frame(_)) => self.frames += 1,
                Some(_) => {}
            }
            if let Some((id, result)) = computed {
                self.peer.handle_computed(now, id, result);
            }
        }
    }
}

#[test]
fn streaming_allocates_nothing_once_it_is_set_up() {
    for profile in [1, 7] {
        let camera = Side::new(1, |config| {
            config.tracks = vec![Codec::H264, Codec::Opus];
            config.srtp_profiles = vec![profile];
        });
        let viewer = Side::new(2, |config| {
            config.receive_video = vec![Codec::H264];
            config.receive_audio = vec![Codec::Opus];
        });
        let mut sides = [camera, viewer];
        let start = Instant::ZERO;
        let offer = sides[1].peer.create_offer(start, false).unwrap();
        let answer = sides[0].peer.accept_offer(start, &offer).unwrap();
        sides[1].peer.accept_answer(start, &answer).unwrap();

        let mut chance = Rng::from_u64(3);
        let mut flights: VecDeque<(Instant, usize, Vec<u8>)> = VecDeque::new();
        let (mut buf, mut before) = ([0; 4 * MTU], 0);
        let mut frame = vec![7; 4_000];
        for ms in 0..15_000_u32 {
            let now = Instant::from_millis(u64::from(ms));
            while flights.front().is_some_and(|(at, ..)| *at <= now) {
                let (_, to, mut bytes) = flights.pop_front().unwrap();
                let from = sides[1 - to].address;
                sides[to].counted(|side| {
                    let local = side.address;
                    side.peer.handle_input(now, from, local, &mut bytes);
                });
            }
            sides[0].counted(|side| {
                if ms % 40 == 0 {
                    let key = ms % 1_000 == 0;
                    frame[..5].copy_from_slice(&[0, 0, 0, 1, if key { 0x65 } else { 0x41 }]);
                    side.rings[0].push(&frame, ms * 90, key, now).unwrap();
                }
                if ms % 20 == 0 {
                    side.rings[1]
                        .push(&frame[5..165], ms * 48, true, now)
                        .unwrap();
                }
            });
            for (index, side) in sides.iter_mut().enumerate() {
                side.counted(|side| side.turn(now));
                while let Some(transmit) =
                    side.counted(|side| side.peer.poll_transmit(now, &side.rings, 4, &mut buf))
                {
                    let size = transmit.segment_size.unwrap_or(transmit.len);
                    for datagram in buf[..transmit.len].chunks(size) {
                        // Two percent are lost each way.
                        if chance.below(100) >= 2 {
                            let at = now + Duration::from_millis(20);
                            flights.push_back((at, 1 - index, datagram.to_vec()));
                        }
                    }
                }
            }
            if ms == 5_000 {
                before = sides[0].allocations;
            }
        }
        let stats = sides[0].peer.stats();
        let outbound = stats.outbound.iter();
        let resent: u64 = outbound.map(|s| s.stats.retransmitted_packets_sent).sum();
        assert!(resent > 5, "{resent}");
        assert!(sides[1].frames > 1_000, "{}", sides[1].frames);
        assert_eq!(sides[0].allocations - before, 0, "SRTP profile {profile}");
    }
}
