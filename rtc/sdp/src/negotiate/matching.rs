//! Which formats of a peer's section fit which of ours.

use super::{KindCapabilities, ReceiveFormat, SendFormat};
use crate::{Codec, Media, Payload};
use alloc::vec::Vec;

/// The formats of a section that both ends can use.
pub(super) struct Matched {
    pub(super) send: Option<SendFormat>,
    pub(super) receive: Vec<ReceiveFormat>,
}

impl Matched {
    /// Compares a peer's section with what we can do. `offered` is our own section when the peer's
    /// is an answer: only its payload types count then.
    pub(super) fn new(
        peer: &Media,
        ours: &KindCapabilities,
        may_send: bool,
        may_receive: bool,
        offered: Option<&Media>,
    ) -> Self {
        let formats: Vec<(&Payload, Codec)> = peer
            .payloads
            .iter()
            .filter_map(|payload| {
                let codec = Codec::of(payload)?;
                let allowed = offered.is_none_or(|offered| {
                    offered
                        .payloads
                        .iter()
                        .any(|own| own.payload_type == payload.payload_type)
                });
                allowed.then_some((payload, codec))
            })
            .collect();
        let rtx = |pt| {
            let agreed = |rtx: &u8| offered.is_none_or(|own| own.rtx_of(pt) == Some(*rtx));
            peer.rtx_of(pt).filter(|_| ours.rtx).filter(agreed)
        };
        let send = ours.send.iter().filter(|_| may_send).find_map(|codec| {
            let (payload, _) = best(&formats, *codec)?;
            Some(SendFormat {
                payload_type: payload.payload_type,
                codec: *codec,
                rtx: rtx(payload.payload_type),
                fmtp: payload.fmtp.clone(),
            })
        });
        let mut receive: Vec<ReceiveFormat> = Vec::new();
        for own in ours.receive.iter().filter(|_| may_receive) {
            for (payload, codec) in &formats {
                let payload_type = payload.payload_type;
                let known = receive
                    .iter()
                    .any(|known| known.payload_type == payload_type);
                if own.takes(*codec).is_some() && !known {
                    receive.push(ReceiveFormat {
                        payload_type,
                        codec: *codec,
                        rtx: rtx(payload_type),
                    });
                }
            }
        }
        Self { send, receive }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.send.is_none() && self.receive.is_empty()
    }

    /// The payload types of our side of the section, the one that we send first, each with its
    /// retransmission type.
    pub(super) fn payload_types(&self) -> Vec<(u8, Option<u8>)> {
        let mut types: Vec<(u8, Option<u8>)> = Vec::new();
        let sent = self
            .send
            .iter()
            .map(|format| (format.payload_type, format.rtx));
        let received = self
            .receive
            .iter()
            .map(|format| (format.payload_type, format.rtx));
        for (pt, rtx) in sent.chain(received) {
            if !types.iter().any(|(known, _)| *known == pt) {
                types.push((pt, rtx));
            }
        }
        types
    }
}

/// The payload format in which a peer takes `stream` best: the exact profile before a larger one,
/// then the peer's order.
fn best<'a>(formats: &[(&'a Payload, Codec)], stream: Codec) -> Option<(&'a Payload, Codec)> {
    let mut best: Option<(u8, (&Payload, Codec))> = None;
    for (payload, codec) in formats {
        if let Some(rank) = codec.takes(stream)
            && best.is_none_or(|(highest, _)| rank > highest)
        {
            best = Some((rank, (payload, *codec)));
        }
    }
    best.map(|(_, format)| format)
}
