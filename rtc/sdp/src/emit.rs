//! Writing a description down, as browsers write theirs.

use crate::{
    Direction, ExtensionMap, Feedback, Fingerprint, Kind, Media, Payload, SessionDescription,
    Setup, Transport,
};
use alloc::string::String;
use core::fmt::{self, Display, Formatter, Write};

impl SessionDescription {
    /// The description as text, lines ended by CRLF.
    #[must_use]
    pub fn emit(&self) -> String {
        let mut text = String::new();
        // Writing to a `String` cannot fail.
        let _ = write!(text, "{self}");
        text
    }
}

impl Display for SessionDescription {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let name = if self.name.is_empty() {
            "-"
        } else {
            &self.name
        };
        f.write_str("v=0\r\n")?;
        write!(
            f,
            "o=- {} {} IN IP4 127.0.0.1\r\n",
            self.session_id, self.session_version
        )?;
        write!(f, "s={name}\r\nt=0 0\r\n")?;
        for group in &self.groups {
            write!(f, "a=group:{}", group.semantics)?;
            for mid in &group.mids {
                write!(f, " {mid}")?;
            }
            f.write_str("\r\n")?;
        }
        if self.extmap_allow_mixed {
            f.write_str("a=extmap-allow-mixed\r\n")?;
        }
        if let Some(semantic) = &self.msid_semantic {
            write!(f, "a=msid-semantic:{semantic}\r\n")?;
        }
        self.transport.fmt(f)?;
        self.extensions.iter().try_for_each(|map| map.fmt(f))?;
        write_direction(self.direction, f)?;
        self.media.iter().try_for_each(|media| media.fmt(f))
    }
}

impl Display for Media {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (kind, port, protocol) = (self.kind.token(), self.port, &self.protocol);
        write!(f, "m={kind} {port} {protocol} {}\r\n", self.formats)?;
        f.write_str("c=IN IP4 0.0.0.0\r\n")?;
        for candidate in &self.candidates {
            write!(f, "a={candidate}\r\n")?;
        }
        if self.end_of_candidates {
            f.write_str("a=end-of-candidates\r\n")?;
        }
        self.transport.fmt(f)?;
        if let Some(mid) = &self.mid {
            write!(f, "a=mid:{mid}\r\n")?;
        }
        if self.bundle_only {
            f.write_str("a=bundle-only\r\n")?;
        }
        self.extensions.iter().try_for_each(|map| map.fmt(f))?;
        write_direction(self.direction, f)?;
        for msid in &self.msid {
            write!(f, "a=msid:{msid}\r\n")?;
        }
        if self.rtcp_mux {
            f.write_str("a=rtcp-mux\r\n")?;
        }
        if self.rtcp_rsize {
            f.write_str("a=rtcp-rsize\r\n")?;
        }
        if self.receiver_rtt {
            f.write_str("a=rtcp-xr:rcvr-rtt=all\r\n")?;
        }
        self.payloads
            .iter()
            .try_for_each(|payload| payload.fmt(f))?;
        for (media, retransmission) in &self.fid {
            write!(f, "a=ssrc-group:FID {media} {retransmission}\r\n")?;
        }
        for stream in &self.streams {
            write!(f, "a=ssrc:{}", stream.ssrc)?;
            write!(f, " cname:{}\r\n", stream.cname)?;
        }
        if let Some(sctp) = &self.sctp {
            // The older form names the port in the m= line (RFC 8841 section 5 replaced it).
            if self.protocol == "DTLS/SCTP" {
                write!(f, "a=sctpmap:{} webrtc-datachannel\r\n", sctp.port)?;
            }
            write!(f, "a=sctp-port:{}\r\n", sctp.port)?;
            if let Some(size) = sctp.max_message_size {
                write!(f, "a=max-message-size:{size}\r\n")?;
            }
        }
        Ok(())
    }
}

impl Display for Transport {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.ice_lite {
            f.write_str("a=ice-lite\r\n")?;
        }
        if let Some(ice) = &self.ice {
            write!(f, "a=ice-ufrag:{}\r\n", ice.ufrag)?;
            write!(f, "a=ice-pwd:{}\r\n", ice.pwd.expose_str())?;
        }
        if self.trickle {
            f.write_str("a=ice-options:trickle\r\n")?;
        }
        self.fingerprints
            .iter()
            .try_for_each(|print| write!(f, "a=fingerprint:{print}\r\n"))?;
        if let Some(setup) = self.setup {
            write!(f, "a=setup:{}\r\n", setup.token())?;
        }
        Ok(())
    }
}

impl Setup {
    pub(crate) const fn token(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Passive => "passive",
            Self::ActPass => "actpass",
            Self::HoldConn => "holdconn",
        }
    }
}

impl Display for Fingerprint {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(self.hash.token())?;
        for (index, byte) in self.digest.iter().enumerate() {
            write!(f, "{}{byte:02X}", if index == 0 { ' ' } else { ':' })?;
        }
        Ok(())
    }
}

impl Display for ExtensionMap {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "a=extmap:{} {}\r\n", self.id, self.extension.uri())
    }
}

impl Display for Payload {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let pt = self.payload_type;
        if !self.name.is_empty() {
            write!(f, "a=rtpmap:{pt} {}/{}", self.name, self.clock_rate)?;
            if self.channels != 1 {
                write!(f, "/{}", self.channels)?;
            }
            f.write_str("\r\n")?;
        }
        let Feedback {
            nack,
            pli,
            fir,
            remb,
            transport_cc,
        } = self.feedback;
        for (wanted, token) in [
            (remb, "goog-remb"),
            (transport_cc, "transport-cc"),
            (fir, "ccm fir"),
            (nack, "nack"),
            (pli, "nack pli"),
        ] {
            if wanted {
                write!(f, "a=rtcp-fb:{pt} {token}\r\n")?;
            }
        }
        if !self.fmtp.is_empty() {
            write!(f, "a=fmtp:{pt} {}\r\n", self.fmtp)?;
        }
        Ok(())
    }
}

fn write_direction(direction: Option<Direction>, f: &mut Formatter<'_>) -> fmt::Result {
    direction.map_or(Ok(()), |direction| write!(f, "a={}\r\n", direction.token()))
}

impl Media {
    /// A section of `kind` that says nothing yet.
    pub(crate) const fn empty(kind: Kind, protocol: String, formats: String) -> Self {
        Self {
            kind,
            port: 9,
            protocol,
            formats,
            mid: None,
            bundle_only: false,
            direction: None,
            transport: Transport {
                ice: None,
                trickle: false,
                ice_lite: false,
                fingerprints: alloc::vec::Vec::new(),
                setup: None,
            },
            candidates: alloc::vec::Vec::new(),
            end_of_candidates: false,
            rtcp_mux: false,
            rtcp_rsize: false,
            receiver_rtt: false,
            payloads: alloc::vec::Vec::new(),
            extensions: alloc::vec::Vec::new(),
            msid: alloc::vec::Vec::new(),
            streams: alloc::vec::Vec::new(),
            fid: alloc::vec::Vec::new(),
            sctp: None,
        }
    }
}
