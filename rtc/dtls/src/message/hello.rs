//! ClientHello, ServerHello, HelloVerifyRequest and their extensions.

use smolrtc_base::Reader;

use super::{Body, Malformed, u16_list};
use crate::record::{DTLS_1_0, DTLS_1_2};
use crate::suite::signature_schemes;
use crate::{CipherSuite, NamedGroup};

/// Extension ids in the TLS registry.
mod extension {
    pub(super) const SUPPORTED_GROUPS: u16 = 10;
    pub(super) const EC_POINT_FORMATS: u16 = 11;
    pub(super) const SIGNATURE_ALGORITHMS: u16 = 13;
    pub(super) const USE_SRTP: u16 = 14;
    pub(super) const EXTENDED_MASTER_SECRET: u16 = 23;
    pub(super) const SUPPORTED_VERSIONS: u16 = 43;
    pub(super) const RENEGOTIATION_INFO: u16 = 0xFF01;
}

/// `TLS_EMPTY_RENEGOTIATION_INFO_SCSV` (RFC 5746 section 3.3).
const RENEGOTIATION_SCSV: u16 = 0x00FF;
/// The only point format left (RFC 8422 section 5.1.2).
const UNCOMPRESSED: u8 = 0;

/// What a ClientHello says, as far as a 1.2 server cares. Lists are in the client's order; ids
/// unknown here (GREASE, DTLS 1.3, post-quantum groups) stay in them and match nothing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ClientHello<'a> {
    pub(crate) random: [u8; 32],
    cipher_suites: &'a [u8],
    groups: Option<&'a [u8]>,
    signature_schemes: Option<&'a [u8]>,
    srtp_profiles: Option<&'a [u8]>,
    pub(crate) point_formats: bool,
    pub(crate) extended_master_secret: bool,
    pub(crate) secure_renegotiation: bool,
    pub(crate) speaks_1_2: bool,
    /// A first handshake's renegotiation_info must be empty (RFC 5746 section 3.6).
    pub(crate) renegotiates: bool,
    uncompressed: bool,
}

impl<'a> ClientHello<'a> {
    pub(crate) fn parse(body: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(body);
        let version = reader.u16()?;
        let random = reader.array()?;
        let _session_id = reader.vec8()?;
        let _cookie = reader.vec8()?;
        let cipher_suites = reader.vec16()?;
        let compression = reader.vec8()?;
        let mut hello = Self {
            random,
            cipher_suites,
            groups: None,
            signature_schemes: None,
            srtp_profiles: None,
            point_formats: false,
            extended_master_secret: false,
            secure_renegotiation: u16_list(cipher_suites)?.any(|id| id == RENEGOTIATION_SCSV),
            // Versions count downwards. A 1.3 client says 1.2 here (RFC 9147 section 5.3).
            speaks_1_2: version <= DTLS_1_2,
            renegotiates: false,
            uncompressed: compression.contains(&0),
        };
        if reader.is_empty() {
            return Ok(hello);
        }
        let mut extensions = Reader::new(reader.vec16()?);
        if !reader.is_empty() {
            return Err(Malformed);
        }
        while !extensions.is_empty() {
            let id = extensions.u16()?;
            let mut data = Reader::new(extensions.vec16()?);
            match id {
                extension::SUPPORTED_GROUPS => hello.groups = Some(data.vec16()?),
                extension::EC_POINT_FORMATS => hello.point_formats = true,
                extension::SIGNATURE_ALGORITHMS => hello.signature_schemes = Some(data.vec16()?),
                // The MKI that follows is the client's; answering with an empty one declines it
                // (RFC 5764 section 4.1.3).
                extension::USE_SRTP => hello.srtp_profiles = Some(data.vec16()?),
                extension::EXTENDED_MASTER_SECRET => hello.extended_master_secret = true,
                extension::SUPPORTED_VERSIONS => {
                    hello.speaks_1_2 = u16_list(data.vec8()?)?.any(|id| id == DTLS_1_2);
                }
                extension::RENEGOTIATION_INFO => {
                    hello.secure_renegotiation = true;
                    hello.renegotiates = !data.vec8()?.is_empty();
                }
                _ => {}
            }
        }
        Ok(hello)
    }

    /// Whether the client offers the null compression, as every client must.
    pub(crate) const fn offers_no_compression(&self) -> bool {
        self.uncompressed
    }

    pub(crate) fn offers_suite(&self, suite: CipherSuite) -> bool {
        contains(Some(self.cipher_suites), suite.id())
    }

    /// A client that names no groups supports them all (RFC 8422 section 4); P-256 is what such a
    /// client will understand.
    pub(crate) fn offers_group(&self, group: NamedGroup) -> bool {
        match self.groups {
            None => group == NamedGroup::P256,
            groups => contains(groups, group.id()),
        }
    }

    pub(crate) fn offers_signature(&self, scheme: u16) -> bool {
        contains(self.signature_schemes, scheme)
    }

    pub(crate) fn offers_srtp(&self, profile: u16) -> bool {
        contains(self.srtp_profiles, profile)
    }
}

fn contains(list: Option<&[u8]>, id: u16) -> bool {
    list.is_some_and(|list| u16_list(list).is_ok_and(|mut ids| ids.any(|other| other == id)))
}

/// The ClientHello we write.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ClientHelloRepr<'a> {
    pub(crate) random: &'a [u8; 32],
    pub(crate) cookie: &'a [u8],
    pub(crate) cipher_suites: &'a [CipherSuite],
    pub(crate) groups: &'a [NamedGroup],
    pub(crate) srtp_profiles: &'a [u16],
    /// Whether RSA is offered at all.
    pub(crate) rsa: bool,
}

impl ClientHelloRepr<'_> {
    pub(crate) fn emit(&self, body: &mut Body<'_>) {
        body.u16(DTLS_1_2);
        body.put(self.random);
        body.vec::<1>(|_session_id| {});
        body.vec::<1>(|cookie| cookie.put(self.cookie));
        body.vec::<2>(|suites| {
            for suite in self.cipher_suites {
                if self.rsa || !suite.is_rsa() {
                    suites.u16(suite.id());
                }
            }
        });
        body.vec::<1>(|compression| compression.u8(0));
        body.vec::<2>(|extensions| {
            extensions.extension(extension::RENEGOTIATION_INFO, |data| data.vec::<1>(|_| {}));
            extensions.extension(extension::EXTENDED_MASTER_SECRET, |_| {});
            extensions.extension(extension::SUPPORTED_GROUPS, |data| {
                data.vec::<2>(|list| {
                    for group in self.groups {
                        list.u16(group.id());
                    }
                });
            });
            extensions.extension(extension::EC_POINT_FORMATS, |data| {
                data.vec::<1>(|list| list.u8(UNCOMPRESSED));
            });
            extensions.extension(extension::SIGNATURE_ALGORITHMS, |data| {
                data.vec::<2>(|list| {
                    for scheme in signature_schemes(self.rsa) {
                        list.u16(*scheme);
                    }
                });
            });
            if !self.srtp_profiles.is_empty() {
                extensions.extension(extension::USE_SRTP, |data| {
                    data.vec::<2>(|list| {
                        for profile in self.srtp_profiles {
                            list.u16(*profile);
                        }
                    });
                    data.vec::<1>(|_mki| {});
                });
            }
        });
    }
}

/// What a ServerHello says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ServerHello {
    pub(crate) version: u16,
    pub(crate) random: [u8; 32],
    pub(crate) cipher_suite: u16,
    pub(crate) compression: u8,
    pub(crate) srtp_profile: Option<u16>,
    /// The server insists on an MKI, which was not offered.
    pub(crate) has_mki: bool,
    pub(crate) extended_master_secret: bool,
    /// It answered an extension that our ClientHello does not have.
    pub(crate) has_unsolicited_extension: bool,
    /// A first handshake's renegotiation_info must be empty (RFC 5746 section 3.4).
    pub(crate) renegotiates: bool,
}

impl ServerHello {
    pub(crate) fn parse(body: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(body);
        let mut hello = Self {
            version: reader.u16()?,
            random: reader.array()?,
            cipher_suite: {
                reader.vec8()?;
                reader.u16()?
            },
            compression: reader.u8()?,
            srtp_profile: None,
            has_mki: false,
            extended_master_secret: false,
            has_unsolicited_extension: false,
            renegotiates: false,
        };
        if reader.is_empty() {
            return Ok(hello);
        }
        let mut extensions = Reader::new(reader.vec16()?);
        if !reader.is_empty() {
            return Err(Malformed);
        }
        while !extensions.is_empty() {
            let id = extensions.u16()?;
            let mut data = Reader::new(extensions.vec16()?);
            match id {
                extension::USE_SRTP => {
                    // Exactly one profile (RFC 5764 section 4.1.1).
                    let mut profiles = Reader::new(data.vec16()?);
                    hello.srtp_profile = Some(profiles.u16()?);
                    if !profiles.is_empty() {
                        return Err(Malformed);
                    }
                    hello.has_mki = !data.vec8()?.is_empty();
                }
                extension::EXTENDED_MASTER_SECRET => hello.extended_master_secret = true,
                extension::RENEGOTIATION_INFO => hello.renegotiates = !data.vec8()?.is_empty(),
                // Old servers answer supported_groups, which RFC 8422 section 5.2 forbids but
                // harms nobody.
                extension::EC_POINT_FORMATS | extension::SUPPORTED_GROUPS => {}
                _ => hello.has_unsolicited_extension = true,
            }
        }
        Ok(hello)
    }
}

/// The ServerHello we write. No session id: nothing is ever resumed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ServerHelloRepr<'a> {
    pub(crate) random: &'a [u8; 32],
    pub(crate) cipher_suite: CipherSuite,
    pub(crate) srtp_profile: Option<u16>,
    pub(crate) point_formats: bool,
    pub(crate) secure_renegotiation: bool,
}

impl ServerHelloRepr<'_> {
    pub(crate) fn emit(&self, body: &mut Body<'_>) {
        body.u16(DTLS_1_2);
        body.put(self.random);
        body.vec::<1>(|_session_id| {});
        body.u16(self.cipher_suite.id());
        body.u8(0);
        body.vec::<2>(|extensions| {
            if self.secure_renegotiation {
                extensions.extension(extension::RENEGOTIATION_INFO, |data| data.vec::<1>(|_| {}));
            }
            extensions.extension(extension::EXTENDED_MASTER_SECRET, |_| {});
            if self.point_formats {
                extensions.extension(extension::EC_POINT_FORMATS, |data| {
                    data.vec::<1>(|list| list.u8(UNCOMPRESSED));
                });
            }
            if let Some(profile) = self.srtp_profile {
                extensions.extension(extension::USE_SRTP, |data| {
                    data.vec::<2>(|list| list.u16(profile));
                    data.vec::<1>(|_mki| {});
                });
            }
        });
    }
}

/// A HelloVerifyRequest (RFC 6347 section 4.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct HelloVerifyRequest<'a> {
    pub(crate) cookie: &'a [u8],
}

impl<'a> HelloVerifyRequest<'a> {
    pub(crate) fn parse(body: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(body);
        let version = reader.u16()?;
        let cookie = reader.vec8()?;
        // The version in it negotiates nothing.
        if !matches!(version, DTLS_1_0 | DTLS_1_2) || !reader.is_empty() {
            return Err(Malformed);
        }
        Ok(Self { cookie })
    }
}
