//! From datagrams to messages, alerts and data.

use smolrtc_base::{Instant, Reader};

use super::{Connection, FATAL, State, WARNING};
use crate::flight::Flight;
use crate::message::{Fragment, kind};
use crate::record::{ContentType, DTLS_1_2, HEADER_LEN, Header, MAX_PLAINTEXT};
use crate::{Alert, CloseReason, DropReason, Error, Role};

/// Longest ciphertext of a record (RFC 5246 section 6.2.3).
const MAX_CIPHERTEXT: usize = MAX_PLAINTEXT + 2_048;

impl Connection {
    /// Takes the records of a datagram, one after the other (RFC 6347 section 4.1.1).
    pub(super) fn records_in(&mut self, now: Instant, datagram: &mut [u8]) -> Result<(), Error> {
        let mut rest = datagram;
        while !rest.is_empty() {
            let Some((header_bytes, after)) = rest.split_first_chunk_mut::<HEADER_LEN>() else {
                self.count(DropReason::Truncated);
                break;
            };
            let Ok(header) = Header::parse(&mut Reader::new(header_bytes)) else {
                break;
            };
            let Some((body, after)) = after.split_at_mut_checked(usize::from(header.len)) else {
                self.count(DropReason::Truncated);
                break;
            };
            rest = after;
            self.record_in(now, header, header_bytes, body)?;
            if self.state == State::Ended {
                break;
            }
        }
        Ok(())
    }

    /// Opens what came before the keys, now that they are known.
    pub(super) fn take_early(&mut self, now: Instant) -> Result<(), Error> {
        let Some(handshake) = &mut self.handshake else {
            return Ok(());
        };
        if self.opener.is_none() || handshake.early.is_empty() {
            return Ok(());
        }
        let mut early = core::mem::take(&mut handshake.early);
        self.records_in(now, &mut early)?;
        self.advance()
    }

    fn record_in(
        &mut self,
        now: Instant,
        header: Header,
        header_bytes: &[u8],
        body: &mut [u8],
    ) -> Result<(), Error> {
        let Some(content_type) = ContentType::from_id(header.content_type) else {
            self.count(DropReason::UnknownRecord);
            return Ok(());
        };
        // Before a version is chosen, any DTLS will do (RFC 6347 section 4.2.1).
        let is_version_known = match header.epoch {
            0 => header.version >> 8 == DTLS_1_2 >> 8,
            _ => header.version == DTLS_1_2,
        };
        if !is_version_known || body.len() > MAX_CIPHERTEXT {
            self.count(DropReason::UnknownRecord);
            return Ok(());
        }
        match header.epoch {
            0 => {
                self.plain_record(now, content_type, body);
                Ok(())
            }
            1 => self.protected_record(now, content_type, header, header_bytes, body),
            _ => {
                self.count(DropReason::WrongEpoch);
                Ok(())
            }
        }
    }

    /// A record that nothing authenticates: only the handshake may come of it.
    fn plain_record(&mut self, now: Instant, content_type: ContentType, body: &[u8]) {
        match content_type {
            ContentType::Handshake => self.fragments(now, 0, body),
            // The epoch in each record says the same.
            ContentType::ChangeCipherSpec => {}
            ContentType::Alert => {
                // Anybody on the path could send one (RFC 6347 section 4.1.2.7). It is kept only to
                // explain a timeout.
                if let (Some(handshake), [_, description]) = (&mut self.handshake, body) {
                    handshake.alert = Some(Alert(*description));
                }
                self.count(DropReason::UnauthenticatedAlert);
            }
            ContentType::ApplicationData => self.count(DropReason::WrongEpoch),
        }
    }

    fn protected_record(
        &mut self,
        now: Instant,
        content_type: ContentType,
        header: Header,
        header_bytes: &[u8],
        body: &mut [u8],
    ) -> Result<(), Error> {
        let Some(opener) = &mut self.opener else {
            let is_kept = self
                .handshake
                .as_mut()
                .is_some_and(|handshake| handshake.keep_early(header_bytes, body));
            if !is_kept {
                self.count(DropReason::TooEarly);
            }
            return Ok(());
        };
        if !opener.window.is_new(header.sequence) {
            self.count(DropReason::Replayed);
            return Ok(());
        }
        let Some(plaintext) = opener.cipher.open(header, body) else {
            self.count(DropReason::BadTag);
            return Ok(());
        };
        opener.window.accept(header.sequence);
        match content_type {
            ContentType::Handshake => self.fragments(now, 1, plaintext),
            ContentType::Alert => return self.protected_alert(plaintext),
            ContentType::ApplicationData => self.application_data(plaintext),
            ContentType::ChangeCipherSpec => self.count(DropReason::StrayMessage),
        }
        Ok(())
    }

    fn application_data(&mut self, plaintext: &[u8]) {
        if self.state != State::Connected {
            self.count(DropReason::EarlyData);
            return;
        }
        // The client speaks only after our Finished has reached it.
        if !self.flight.is_empty() {
            self.flight = Flight::default();
            self.final_flight = alloc::vec::Vec::new();
        }
        if !plaintext.is_empty() && !self.received.push(plaintext) {
            self.count(DropReason::ReceiveLimit);
        }
    }

    fn protected_alert(&mut self, plaintext: &[u8]) -> Result<(), Error> {
        let [level, description] = plaintext else {
            self.count(DropReason::Truncated);
            return Ok(());
        };
        match (*level, Alert(*description)) {
            (_, Alert::CLOSE_NOTIFY) => {
                // RFC 5246 section 7.2.1: answered in kind, and nothing else is sent any more.
                self.flight = Flight::default();
                self.alert = Some((WARNING, Alert::CLOSE_NOTIFY));
                self.closed = Some(CloseReason::Peer);
                self.end();
                Ok(())
            }
            (FATAL, alert) => Err(Error::PeerAlert(alert)),
            _ => Ok(()),
        }
    }

    /// The handshake messages, or parts of them, in one record.
    fn fragments(&mut self, now: Instant, epoch: u16, bytes: &[u8]) {
        let mut reader = Reader::new(bytes);
        while !reader.is_empty() {
            match Fragment::parse(&mut reader) {
                Ok(fragment) => self.fragment(now, epoch, &fragment),
                Err(reason) => {
                    self.count(reason);
                    return;
                }
            }
        }
    }

    fn fragment(&mut self, now: Instant, epoch: u16, fragment: &Fragment<'_>) {
        let Some(handshake) = &mut self.handshake else {
            self.fragment_after(now, epoch, fragment);
            return;
        };
        // Finished is the one message under the new keys, and the only one there.
        if (fragment.kind == kind::FINISHED) != (epoch == 1) {
            self.count(DropReason::StrayMessage);
            return;
        }
        let Err(reason) = handshake.reassembler.insert(fragment) else {
            return;
        };
        // The last message of the peer's flight before, again.
        let ends_flight = match self.role {
            Role::Server => fragment.kind == kind::CLIENT_HELLO,
            Role::Client => fragment.kind == kind::SERVER_HELLO_DONE,
        };
        // While we compute, our next flight will be the answer.
        let is_repeated = reason == DropReason::StaleMessage
            && ends_flight
            && fragment.is_last()
            && !handshake.is_computing();
        self.count(reason);
        if is_repeated {
            self.resend_on_request(now);
        }
    }

    /// A handshake message after the handshake.
    fn fragment_after(&mut self, now: Instant, epoch: u16, fragment: &Fragment<'_>) {
        match (epoch, fragment.kind) {
            // Our Finished was lost, so the client has sent its own again. Only this one is
            // authenticated; the rest of its flight asks for nothing.
            (1, kind::FINISHED) => {
                self.count(DropReason::StaleMessage);
                self.resend_on_request(now);
            }
            (1, kind::HELLO_REQUEST | kind::CLIENT_HELLO) => {
                self.count(DropReason::Renegotiation);
                self.alert.get_or_insert((WARNING, Alert::NO_RENEGOTIATION));
            }
            (0, _) => self.count(DropReason::StaleMessage),
            _ => self.count(DropReason::StrayMessage),
        }
    }
}
