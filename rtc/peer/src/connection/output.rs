//! Datagrams on their way out, and when the next is due.

use smolrtc_base::{Instant, Transmit};
use smolrtc_dtls as dtls;
use smolrtc_rtp::history::Ring;

use super::{Closing, MTU, PeerConnection};
use crate::Reason;

impl PeerConnection {
    /// Writes the next datagrams into `buf`: one, or up to `max_segments` equal-sized ones of media to
    /// the same destination (the last may be shorter). `buf` needs at least [`MTU`] bytes; with
    /// less nothing is written. `rings` are the tracks of the configuration, in its order.
    ///
    /// ICE goes first, then the handshake, RTCP, media, data.
    pub fn poll_transmit(
        &mut self,
        now: Instant,
        rings: &[Ring],
        max_segments: usize,
        buf: &mut [u8],
    ) -> Option<Transmit> {
        if buf.len() < MTU {
            return None;
        }
        if self.closed.is_some() {
            return self.transmit_goodbye(now, buf);
        }
        if let Some(transmit) = self.ice.poll_transmit(now, buf) {
            return Some(transmit);
        }
        let (from, to) = self.ice.send_path()?;
        let one = |len| Transmit {
            to,
            from,
            len,
            segment_size: None,
        };
        if let Some(dtls) = &mut self.dtls
            && let Some(len) = dtls.poll_transmit(now, buf)
        {
            return Some(one(len));
        }
        if let Some(len) = self.transmit_rtcp(now, buf) {
            return Some(one(len));
        }
        if let Some((len, segment_size)) = self.transmit_media(now, rings, max_segments, buf) {
            return Some(Transmit {
                to,
                from,
                len,
                segment_size,
            });
        }
        self.transmit_data(now, buf).map(one)
    }

    /// When to call [`handle_timeout`](Self::handle_timeout) and
    /// [`poll_transmit`](Self::poll_transmit) next, if nothing else happens before.
    #[must_use]
    pub fn poll_timeout(&self, rings: &[Ring]) -> Option<(Instant, Reason)> {
        if self.closed.is_some() {
            let waiting = !matches!(self.closing, Closing::No | Closing::Done);
            return waiting.then_some((Instant::ZERO, Reason::Close));
        }
        let mut next: Option<(Instant, Reason)> = None;
        let mut consider = |at: Option<(Instant, Reason)>| {
            if let Some(at) = at
                && next.is_none_or(|best| at.0 < best.0)
            {
                next = Some(at);
            }
        };
        consider(
            self.ice
                .poll_timeout()
                .map(|(at, why)| (at, Reason::Ice(why))),
        );
        if self.ice.send_path().is_none() {
            return next;
        }
        if let Some(dtls) = &self.dtls {
            consider(dtls.poll_timeout().map(|(at, why)| (at, Reason::Dtls(why))));
        }
        if let Some(sctp) = &self.sctp {
            consider(sctp.poll_timeout().map(|(at, why)| (at, Reason::Sctp(why))));
        }
        if self.srtp.is_some() {
            consider(
                self.sender
                    .poll_timeout(rings)
                    .map(|(at, why)| (at, Reason::Send(why))),
            );
            consider(
                self.receiver
                    .poll_timeout()
                    .map(|(at, why)| (at, Reason::Receive(why))),
            );
        }
        next
    }

    fn transmit_rtcp(&mut self, now: Instant, buf: &mut [u8]) -> Option<usize> {
        let srtp = self.srtp.as_mut()?;
        let room = MTU.checked_sub(srtp.profile.rtcp_tag_len())?;
        let unix = self.wall.at(now);
        let plain = buf.get_mut(..room)?;
        let written = self
            .sender
            .poll_rtcp(now, unix, plain)
            .or_else(|| self.receiver.poll_rtcp(now, plain))?;
        srtp.tx.protect_rtcp(buf, written).ok()
    }

    /// One packet of media or several of one size; total length and segment size.
    fn transmit_media(
        &mut self,
        now: Instant,
        rings: &[Ring],
        max_segments: usize,
        buf: &mut [u8],
    ) -> Option<(usize, Option<usize>)> {
        let srtp = self.srtp.as_mut()?;
        let overhead = srtp.profile.rtp_tag_len();
        let mut total = 0_usize;
        let mut segment = 0_usize;
        let mut count = 0_usize;
        while count < max_segments.max(1) {
            // Later packets may be no longer than the first.
            let room = if count == 0 { MTU } else { segment };
            let Some(slot) = buf.get_mut(total..total.saturating_add(room)) else {
                break;
            };
            let Some(plain) = slot.get_mut(..room.saturating_sub(overhead)) else {
                break;
            };
            let Some(packet) = self.sender.poll_packet(now, rings, plain) else {
                break;
            };
            let sealed = if packet.plain_resend {
                srtp.tx.resend_rtp(slot, packet.len, packet.index)
            } else {
                srtp.tx.protect_rtp(slot, packet.len, packet.index)
            };
            // An index is refused only if it was used before: that packet must not leave.
            let Ok(sealed) = sealed else { continue };
            total = total.saturating_add(sealed);
            count = count.saturating_add(1);
            if count == 1 {
                segment = sealed;
            }
            if sealed < segment {
                break;
            }
        }
        (count > 0).then_some((total, (count > 1).then_some(segment)))
    }

    fn transmit_data(&mut self, now: Instant, buf: &mut [u8]) -> Option<usize> {
        let (sctp, dtls) = (self.sctp.as_mut()?, self.dtls.as_mut()?);
        if !dtls.is_connected() {
            return None;
        }
        let end = MTU.checked_sub(dtls::RECORD_OVERHEAD_TAIL)?;
        let packet = buf.get_mut(dtls::RECORD_OVERHEAD_HEAD..end)?;
        let len = sctp.poll_transmit(now, packet)?;
        dtls.seal(buf, len).ok()
    }

    /// After the end: RTCP BYE, SCTP ABORT, close_notify or the fatal alert, in this order.
    fn transmit_goodbye(&mut self, now: Instant, buf: &mut [u8]) -> Option<Transmit> {
        let Some((from, to)) = self.ice.send_path() else {
            self.closing = Closing::Done;
            return None;
        };
        let one = |len| Transmit {
            to,
            from,
            len,
            segment_size: None,
        };
        if self.closing == Closing::Bye {
            self.closing = Closing::Abort;
            let bye = self.srtp.as_mut().and_then(|srtp| {
                let room = MTU.checked_sub(srtp.profile.rtcp_tag_len())?;
                let len = self.sender.bye(buf.get_mut(..room)?).ok()??;
                srtp.tx.protect_rtcp(buf, len).ok()
            });
            if let Some(sctp) = &mut self.sctp {
                sctp.abort(now);
            }
            if let Some(len) = bye {
                return Some(one(len));
            }
        }
        if self.closing == Closing::Abort {
            self.closing = Closing::Notify;
            let abort = self.transmit_data(now, buf);
            if let Some(dtls) = &mut self.dtls {
                dtls.close(now);
            }
            if let Some(len) = abort {
                return Some(one(len));
            }
        }
        if self.closing == Closing::Notify
            && let Some(len) = self
                .dtls
                .as_mut()
                .and_then(|dtls| dtls.poll_transmit(now, buf))
        {
            return Some(one(len));
        }
        self.closing = Closing::Done;
        None
    }
}
