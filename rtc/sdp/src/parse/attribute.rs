//! The attributes that we know.

use super::Parser;
use crate::{
    Direction, Error, Extension, ExtensionMap, Fingerprint, Group, HashFunction, IceCredentials,
    LimitName, Malformed, Media, RemoteStream, Setup, Transport,
};
use alloc::{string::String, vec::Vec};
use smolrtc_base::SecretBytes;

impl Parser<'_> {
    pub(super) fn attribute_line(&mut self, value: &str) -> Result<(), Error> {
        self.attributes = self.attributes.saturating_add(1);
        if self.attributes > self.limits.sdp_attributes {
            return Err(self.over(LimitName::Attributes));
        }
        let (name, rest) = value.split_once(':').unwrap_or((value, ""));
        let handled = match self.description.media.last_mut() {
            Some(media) => transport(&mut media.transport, name, rest),
            None => transport(&mut self.description.transport, name, rest),
        };
        if handled.map_err(|what| self.malformed(what))? {
            return Ok(());
        }
        if self.description.media.is_empty() {
            self.session_attribute(name, rest);
            return Ok(());
        }
        if name == "mid" {
            return self.mid(rest);
        }
        match self.description.media.last_mut() {
            Some(media) => {
                media_attribute(media, name, value, rest).map_err(|what| self.malformed(what))
            }
            None => Ok(()),
        }
    }

    fn session_attribute(&mut self, name: &str, rest: &str) {
        let description = &mut self.description;
        match name {
            "group" => {
                let mut tokens = rest.split_ascii_whitespace().map(String::from);
                if let Some(semantics) = tokens.next() {
                    description.groups.push(Group {
                        semantics,
                        mids: tokens.collect(),
                    });
                }
            }
            "extmap-allow-mixed" => description.extmap_allow_mixed = true,
            "msid-semantic" => description.msid_semantic = Some(rest.into()),
            "extmap" => add_extension(&mut description.extensions, rest),
            _ => {
                if let Some(direction) = direction(name) {
                    description.direction = Some(direction);
                }
            }
        }
    }

    fn mid(&mut self, mid: &str) -> Result<(), Error> {
        if self.description.section_of_mid(mid).is_some() {
            return Err(self.malformed(Malformed::DuplicateMid));
        }
        if let Some(media) = self.description.media.last_mut() {
            media.mid = Some(mid.into());
        }
        Ok(())
    }
}

/// Attributes of ICE and DTLS, which stand at session level or in a section. `Ok(false)`: not one.
fn transport(transport: &mut Transport, name: &str, rest: &str) -> Result<bool, Malformed> {
    match name {
        "ice-ufrag" => {
            ice_chars(rest, 4)?;
            let pwd = transport
                .ice
                .take()
                .map_or_else(SecretBytes::default, |ice| ice.pwd);
            transport.ice = Some(IceCredentials {
                ufrag: rest.into(),
                pwd,
            });
        }
        "ice-pwd" => {
            ice_chars(rest, 22)?;
            let ufrag = transport
                .ice
                .take()
                .map_or_else(String::new, |ice| ice.ufrag);
            transport.ice = Some(IceCredentials {
                ufrag,
                pwd: rest.into(),
            });
        }
        "ice-options" => {
            transport.trickle |= rest
                .split_ascii_whitespace()
                .any(|option| option == "trickle");
        }
        "ice-lite" => transport.ice_lite = true,
        "setup" => {
            transport.setup = Some(match rest {
                "active" => Setup::Active,
                "passive" => Setup::Passive,
                "actpass" => Setup::ActPass,
                "holdconn" => Setup::HoldConn,
                _ => return Err(Malformed::Setup),
            });
        }
        "fingerprint" => {
            if let Some(fingerprint) = fingerprint(rest)? {
                transport.fingerprints.push(fingerprint);
            }
        }
        _ => return Ok(false),
    }
    Ok(true)
}

/// RFC 8839 section 5.4: letters, digits, `+` and `/`; at most 256. Some peers also use `-`, `_`
/// and `=`, which harm nobody.
fn ice_chars(text: &str, at_least: usize) -> Result<(), Malformed> {
    let fits = (at_least..=256).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"+/-_=".contains(&byte));
    if fits {
        Ok(())
    } else {
        Err(Malformed::IceCredentials)
    }
}

/// `<hash> <hex>:<hex>:...`; `Ok(None)` for a hash that we do not trust or know.
fn fingerprint(rest: &str) -> Result<Option<Fingerprint>, Malformed> {
    let (hash, hex) = rest.split_once(' ').ok_or(Malformed::Fingerprint)?;
    let Some(hash) = HashFunction::from_token(hash) else {
        return Ok(None);
    };
    let mut digest = Vec::with_capacity(hash.digest_len());
    for pair in hex.trim().split(':') {
        let hexadecimal = pair.len() == 2 && pair.bytes().all(|b| b.is_ascii_hexdigit());
        if !hexadecimal || digest.len() >= hash.digest_len() {
            return Err(Malformed::Fingerprint);
        }
        digest.push(u8::from_str_radix(pair, 16).map_err(|_| Malformed::Fingerprint)?);
    }
    if digest.len() == hash.digest_len() {
        Ok(Some(Fingerprint { hash, digest }))
    } else {
        Err(Malformed::Fingerprint)
    }
}

fn media_attribute(
    media: &mut Media,
    name: &str,
    whole: &str,
    rest: &str,
) -> Result<(), Malformed> {
    match name {
        "candidate" => media.candidates.push(whole.into()),
        "end-of-candidates" => media.end_of_candidates = true,
        "bundle-only" => media.bundle_only = true,
        "rtcp-mux" | "rtcp-mux-only" => media.rtcp_mux = true,
        "rtcp-rsize" => media.rtcp_rsize = true,
        "rtcp-xr" => {
            let mut formats = rest.split_ascii_whitespace();
            media.receiver_rtt = formats.any(|format| format.starts_with("rcvr-rtt="));
        }
        "rtpmap" => rtpmap(media, rest),
        "fmtp" => fmtp(media, rest),
        "rtcp-fb" => rtcp_fb(media, rest),
        "extmap" => add_extension(&mut media.extensions, rest),
        "msid" => media.msid.push(rest.into()),
        "ssrc" => ssrc(media, rest),
        "ssrc-group" => ssrc_group(media, rest),
        "sctp-port" => {
            if let Some(sctp) = &mut media.sctp {
                sctp.port = rest.trim().parse().map_err(|_| Malformed::Sctp)?;
            }
        }
        "max-message-size" => {
            if let Some(sctp) = &mut media.sctp {
                sctp.max_message_size = Some(rest.trim().parse().map_err(|_| Malformed::Sctp)?);
            }
        }
        _ => {
            if let Some(direction) = direction(name) {
                media.direction = Some(direction);
            }
        }
    }
    Ok(())
}

/// `<payload type> <name>/<clock rate>[/<channels>]`
fn rtpmap(media: &mut Media, rest: &str) {
    let Some((pt, encoding)) = rest.split_once(' ') else {
        return;
    };
    let mut fields = encoding.trim().split('/');
    let name = fields.next().unwrap_or_default();
    let Some(clock_rate) = fields.next().and_then(|rate| rate.parse().ok()) else {
        return;
    };
    let channels = fields
        .next()
        .map_or(Some(1), |channels| channels.parse().ok());
    if let (Some(payload), Some(channels)) = (payload(media, pt), channels)
        && !name.is_empty()
    {
        payload.name = name.into();
        payload.clock_rate = clock_rate;
        payload.channels = channels;
    }
}

fn fmtp(media: &mut Media, rest: &str) {
    if let Some((pt, parameters)) = rest.split_once(' ')
        && let Some(payload) = payload(media, pt)
    {
        payload.fmtp = parameters.trim().into();
    }
}

/// `<payload type or *> <kind>[ <parameter>]`
fn rtcp_fb(media: &mut Media, rest: &str) {
    let Some((pt, kind)) = rest.split_once(' ') else {
        return;
    };
    for payload in &mut media.payloads {
        if pt != "*" && pt.parse() != Ok(payload.payload_type) {
            continue;
        }
        let feedback = &mut payload.feedback;
        match kind.trim() {
            "nack" => feedback.nack = true,
            "nack pli" => feedback.pli = true,
            "ccm fir" => feedback.fir = true,
            "goog-remb" => feedback.remb = true,
            "transport-cc" => feedback.transport_cc = true,
            _ => {}
        }
    }
}

fn payload<'a>(media: &'a mut Media, pt: &str) -> Option<&'a mut crate::Payload> {
    let pt: u8 = pt.parse().ok()?;
    media
        .payloads
        .iter_mut()
        .find(|payload| payload.payload_type == pt)
}

/// `<ssrc> <attribute>[:<value>]`
fn ssrc(media: &mut Media, rest: &str) {
    let Some((ssrc, attribute)) = rest.split_once(' ') else {
        return;
    };
    let Ok(ssrc) = ssrc.parse() else {
        return;
    };
    let index = media.streams.iter().position(|stream| stream.ssrc == ssrc);
    let cname = attribute.strip_prefix("cname:");
    match (index.and_then(|index| media.streams.get_mut(index)), cname) {
        (Some(stream), Some(cname)) => stream.cname = cname.into(),
        (Some(_), None) => {}
        (None, cname) => media.streams.push(RemoteStream {
            ssrc,
            cname: cname.unwrap_or_default().into(),
        }),
    }
}

/// `FID <media ssrc> <retransmission ssrc>` (RFC 5576 section 4.2)
fn ssrc_group(media: &mut Media, rest: &str) {
    let mut fields = rest.split_ascii_whitespace();
    if fields.next() == Some("FID")
        && let Some(first) = fields.next().and_then(|ssrc| ssrc.parse().ok())
        && let Some(second) = fields.next().and_then(|ssrc| ssrc.parse().ok())
        && media.fid.len() < MAX_FID
    {
        media.fid.push((first, second));
    }
}

/// A section with more sources than a simulcast has is no section of a peer that we serve.
const MAX_FID: usize = 16;

/// `<id>[/<direction>] <URI>[ <parameters>]`
fn add_extension(extensions: &mut Vec<ExtensionMap>, rest: &str) {
    let Some((id, uri)) = rest.split_once(' ') else {
        return;
    };
    let id = id.split_once('/').map_or(id, |(id, _)| id);
    let uri = uri.split(' ').next().unwrap_or_default();
    let known = Extension::ALL.into_iter().find(|known| known.uri() == uri);
    if let (Ok(id), Some(extension)) = (id.parse::<u8>(), known)
        // 0 is padding, 15 is reserved (RFC 8285 section 4.2).
        && !matches!(id, 0 | 15)
        && !extensions.iter().any(|map| map.extension == extension || map.id == id)
    {
        extensions.push(ExtensionMap { id, extension });
    }
}

fn direction(name: &str) -> Option<Direction> {
    Some(match name {
        "sendrecv" => Direction::SendRecv,
        "sendonly" => Direction::SendOnly,
        "recvonly" => Direction::RecvOnly,
        "inactive" => Direction::Inactive,
        _ => return None,
    })
}
