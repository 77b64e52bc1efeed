//! What the receiver says: reports, transport-wide feedback, REMB, key-frame requests.

use super::*;

#[test]
fn reports_count_losses_as_appendix_a_3_does() {
    let (mut receiver, id) = receiver();
    let (bytes, _) = video(65_534, 8, 600);
    let sr = SenderInfo {
        ssrc: MEDIA,
        ntp: 0x0000_1234_5678_0000,
        ..SenderInfo::default()
    };
    for (i, bytes) in bytes.iter().enumerate() {
        if i != 2 && i != 5 {
            receiver.handle_rtp(at(0), bytes);
        }
    }
    receiver.handle_sender_report(at(500), &sr);
    assert_eq!(said(&mut receiver, at(999)).reports, []);
    let said_first = said(&mut receiver, at(1_000));
    let expected = bytes.len() as u64;
    let block = said_first.reports[0];
    assert_eq!(said_first.names, 1);
    assert_eq!(block.ssrc, MEDIA);
    assert_eq!(u64::from(block.fraction_lost), 2 * 256 / expected);
    assert_eq!(block.cumulative_lost, 2);
    assert_eq!(u64::from(block.highest_sequence), 65_534 + expected - 1);
    assert_eq!(
        (block.last_sr, block.delay_since_last_sr),
        (0x1234_5678, 32_768)
    );
    // Nothing lost since.
    let second = said(&mut receiver, at(2_000)).reports[0];
    assert_eq!((second.fraction_lost, second.cumulative_lost), (0, 2));
    assert_eq!(receiver.stats(id).unwrap().packets_lost, 2);
}

#[test]
fn jitter_follows_appendix_a_8() {
    let (mut receiver, id) = receiver();
    // 10 ms early and late by turns: |D| is 1,800 units of 90 kHz, to which J converges.
    for i in 0..400_u16 {
        let mut header = header(i);
        header.timestamp = u32::from(i) * 2_700;
        let late = if i % 2 == 0 { 0 } else { 20 };
        receiver.handle_rtp(at(u64::from(i) * 30 + late), &packet(header, &[0x41, 0x9a]));
    }
    let jitter = receiver.stats(id).unwrap().jitter;
    assert!(
        (19_500..=20_000).contains(&jitter.as_micros()),
        "{jitter:?}"
    );
}

#[test]
fn transport_feedback_goes_out_every_100_ms_and_names_what_is_lost() {
    let (mut receiver, _) = receiver();
    let (bytes, _) = video(1, 3, 600);
    for (i, bytes) in bytes.iter().enumerate() {
        if i != 1 {
            receiver.handle_rtp(at(i as u64), bytes);
        }
    }
    assert_eq!(said(&mut receiver, at(99)).arrivals, []);
    let arrivals = said(&mut receiver, at(100)).arrivals;
    let expected: Vec<_> = (0..bytes.len() as u16).map(|i| (101 + i, i != 1)).collect();
    assert_eq!(arrivals, expected);
    assert_eq!(said(&mut receiver, at(1_000)).arrivals, []);
}

#[test]
fn transport_feedback_goes_out_early_when_the_log_is_half_full() {
    let (mut receiver, _) = receiver();
    for i in 0..Limits::HOST.twcc_history as u16 * 3 {
        receiver.handle_rtp(at(3), &packet(header(i), &[0x41, 0x9a]));
        if i == Limits::HOST.twcc_history as u16 / 2 {
            assert!(said(&mut receiver, at(3)).arrivals.len() > 100);
        }
    }
    // What the log could not hold is forgotten, not reported as lost.
    let arrivals = said(&mut receiver, at(3)).arrivals;
    assert_eq!(arrivals.len(), Limits::HOST.twcc_history);
    assert!(arrivals.iter().all(|(_, arrived)| *arrived));
}

#[test]
fn compound_rtcp_begins_with_a_report_and_a_name_where_it_must() {
    for reduced_size in [false, true] {
        let (mut receiver, _) = receiver_with(Limits::HOST, reduced_size);
        let (bytes, _) = video(1, 1, 1_300);
        receiver.handle_rtp(at(0), &bytes[0]);
        receiver.handle_rtp(at(0), &bytes[2]);
        let mut buf = [0; 1_200];
        let len = receiver.poll_rtcp(at(10), &mut buf).unwrap();
        let first = packets(&buf[..len]).next().unwrap().unwrap();
        assert_eq!(matches!(first, Rtcp::ReceiverReport(_)), !reduced_size);
        assert_eq!(
            packets(&buf[..len]).count(),
            if reduced_size { 1 } else { 3 }
        );
    }
}

#[test]
fn remb_announces_the_configured_rate() {
    let (mut receiver, _) = receiver();
    receiver.config.max_bitrate = Some(2_000_000);
    let (bytes, _) = video(1, 1, 600);
    receiver.handle_rtp(at(0), &bytes[0]);
    assert_eq!(said(&mut receiver, at(1_000)).remb, Some(2_000_000));
}

#[test]
fn fir_stands_in_for_pli_and_counts_its_requests() {
    let mut receiver = Receiver::new(Limits::HOST, ReceiverConfig::new(US, vec![]));
    let id = receiver
        .add_stream(&StreamConfig {
            codecs: &[(VIDEO, Codec::H264)],
            feedback: Feedback {
                fir: true,
                ..Feedback::default()
            },
            ..StreamConfig::default()
        })
        .unwrap();
    let (bytes, _) = video(1, 1, 600);
    receiver.handle_rtp(at(0), &bytes[0]);
    assert_eq!(said(&mut receiver, at(0)).fir, 0);
    receiver.request_key_frame(id);
    assert_eq!(said(&mut receiver, at(0)).fir, 1);
    assert_eq!(said(&mut receiver, at(500)).fir, 1);
    assert_eq!(receiver.stats(id).unwrap().fir_count, 2);
}
