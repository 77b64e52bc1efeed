//! The same peer on str0m, for its size.
//!
//! `minimal_str0m OFFER ANSWER VIDEO ADDRESS`
#![allow(clippy::print_stdout, reason = "a command line tool prints")]

use std::error::Error;
use std::net::UdpSocket;
use std::time::{Duration, Instant};

use str0m::change::SdpOffer;
use str0m::media::{MediaTime, Mid};
use str0m::net::{Protocol, Receive};
use str0m::{Candidate, Event, Input, Output, Rtc};

const FRAME: Duration = Duration::from_millis(40);

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().collect();
    let [_, offer, answer, video, address] = args.as_slice() else {
        return Err("minimal_str0m OFFER ANSWER VIDEO ADDRESS".into());
    };
    let socket = UdpSocket::bind(address)?;
    let local = socket.local_addr()?;
    let start = Instant::now();
    let mut rtc = Rtc::builder().clear_codecs().enable_h264(true).build(start);
    rtc.add_local_candidate(Candidate::host(local, "udp")?);
    let offer = SdpOffer::from_sdp_string(&std::fs::read_to_string(offer)?)?;
    let text = rtc.sdp_api().accept_offer(offer)?.to_sdp_string();
    std::fs::write(answer, text)?;

    let video = std::fs::read(video)?;
    let mut units = access_units(&video).into_iter().cycle();
    let (mut buf, mut frames) = ([0; 2_000], 0_u32);
    let mut mid: Option<Mid> = None;
    while rtc.is_alive() {
        let now = Instant::now();
        if now >= start + FRAME * frames
            && let Some(unit) = units.next()
        {
            frames += 1;
            if let Some(writer) = mid.and_then(|mid| rtc.writer(mid)) {
                let pt = writer.payload_params().next().map(|params| params.pt());
                let time = MediaTime::from_90khz(u64::from(frames) * 3_600);
                writer.write(pt.ok_or("no H.264")?, now, time, unit)?;
            }
        }
        rtc.handle_input(Input::Timeout(now))?;
        let due = loop {
            match rtc.poll_output()? {
                Output::Timeout(at) => break at,
                Output::Transmit(transmit) => {
                    let _ = socket.send_to(&transmit.contents, transmit.destination);
                }
                Output::Event(Event::MediaAdded(added)) => mid = Some(added.mid),
                Output::Event(_) => {}
            }
        };
        let wait = due
            .min(start + FRAME * frames)
            .saturating_duration_since(now);
        socket.set_read_timeout(Some(wait.max(Duration::from_millis(1))))?;
        if let Ok((len, from)) = socket.recv_from(&mut buf)
            && let Ok(receive) = Receive::new(Protocol::Udp, from, local, &buf[..len])
        {
            rtc.handle_input(Input::Receive(Instant::now(), receive))?;
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
