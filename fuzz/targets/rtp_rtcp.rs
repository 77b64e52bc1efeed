//! Compound RTCP: nothing panics, every list is bounded by the packet, and what is written again
//! is read back the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use smolrtc_base::Instant;
use smolrtc_rtp::rtcp::{Compound, Rtcp, packets};

fuzz_target!(|data: &[u8]| {
    for packet in packets(data).flatten() {
        let mut buf = vec![0; 70_000];
        let mut again = Compound::new(&mut buf);
        match packet {
            Rtcp::SenderReport(report) => {
                again
                    .sender_report(&report.info, report.blocks())
                    .expect("room");
                let Rtcp::SenderReport(read) = first(&buf) else {
                    panic!("another type")
                };
                assert_eq!(read.info, report.info);
                assert!(read.blocks().eq(report.blocks()));
            }
            Rtcp::ReceiverReport(report) => {
                again
                    .receiver_report(report.sender, report.blocks())
                    .expect("room");
                let Rtcp::ReceiverReport(read) = first(&buf) else {
                    panic!("another type")
                };
                assert!(read.blocks().eq(report.blocks()));
            }
            Rtcp::Sdes(sdes) => {
                for chunk in sdes.chunks() {
                    let mut again = Compound::new(&mut buf);
                    again.cname(chunk.ssrc, chunk.cname).expect("room");
                    let Rtcp::Sdes(read) = first(&buf) else {
                        panic!("another type")
                    };
                    assert_eq!(read.chunks().next(), Some(chunk));
                }
            }
            Rtcp::Bye(bye) => {
                again.bye(bye.sources()).expect("room");
                let Rtcp::Bye(read) = first(&buf) else {
                    panic!("another type")
                };
                assert!(read.sources().eq(bye.sources()));
            }
            Rtcp::Nack(nack) => {
                let mut numbers: Vec<_> = nack.sequence_numbers().collect();
                assert!(numbers.len() <= data.len() * 5);
                numbers.sort_unstable();
                numbers.dedup();
                again
                    .nack(nack.sender, nack.media, numbers.iter().copied())
                    .expect("room");
                let Rtcp::Nack(read) = first(&buf) else {
                    panic!("another type")
                };
                assert!(read.sequence_numbers().eq(numbers));
            }
            Rtcp::Fir(fir) => assert!(fir.entries().count() <= data.len() / 8),
            Rtcp::Remb(remb) => {
                again
                    .remb(remb.sender, remb.bitrate, remb.sources())
                    .expect("room");
                let Rtcp::Remb(read) = first(&buf) else {
                    panic!("another type")
                };
                assert!(read.bitrate <= remb.bitrate);
                assert!(read.sources().eq(remb.sources()));
            }
            Rtcp::TransportFeedback(feedback) => {
                let arrivals: Vec<_> = feedback.arrivals().collect();
                assert_eq!(arrivals.len(), usize::from(feedback.packet_count));
                // Times before our zero cannot be expressed; shift them all.
                let times = arrivals.iter().map(|arrival| {
                    let micros = arrival.micros? + (1 << 40);
                    Some(Instant::from_micros(micros as u64))
                });
                let Ok(count) =
                    again.transport_feedback(feedback.sender, feedback.media, 0, 0, times.clone())
                else {
                    assert!(times.flatten().next().is_none());
                    continue;
                };
                let Rtcp::TransportFeedback(read) = first(&buf) else {
                    panic!("another type")
                };
                assert_eq!(read.packet_count, count);
                let base = times.clone().flatten().next().map_or(0, Instant::as_micros) as i64;
                let mut shift = None;
                for (read, time) in read.arrivals().zip(times) {
                    assert_eq!(read.micros.is_some(), time.is_some());
                    if let (Some(read), Some(time)) = (read.micros, time) {
                        // The reference time has 24 bits; within one report times agree.
                        let here = time.as_micros() as i64 / 250 * 250 - read;
                        assert_eq!(*shift.get_or_insert(here), here, "from {base}");
                    }
                }
            }
            _ => {}
        }
    }
});

fn first(buf: &[u8]) -> Rtcp<'_> {
    packets(buf)
        .next()
        .expect("a packet")
        .expect("our own packet is valid")
}
