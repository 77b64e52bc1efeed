//! The smallest useful peer: answers the offer in a file and streams an H.264 file, one UDP socket, no
//! executor. `cargo xtask bench` prints its stripped size.
//!
//! `minimal_peer OFFER ANSWER VIDEO ADDRESS`
#![allow(clippy::print_stdout, reason = "a command line tool prints")]

use std::error::Error;
use std::io::Read as _;
use std::net::UdpSocket;
use std::time::{Duration, Instant as Clock, SystemTime};

use smolrtc::base::{Instant, Limits, Rng, UnixTime};
use smolrtc::crypto::Provider as _;
use smolrtc::rtp::Codec;
use smolrtc::rtp::history::Ring;
use smolrtc::{Certificate, Config, Event, MTU, PeerConnection, Wall};
use smolrtc_crypto::RustCrypto;

static PROVIDER: RustCrypto = RustCrypto;
const FRAME: Duration = Duration::from_millis(40);

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().collect();
    let [_, offer, answer, video, address] = args.as_slice() else {
        return Err("minimal_peer OFFER ANSWER VIDEO ADDRESS".into());
    };
    let mut seed = [0; 32];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut seed)?;
    let mut rng = Rng::from_seed(seed);
    let unix = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
    let unix = UnixTime::from_micros(unix.as_micros() as u64);

    let socket = UdpSocket::bind(address)?;
    let local = socket.local_addr()?;
    let mut config = Config::new(
        Certificate::generate(&PROVIDER, &mut rng, unix)?,
        Limits::HOST,
    );
    config.tracks = vec![Codec::H264];
    let mut rings = [Ring::new(Codec::H264, &config.limits)];
    let mut peer = PeerConnection::new(config, rng, &PROVIDER);
    let (start, mut now) = (Clock::now(), Instant::ZERO);
    peer.set_wall_clock(Wall::new(now, unix));
    peer.add_interface(now, local);
    let text = peer.accept_offer(now, &std::fs::read_to_string(offer)?)?;
    std::fs::write(answer, text)?;

    let video = std::fs::read(video)?;
    let mut units = access_units(&video).into_iter().cycle();
    let (mut buf, mut frames) = ([0; MTU], 0_u32);
    while !peer.is_finished() {
        if now >= Instant::ZERO + FRAME * frames
            && let Some(unit) = units.next()
        {
            let key = smolrtc::rtp::formats::is_key_frame(Codec::H264, unit);
            rings[0].push(unit, frames.wrapping_mul(3_600), key, now)?;
            frames += 1;
        }
        if peer.poll_timeout(&rings).is_some_and(|(at, _)| at <= now) {
            peer.handle_timeout(now);
        }
        while let Some(event) = peer.poll_owned_event() {
            if let Event::Compute(id, job) = event {
                peer.handle_computed(now, id, PROVIDER.run(&job));
            }
        }
        while peer.poll_lent_event().is_some() {}
        while let Some(transmit) = peer.poll_transmit(now, &rings, 1, &mut buf) {
            let _ = socket.send_to(&buf[..transmit.len], transmit.to);
        }
        let due = peer
            .poll_timeout(&rings)
            .map_or(FRAME, |(at, _)| at.since(now));
        let next = (Instant::ZERO + FRAME * frames).since(now);
        socket.set_read_timeout(Some(due.min(next).max(Duration::from_millis(1))))?;
        let received = socket.recv_from(&mut buf);
        now = Instant::from_micros(start.elapsed().as_micros() as u64);
        if let Ok((len, from)) = received {
            peer.handle_input(now, from, local, &mut buf[..len]);
        }
    }
    Ok(())
}

/// The file cut before each access unit's first NAL unit: SPS, or a slice that begins a picture.
fn access_units(video: &[u8]) -> Vec<&[u8]> {
    let mut units = Vec::new();
    let (mut begin, mut picture) = (0, false);
    for at in 0..video.len().saturating_sub(4) {
        let [0, 0, 1, header, first] = video[at..at + 5] else {
            continue;
        };
        let kind = header & 31;
        let slice = matches!(kind, 1 | 5);
        if picture && (!slice || first & 0x80 != 0) {
            units.push(&video[begin..at]);
            (begin, picture) = (at, false);
        }
        picture |= slice;
    }
    units.push(&video[begin..]);
    units
}
