//! Reading a description, line by line.

mod attribute;

use crate::{Error, Kind, LimitName, Malformed, Media, Payload, Sctp, SessionDescription};
use alloc::{string::String, vec::Vec};
use smolrtc_base::Limits;

impl SessionDescription {
    /// Reads a description.
    ///
    /// Lines may end in CRLF, LF or, the last one, in nothing; unknown lines and attributes, and
    /// payload types above 127, are passed over.
    ///
    /// # Errors
    ///
    /// [`Error::Syntax`] for a line that says something we need in a way we cannot read;
    /// [`Error::Limit`] for a description over `limits`.
    pub fn parse(text: &[u8], limits: &Limits) -> Result<Self, Error> {
        let mut parser = Parser {
            description: Self::default(),
            line: 0,
            attributes: 0,
            limits,
        };
        // What lies within the limit names the line at which the limit was passed.
        let (text, over) = match text.split_at_checked(limits.sdp_bytes) {
            Some((head, rest)) => (head, !rest.is_empty()),
            None => (text, false),
        };
        if over {
            let newlines = text.iter().filter(|byte| **byte == b'\n').count();
            return Err(Error::Limit {
                limit: LimitName::Bytes,
                line: u32::try_from(newlines)
                    .unwrap_or(u32::MAX)
                    .saturating_add(1),
            });
        }
        for line in text.split(|byte| *byte == b'\n') {
            parser.line = parser.line.saturating_add(1);
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            parser.line(line)?;
        }
        parser.finish()
    }
}

/// The description as far as it has been read.
struct Parser<'a> {
    description: SessionDescription,
    /// Current line, from 1.
    line: u32,
    /// Attribute lines seen in the current section.
    attributes: usize,
    limits: &'a Limits,
}

impl Parser<'_> {
    const fn malformed(&self, what: Malformed) -> Error {
        Error::Syntax {
            line: self.line,
            what,
        }
    }

    const fn over(&self, limit: LimitName) -> Error {
        Error::Limit {
            limit,
            line: self.line,
        }
    }

    fn line(&mut self, line: &[u8]) -> Result<(), Error> {
        if self.line == 1 {
            return match line {
                b"v=0" => Ok(()),
                _ => Err(self.malformed(Malformed::NotSdp)),
            };
        }
        // Blank lines are not SDP, but some mail-like transports add them at the end.
        if line.is_empty() {
            return Ok(());
        }
        let line = core::str::from_utf8(line).map_err(|_| self.malformed(Malformed::NotUtf8))?;
        let (kind, value) = line
            .split_once('=')
            .filter(|(kind, _)| {
                kind.len() == 1 && kind.as_bytes().iter().all(u8::is_ascii_lowercase)
            })
            .ok_or(self.malformed(Malformed::NotTypeValue))?;
        match kind {
            "o" => self.origin(value),
            "s" => {
                self.description.name = value.into();
                Ok(())
            }
            "m" => self.media_line(value),
            "a" => self.attribute_line(value),
            _ => Ok(()),
        }
    }

    /// `o=<username> <sess-id> <sess-version> <nettype> <addrtype> <unicast-address>`
    fn origin(&mut self, value: &str) -> Result<(), Error> {
        let mut fields = value.split(' ');
        let (_, id, version) = (fields.next(), fields.next(), fields.next());
        match (id, version, fields.count()) {
            (Some(id), Some(version), 3) if !id.is_empty() => {
                self.description.session_id = id.into();
                // Firefox's versions fit; a peer whose version does not is no reason to refuse.
                self.description.session_version = version.parse().unwrap_or(0);
                Ok(())
            }
            _ => Err(self.malformed(Malformed::Origin)),
        }
    }

    /// `m=<media> <port>[/<count>] <proto> <fmt> ...`
    fn media_line(&mut self, value: &str) -> Result<(), Error> {
        if self.description.media.len() >= self.limits.sdp_sections {
            return Err(self.over(LimitName::Sections));
        }
        self.attributes = 0;
        let malformed = self.malformed(Malformed::MediaLine);
        let mut fields = value.splitn(4, ' ');
        let (Some(kind), Some(port), Some(protocol), Some(formats)) =
            (fields.next(), fields.next(), fields.next(), fields.next())
        else {
            return Err(malformed);
        };
        let port = port.split_once('/').map_or(port, |(port, _)| port);
        let kind = match kind {
            "audio" => Kind::Audio,
            "video" => Kind::Video,
            "application" => Kind::Application,
            other => Kind::Other(other.into()),
        };
        let mut media = Media::empty(kind, protocol.into(), formats.trim().into());
        media.port = port.parse().map_err(|_| malformed)?;
        if media.protocol.is_empty() || media.formats.is_empty() {
            return Err(malformed);
        }
        if matches!(media.kind, Kind::Audio | Kind::Video) {
            media.payloads = payloads(&media.formats);
        } else if media.kind == Kind::Application {
            media.sctp = data_channel(&media.protocol, &media.formats);
        }
        self.description.media.push(media);
        Ok(())
    }

    fn finish(mut self) -> Result<SessionDescription, Error> {
        if self.description.session_id.is_empty() {
            return Err(self.malformed(Malformed::Origin));
        }
        let description = &mut self.description;
        let sections = description
            .media
            .iter_mut()
            .map(|media| &mut media.transport);
        for transport in sections.chain([&mut description.transport]) {
            // One without the other is of no use.
            transport.ice = transport
                .ice
                .take()
                .filter(|ice| !ice.ufrag.is_empty() && !ice.pwd.expose().is_empty());
        }
        if self.description.name.is_empty() {
            self.description.name = String::from("-");
        }
        Ok(self.description)
    }
}

/// The payload types of an `m=` line, those with a static meaning filled in (RFC 3551 section 6).
fn payloads(formats: &str) -> Vec<Payload> {
    let mut payloads: Vec<Payload> = Vec::new();
    for payload_type in formats
        .split_ascii_whitespace()
        .filter_map(|pt| pt.parse::<u8>().ok())
    {
        let known = payloads
            .iter()
            .any(|payload| payload.payload_type == payload_type);
        if payload_type > 127 || known {
            continue;
        }
        let (name, clock_rate) = match payload_type {
            0 => ("PCMU", 8_000),
            8 => ("PCMA", 8_000),
            _ => ("", 0),
        };
        payloads.push(Payload {
            payload_type,
            name: name.into(),
            clock_rate,
            channels: 1,
            fmtp: String::new(),
            feedback: crate::Feedback::default(),
        });
    }
    payloads
}

/// The SCTP parameters that protocol and format alone give (RFC 8841 section 4).
fn data_channel(protocol: &str, formats: &str) -> Option<Sctp> {
    let port = match protocol {
        "UDP/DTLS/SCTP" | "TCP/DTLS/SCTP" if formats == "webrtc-datachannel" => 5_000,
        // Before RFC 8841 the format was the port.
        "DTLS/SCTP" => formats.parse().ok().filter(|port| *port != 0)?,
        _ => return None,
    };
    Some(Sctp {
        port,
        max_message_size: None,
    })
}

#[cfg(test)]
mod tests;
