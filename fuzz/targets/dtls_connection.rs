//! Operations on a client and a server joined by a network that loses, repeats, swaps, corrupts and
//! injects. Two ends that both believe to be connected have the same keys; data arrives unchanged and
//! at most once; errors come once; no timer spins.
#![no_main]

use std::collections::VecDeque;
use std::sync::OnceLock;

use arbitrary::{Arbitrary, Unstructured};
use smolrtc_base::{Duration, Instant, Limits, Rng, UnixTime};
use smolrtc_crypto::{Job, JobId, Provider as _, RustCrypto};
use smolrtc_dtls::{
    Certificate, Config, Connection, Event, RECORD_OVERHEAD, RECORD_OVERHEAD_HEAD, Role,
};

static PROVIDER: RustCrypto = RustCrypto;

#[derive(Arbitrary, Debug)]
enum Operation {
    /// Delivers the oldest datagram on its way to `end`.
    Deliver {
        end: bool,
    },
    Lose {
        end: bool,
    },
    Repeat {
        end: bool,
    },
    Swap {
        end: bool,
    },
    Corrupt {
        end: bool,
        at: u16,
        with: u8,
    },
    Inject {
        end: bool,
        datagram: Vec<u8>,
    },
    Poll {
        end: bool,
        size: u16,
    },
    /// Runs the job that waits longest, or the newest.
    Compute {
        end: bool,
        newest: bool,
    },
    Events {
        end: bool,
    },
    Tick {
        millis: u16,
    },
    Rtt {
        end: bool,
        millis: u16,
    },
    Send {
        end: bool,
        len: u8,
    },
    Close {
        end: bool,
    },
    /// Everything due, in order: gets a run through a handshake cheaply.
    Settle,
}

struct End {
    connection: Connection,
    jobs: VecDeque<(JobId, Job)>,
    /// On the way here.
    wire: VecDeque<Vec<u8>>,
    failed: bool,
    connected: bool,
    closed: bool,
    /// Numbers of the data sent; it arrives at the other end.
    sent: u32,
    received: Vec<u32>,
}

impl End {
    fn note(&mut self, result: Result<(), smolrtc_dtls::Error>) {
        if result.is_err() {
            assert!(!self.failed, "an error is returned once");
            self.failed = true;
            assert!(!self.connection.is_connected());
        }
    }

    fn events(&mut self) {
        while let Some(event) = self.connection.poll_event() {
            match event {
                Event::Compute(id, job) => self.jobs.push_back((id, job)),
                Event::Connected { srtp } => {
                    assert!(!self.connected);
                    assert!(srtp.is_some());
                    self.connected = true;
                }
                Event::Data(data) => {
                    assert!(self.connected, "data before the handshake is over");
                    let number = u32::from_be_bytes(data[..4].try_into().unwrap());
                    assert!(data[4..].iter().all(|byte| *byte == number as u8));
                    assert!(!self.received.contains(&number), "replayed");
                    self.received.push(number);
                }
                Event::Closed(_) => {
                    assert!(!self.closed);
                    self.closed = true;
                }
                _ => {}
            }
        }
    }

    fn compute(&mut self, now: Instant, newest: bool) {
        let job = if newest {
            self.jobs.pop_back()
        } else {
            self.jobs.pop_front()
        };
        if let Some((id, job)) = job {
            let result = self.connection.handle_computed(now, id, PROVIDER.run(&job));
            self.note(result);
        }
    }
}

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

fn poll(ends: &mut [End; 2], from: usize, now: Instant, size: usize) -> bool {
    let mut buf = vec![0; size];
    match ends[from].connection.poll_transmit(now, &mut buf) {
        Some(len) => {
            buf.truncate(len);
            ends[1 - from].wire.push_back(buf);
            true
        }
        None => false,
    }
}

fn deliver(ends: &mut [End; 2], to: usize, now: Instant) {
    if let Some(mut datagram) = ends[to].wire.pop_front() {
        let result = ends[to].connection.handle_input(now, &mut datagram);
        ends[to].note(result);
    }
}

fn settle(ends: &mut [End; 2], now: Instant) {
    for _ in 0..12 {
        for index in 0..2 {
            ends[index].events();
            while !ends[index].jobs.is_empty() {
                ends[index].compute(now, false);
                ends[index].events();
            }
            for _ in 0..20 {
                if !poll(ends, index, now, 1_500) {
                    break;
                }
            }
            while !ends[1 - index].wire.is_empty() {
                deliver(ends, 1 - index, now);
            }
        }
    }
}

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let mut input = Unstructured::new(data);
    let mut now = Instant::ZERO;
    let mut seed = 0;
    let mut ends = configs().clone().map(|mut config| {
        seed += 1;
        if input.ratio(1, 3).unwrap_or(false) {
            config.mtu = 200;
        }
        End {
            connection: Connection::new(now, config, Rng::from_u64(seed), &PROVIDER).unwrap(),
            jobs: VecDeque::new(),
            wire: VecDeque::new(),
            failed: false,
            connected: false,
            closed: false,
            sent: 0,
            received: Vec::new(),
        }
    });

    for _ in 0..200 {
        let Ok(operation) = Operation::arbitrary(&mut input) else {
            break;
        };
        match operation {
            Operation::Deliver { end } => deliver(&mut ends, usize::from(end), now),
            Operation::Lose { end } => {
                ends[usize::from(end)].wire.pop_front();
            }
            Operation::Repeat { end } => {
                let wire = &mut ends[usize::from(end)].wire;
                if let Some(copy) = wire.front().cloned()
                    && wire.len() < 50
                {
                    wire.push_back(copy);
                }
            }
            Operation::Swap { end } => {
                let wire = &mut ends[usize::from(end)].wire;
                if wire.len() > 1 {
                    wire.swap(0, 1);
                }
            }
            Operation::Corrupt { end, at, with } => {
                if let Some(datagram) = ends[usize::from(end)].wire.front_mut()
                    && !datagram.is_empty()
                {
                    let at = usize::from(at) % datagram.len();
                    datagram[at] ^= with;
                }
            }
            Operation::Inject { end, datagram } => {
                ends[usize::from(end)].wire.push_front(datagram);
            }
            Operation::Poll { end, size } => {
                poll(&mut ends, usize::from(end), now, usize::from(size % 2_000));
            }
            Operation::Compute { end, newest } => ends[usize::from(end)].compute(now, newest),
            Operation::Events { end } => ends[usize::from(end)].events(),
            Operation::Tick { millis } => {
                now = now + Duration::from_millis(u64::from(millis % 4_000));
                for end in &mut ends {
                    let before = end.connection.poll_timeout();
                    let result = end.connection.handle_timeout(now);
                    if let Some((at, reason)) = before
                        && at <= now
                    {
                        assert_ne!(end.connection.poll_timeout(), Some((at, reason)));
                    }
                    end.note(result);
                }
            }
            Operation::Rtt { end, millis } => ends[usize::from(end)]
                .connection
                .set_rtt(Duration::from_millis(u64::from(millis))),
            Operation::Send { end, len } => {
                let from = &mut ends[usize::from(end)];
                let len = usize::from(len) + 4;
                let mut buf = vec![from.sent as u8; len + RECORD_OVERHEAD];
                buf[RECORD_OVERHEAD_HEAD..][..4].copy_from_slice(&from.sent.to_be_bytes());
                if let Ok(len) = from.connection.seal(&mut buf, len) {
                    from.sent += 1;
                    buf.truncate(len);
                    ends[usize::from(!end)].wire.push_back(buf);
                }
            }
            Operation::Close { end } => ends[usize::from(end)].connection.close(now),
            Operation::Settle => settle(&mut ends, now),
        }
        if ends.iter().all(|end| end.connection.is_connected()) {
            let [a, b] = ends.each_ref().map(|end| {
                let mut out = [0; 20];
                end.connection
                    .export_keying_material(b"EXPORTER-fuzz", None, &mut out)
                    .unwrap();
                out
            });
            assert_eq!(a, b, "two ends with different keys");
        }
    }
    for index in 0..2 {
        let sent = ends[1 - index].sent;
        assert!(ends[index].received.iter().all(|number| *number < sent));
    }
});
