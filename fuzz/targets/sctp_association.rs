//! Operations on two associations joined by a lossy, reordering link. Reliable messages arrive
//! exactly once and in order on a channel that neither side closed; nothing loops.
#![no_main]

use std::collections::VecDeque;

use arbitrary::{Arbitrary, Unstructured};
use smolrtc_base::{Duration, Instant, Limits, Rng};
use smolrtc_crypto::RustCrypto;
use smolrtc_sctp::{
    Association, ChannelConfig, ChannelId, Config, Event, MessageKind, Reliability,
};

#[derive(Arbitrary, Debug)]
enum Operation {
    Open {
        end: bool,
        ordered: bool,
        retransmits: Option<u16>,
        lifetime: Option<u16>,
    },
    Send {
        end: bool,
        channel: u8,
        len: u16,
    },
    SendReliable {
        len: u16,
    },
    Close {
        end: bool,
        channel: u8,
    },
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
    /// Short: long silences end the association and with it the run.
    Tick {
        millis: u8,
    },
    Read {
        end: bool,
    },
    Shutdown {
        end: bool,
    },
    Abort {
        end: bool,
    },
}

struct World {
    now: Instant,
    ends: [Association; 2],
    /// Packets on their way to each end.
    links: [VecDeque<Vec<u8>>; 2],
    channels: Vec<ChannelId>,
    sent: u32,
    received: u32,
    ended: bool,
}

/// The stream of the channel whose messages are counted.
const COUNTED: u16 = 100;

impl World {
    fn pump(&mut self) {
        let mut buf = [0; 1_200];
        for end in 0..2 {
            let mut packets = 0;
            while let Some(len) = self.ends[end].poll_transmit(self.now, &mut buf) {
                packets += 1;
                assert!(packets < 1_000, "poll_transmit does not end");
                if self.links[1 - end].len() < 64 {
                    self.links[1 - end].push_back(buf[..len].to_vec());
                }
            }
        }
    }

    fn deliver(&mut self, end: usize) {
        if let Some(packet) = self.links[end].pop_front() {
            self.ends[end].handle_input(self.now, &packet);
        }
    }

    fn read(&mut self, end: usize) {
        while let Some(event) = self.ends[end].poll_event() {
            match event {
                Event::Message { channel, data, .. } if channel.stream_id() == COUNTED => {
                    let number = u32::from_be_bytes(data[..4].try_into().unwrap());
                    assert_eq!(number, self.received, "lost, doubled or out of order");
                    assert!(data[4..].iter().all(|byte| *byte == number as u8));
                    self.received += 1;
                }
                Event::Closed(_) => self.ended = true,
                _ => {}
            }
        }
    }

    fn tick(&mut self, span: Duration) {
        self.now = self.now + span;
        for end in &mut self.ends {
            if let Some((at, _)) = end.poll_timeout()
                && at <= self.now
            {
                end.handle_timeout(self.now);
                let again = end.poll_timeout();
                assert!(
                    again.is_none_or(|(next, _)| next > self.now),
                    "busy loop: {again:?}"
                );
            }
        }
    }
}

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    static PROVIDER: RustCrypto = RustCrypto;
    let end = |client| {
        let config = Config::new(client, Limits::CHIP);
        let mut end = Association::new(config, Rng::from_u64(u64::from(client)), &PROVIDER);
        end.set_max_message_size(Limits::CHIP.sctp_message_bytes);
        end
    };
    let mut world = World {
        now: Instant::from_millis(1),
        ends: [end(true), end(false)],
        links: [VecDeque::new(), VecDeque::new()],
        channels: Vec::new(),
        sent: 0,
        received: 0,
        ended: false,
    };
    let now = world.now;
    let counted = ChannelConfig {
        negotiated: Some(COUNTED),
        ..ChannelConfig::new("counted")
    };
    let ids = world.ends.each_mut().map(|end| {
        end.connect(now);
        end.open_channel(now, counted)
            .expect("a fresh association has room")
    });
    let mut input = Unstructured::new(data);
    for _ in 0..400 {
        if input.is_empty() {
            break;
        }
        let Ok(operation) = Operation::arbitrary(&mut input) else {
            break;
        };
        let now = world.now;
        match operation {
            Operation::Open {
                end,
                ordered,
                retransmits,
                lifetime,
            } => {
                let reliability = match (retransmits, lifetime) {
                    (Some(count), _) => Reliability::MaxRetransmits(count),
                    (_, Some(ms)) => Reliability::MaxLifetime(Duration::from_millis(ms.into())),
                    _ => Reliability::Reliable,
                };
                let config = ChannelConfig {
                    ordered,
                    reliability,
                    ..ChannelConfig::new("x")
                };
                if let Ok(id) = world.ends[usize::from(end)].open_channel(now, config) {
                    world.channels.push(id);
                }
            }
            Operation::Send { end, channel, len } => {
                if let Some(id) = world.channels.get(usize::from(channel)).copied() {
                    let data = vec![channel; usize::from(len)];
                    let end = &mut world.ends[usize::from(end)];
                    let _ = end.send(now, id, MessageKind::Binary, &data);
                }
            }
            Operation::SendReliable { len } => {
                let mut data = vec![world.sent as u8; usize::from(len % 8_192) + 4];
                data[..4].copy_from_slice(&world.sent.to_be_bytes());
                if world.ends[0]
                    .send(now, ids[0], MessageKind::Binary, &data)
                    .is_ok()
                {
                    world.sent += 1;
                }
            }
            Operation::Close { end, channel } => {
                if let Some(id) = world.channels.get(usize::from(channel)).copied() {
                    let _ = world.ends[usize::from(end)].close_channel(id);
                }
            }
            Operation::Deliver { end } => world.deliver(usize::from(end)),
            Operation::Lose { end } => drop(world.links[usize::from(end)].pop_front()),
            Operation::Repeat { end } => {
                let link = &mut world.links[usize::from(end)];
                if let Some(packet) = link.front().cloned() {
                    link.push_back(packet);
                }
            }
            Operation::Swap { end } => {
                let link = &mut world.links[usize::from(end)];
                if link.len() > 1 {
                    link.swap(0, 1);
                }
            }
            Operation::Corrupt { end, at, with } => {
                if let Some(packet) = world.links[usize::from(end)].front_mut() {
                    let at = usize::from(at) % packet.len();
                    packet[at] ^= with;
                }
            }
            Operation::Tick { millis } => world.tick(Duration::from_millis(millis.into())),
            Operation::Read { end } => world.read(usize::from(end)),
            Operation::Shutdown { end } => world.ends[usize::from(end)].shutdown(now),
            Operation::Abort { end } => world.ends[usize::from(end)].abort(now),
        }
        world.pump();
    }
    // With a good link from now on, everything reliable arrives, unless an end was ended.
    for _ in 0..4_000 {
        world.pump();
        let idle = world.links.iter().all(VecDeque::is_empty);
        (0..2).for_each(|end| world.deliver(end));
        (0..2).for_each(|end| world.read(end));
        if world.ended || (idle && world.received == world.sent) {
            break;
        }
        world.tick(Duration::from_millis(if idle { 1_000 } else { 1 }));
    }
    assert!(
        world.ended || world.received == world.sent,
        "a reliable message never arrived"
    );
});
