//! Datagrams, timeouts and computed results on their way in.

use alloc::vec::Vec;
use core::net::SocketAddr;

use smolrtc_base::Instant;
use smolrtc_crypto::{JobId, JobResult};
use smolrtc_rtp::rtcp;

use super::{EarlyHello, PeerConnection};
use crate::demux::{Protocol, is_client_hello};
use crate::{CloseReason, ConnectionState, DropReason};

/// What a connectivity check begins with (RFC 8489 section 5).
const BINDING_REQUEST: [u8; 2] = [0, 1];

impl PeerConnection {
    /// Takes a datagram that arrived from `from` on socket `local`; it is opened in place.
    ///
    /// Work is bounded by the datagram's length. What does not belong here is dropped and counted.
    pub fn handle_input(
        &mut self,
        now: Instant,
        from: SocketAddr,
        local: SocketAddr,
        datagram: &mut [u8],
    ) {
        if self.closed.is_some() {
            self.drops.count(DropReason::Closed);
            return;
        }
        match Protocol::of(datagram) {
            Some(Protocol::Stun) => {
                self.ice.handle_input(now, from, local, datagram);
                if datagram.starts_with(&BINDING_REQUEST)
                    && self.ice.is_validated(from, local)
                    && let Some(dtls) = &mut self.dtls
                {
                    dtls.handle_check(now);
                }
            }
            Some(Protocol::Dtls) => self.dtls_input(now, from, local, datagram),
            Some(Protocol::Rtp) => self.media_input(now, from, local, datagram, false),
            Some(Protocol::Rtcp) => self.media_input(now, from, local, datagram, true),
            None => self.drops.count(DropReason::UnknownProtocol),
        }
        self.pump(now);
    }

    /// Takes the result of a public-key job.
    pub fn handle_computed(&mut self, now: Instant, id: JobId, result: JobResult) {
        if self.closed.is_some() {
            return;
        }
        if let Some(dtls) = &mut self.dtls
            && let Err(error) = dtls.handle_computed(now, id, result)
        {
            self.dtls_failed(error);
        }
        self.pump(now);
    }

    /// Does what time has made due.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.closed.is_some() {
            return;
        }
        self.ice.handle_timeout(now);
        if self.ice.send_path().is_some()
            && let Some(dtls) = &mut self.dtls
            && let Err(error) = dtls.handle_timeout(now)
        {
            self.dtls_failed(error);
        }
        if let Some(sctp) = &mut self.sctp {
            sctp.handle_timeout(now);
        }
        if self.srtp.is_some() {
            self.receiver.handle_timeout(now);
        }
        self.forget_formats();
        self.pump(now);
    }

    fn dtls_input(
        &mut self,
        now: Instant,
        from: SocketAddr,
        local: SocketAddr,
        datagram: &mut [u8],
    ) {
        if !self.ice.is_validated(from, local) {
            self.keep_early_hello(from, local, datagram);
            return;
        }
        let Some(dtls) = &mut self.dtls else {
            // The answer that says who the peer is may still be on its way.
            if is_client_hello(datagram) {
                self.keep_early_hello(from, local, datagram);
            } else {
                self.drops.count(DropReason::DtlsTooEarly);
            }
            return;
        };
        if let Err(error) = dtls.handle_input(now, datagram) {
            self.dtls_failed(error);
        }
    }

    fn keep_early_hello(&mut self, from: SocketAddr, local: SocketAddr, datagram: &[u8]) {
        let connected = self.dtls.as_ref().is_some_and(|dtls| dtls.is_connected());
        if connected || !is_client_hello(datagram) {
            self.drops.count(DropReason::DtlsFromUnvalidated);
        } else if self.early_hellos.len() >= self.config.limits.dtls_early_hellos {
            self.drops.count(DropReason::TooManyEarlyHellos);
        } else {
            self.early_hellos.push(EarlyHello {
                from,
                local,
                datagram: datagram.to_vec(),
            });
        }
    }

    /// Hands over the early ClientHellos whose source ICE has validated since.
    pub(super) fn replay_early_hellos(&mut self, now: Instant) {
        if self.early_hellos.is_empty() || self.dtls.is_none() {
            return;
        }
        let mut ready = Vec::new();
        let ice = &self.ice;
        self.early_hellos.retain_mut(|hello| {
            let valid = ice.is_validated(hello.from, hello.local);
            if valid {
                ready.push(core::mem::take(&mut hello.datagram));
            }
            !valid
        });
        for mut datagram in ready {
            if let Some(dtls) = &mut self.dtls
                && let Err(error) = dtls.handle_input(now, &mut datagram)
            {
                self.dtls_failed(error);
            }
        }
        if self.dtls.as_ref().is_some_and(|dtls| dtls.is_connected()) {
            self.early_hellos = Vec::new();
        }
    }

    fn media_input(
        &mut self,
        now: Instant,
        from: SocketAddr,
        local: SocketAddr,
        datagram: &mut [u8],
        control: bool,
    ) {
        let Some(srtp) = &mut self.srtp else {
            self.drops.count(DropReason::MediaBeforeKeys);
            return;
        };
        if !self.ice.is_validated(from, local) {
            self.drops.count(DropReason::MediaFromUnvalidated);
            return;
        }
        let len = datagram.len();
        if control {
            let Ok(opened) = srtp.rx.unprotect_rtcp(datagram, len) else {
                return;
            };
            let Some(compound) = datagram.get(..opened.len) else {
                return;
            };
            for packet in rtcp::packets(compound) {
                match packet {
                    Ok(packet) => {
                        self.sender.handle_rtcp(now, &packet);
                        match packet {
                            rtcp::Rtcp::SenderReport(report) => {
                                self.receiver.handle_sender_report(now, &report.info);
                            }
                            rtcp::Rtcp::Bye(bye) => {
                                for ssrc in bye.sources() {
                                    self.receiver.handle_bye(ssrc);
                                }
                            }
                            _ => {}
                        }
                    }
                    Err(_) => self.drops.count(DropReason::MalformedRtcp),
                }
            }
        } else {
            let Ok(opened) = srtp.rx.unprotect_rtp(datagram, len) else {
                return;
            };
            if let Some(packet) = datagram.get(..opened.len) {
                self.receiver.handle_rtp(now, packet);
            }
        }
    }

    pub(super) fn dtls_failed(&mut self, error: smolrtc_dtls::Error) {
        self.end(CloseReason::Dtls(error), ConnectionState::Failed);
        // The fatal alert still goes out.
        self.closing = super::Closing::Notify;
    }
}
