//! Certificates, key exchange and signatures.

use alloc::vec::Vec;

use smolrtc_base::Reader;

use super::{Body, Malformed, u16_list};
use crate::NamedGroup;
use crate::suite::signature_schemes;

/// `ecdsa_sign` and `rsa_sign` of ClientCertificateType (RFC 5246 section 7.4.4, RFC 8422 section
/// 5.5).
const ECDSA_SIGN: u8 = 64;
const RSA_SIGN: u8 = 1;
/// ECCurveType `named_curve` (RFC 8422 section 5.4).
const NAMED_CURVE: u8 = 3;

/// Writes a Certificate of one certificate.
pub(crate) fn certificate(body: &mut Body<'_>, der: &[u8]) {
    body.vec::<3>(|list| list.vec::<3>(|entry| entry.put(der)));
}

/// The sender's own certificate, the first of a Certificate's list; `None` if the list is empty.
/// Whatever follows it would lead to a root, and no root is trusted here.
pub(crate) fn leaf(body: &[u8]) -> Result<Option<&[u8]>, Malformed> {
    let mut reader = Reader::new(body);
    let mut list = Reader::new(reader.vec24()?);
    if !reader.is_empty() {
        return Err(Malformed);
    }
    let mut leaf = None;
    while !list.is_empty() {
        let entry = list.vec24()?;
        leaf.get_or_insert(entry);
    }
    Ok(leaf)
}

/// Writes a CertificateRequest that names no authorities.
pub(crate) fn certificate_request(body: &mut Body<'_>, rsa: bool) {
    body.vec::<1>(|types| {
        types.u8(ECDSA_SIGN);
        if rsa {
            types.u8(RSA_SIGN);
        }
    });
    body.vec::<2>(|list| {
        for scheme in signature_schemes(rsa) {
            list.u16(*scheme);
        }
    });
    body.vec::<2>(|_authorities| {});
}

/// What a CertificateRequest admits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CertificateRequest<'a> {
    types: &'a [u8],
    schemes: &'a [u8],
}

impl<'a> CertificateRequest<'a> {
    pub(crate) fn parse(body: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(body);
        let this = Self {
            types: reader.vec8()?,
            schemes: reader.vec16()?,
        };
        let _authorities = reader.vec16()?;
        if !reader.is_empty() || u16_list(this.schemes).is_err() {
            return Err(Malformed);
        }
        Ok(this)
    }

    /// Whether an ECDSA certificate that signs with `scheme` will do.
    pub(crate) fn admits_ecdsa(&self, scheme: u16) -> bool {
        self.types.contains(&ECDSA_SIGN)
            && u16_list(self.schemes).is_ok_and(|mut ids| ids.any(|id| id == scheme))
    }
}

/// A ServerKeyExchange (RFC 8422 section 5.4).
#[derive(Clone, Copy, Debug)]
pub(crate) struct ServerKeyExchange<'a> {
    /// The registered id.
    pub(crate) group: u16,
    pub(crate) public: &'a [u8],
    /// What is signed, after both randoms.
    pub(crate) params: &'a [u8],
    pub(crate) signed: Signed<'a>,
}

impl<'a> ServerKeyExchange<'a> {
    pub(crate) fn parse(body: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(body);
        // Explicit curves are long forbidden.
        if reader.u8()? != NAMED_CURVE {
            return Err(Malformed);
        }
        let group = reader.u16()?;
        let public = reader.vec8()?;
        let params_len = body.len().saturating_sub(reader.len());
        let params = body.get(..params_len).ok_or(Malformed)?;
        Ok(Self {
            group,
            public,
            params,
            signed: Signed::parse(reader.rest())?,
        })
    }

    /// The ServerECDHParams, the part that is signed.
    pub(crate) fn params(group: NamedGroup, public: &[u8]) -> Vec<u8> {
        let mut params = Vec::with_capacity(public.len().saturating_add(4));
        let mut body = Body(&mut params);
        body.u8(NAMED_CURVE);
        body.u16(group.id());
        body.vec::<1>(|point| point.put(public));
        params
    }
}

/// Writes a ServerKeyExchange.
pub(crate) fn server_key_exchange(
    body: &mut Body<'_>,
    params: &[u8],
    scheme: u16,
    signature: &[u8],
) {
    body.put(params);
    Signed { scheme, signature }.emit(body);
}

/// A digitally-signed struct (RFC 5246 section 4.7): the end of a ServerKeyExchange, the whole of a
/// CertificateVerify.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Signed<'a> {
    pub(crate) scheme: u16,
    pub(crate) signature: &'a [u8],
}

impl<'a> Signed<'a> {
    pub(crate) fn parse(body: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(body);
        let this = Self {
            scheme: reader.u16()?,
            signature: reader.vec16()?,
        };
        if !reader.is_empty() {
            return Err(Malformed);
        }
        Ok(this)
    }

    pub(crate) fn emit(&self, body: &mut Body<'_>) {
        body.u16(self.scheme);
        body.vec::<2>(|signature| signature.put(self.signature));
    }
}

/// Writes a ClientKeyExchange (RFC 8422 section 5.7).
pub(crate) fn client_key_exchange(body: &mut Body<'_>, public: &[u8]) {
    body.vec::<1>(|point| point.put(public));
}

/// The public key in a ClientKeyExchange.
pub(crate) fn parse_client_key_exchange(body: &[u8]) -> Result<&[u8], Malformed> {
    let mut reader = Reader::new(body);
    let public = reader.vec8()?;
    if !reader.is_empty() {
        return Err(Malformed);
    }
    Ok(public)
}
