//! Resends that feedback shows lost.

use crate::send::resend::{Resends, Verdict, key};
use crate::send::*;

#[test]
fn a_resend_that_feedback_shows_lost_waits_again_without_a_request() {
    let mut resends = Resends::new(4);
    resends.set_rate(1_000_000);
    let (now, rtt) = (Instant::from_millis(1_000), Duration::from_millis(100));
    let wanted = key(StreamId(0), 77);
    assert_eq!(resends.request(now, wanted, rtt), Verdict::Queued);
    resends.resent(now, wanted, 1_000, Some(500));
    assert!(!resends.is_waiting());
    // Another packet's loss is nothing to it.
    resends.renew(501);
    assert!(!resends.is_waiting());
    resends.renew(500);
    assert_eq!(resends.next(now), Some(wanted));
    // Twice lost in one report is once lost.
    resends.renew(500);
    assert_eq!(resends.waiting, 1);
}

#[test]
fn a_packet_that_never_arrives_is_renewed_three_times() {
    let mut resends = Resends::new(4);
    resends.set_rate(100_000_000);
    let (now, rtt) = (Instant::from_millis(1_000), Duration::from_millis(100));
    let wanted = key(StreamId(0), 77);
    resends.request(now, wanted, rtt);
    let mut sent = 0;
    while resends.next(now).is_some() {
        resends.resent(now, wanted, 100, Some(sent));
        resends.renew(sent);
        sent += 1;
    }
    assert_eq!(sent, 4);
}

#[test]
fn a_receiver_that_sends_nothing_is_told_how_long_its_reference_time_was_kept() {
    use super::world::*;
    use crate::rtcp::{Rtcp, packets};
    let clip = Source {
        fps: 30,
        key_every: 30,
        key_bytes: 3_000,
        delta_bytes: 500,
        follow: None,
    };
    let mut world = World::new(1, clip, &Limits::HOST);
    world.join(Link::good(20), video(0));
    world.run_for(Duration::from_secs(1));
    let sender = &mut world.viewers[0].sender;
    let question = Rtcp::ReferenceTime {
        receiver: Ssrc(9),
        ntp: 0x0123_4567_89ab_cdef,
    };
    let asked = world.now;
    sender.handle_rtcp(asked, &question);
    // The first question is answered at once.
    let (due, reason) = sender.poll_timeout(&world.rings).unwrap();
    assert_eq!((due, reason), (asked, Reason::Report));
    let mut buf = [0; 1_200];
    let now = asked + Duration::from_millis(500);
    let len = sender
        .poll_rtcp(now, smolrtc_base::UnixTime::from_secs(1), &mut buf)
        .unwrap();
    assert!(packets(&buf[..len]).all(|packet| packet.is_ok()));
    // DLRR (RFC 3611 section 4.5): who, the middle 32 bits, half a second.
    let answer = [
        5, 0, 0, 3, 0, 0, 0, 9, 0x45, 0x67, 0x89, 0xab, 0, 0, 0x80, 0,
    ];
    assert!(buf[..len].ends_with(&answer), "{:02x?}", &buf[..len]);
}
