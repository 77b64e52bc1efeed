//! As much of X.509 (RFC 5280) as DTLS-SRTP needs: writing a self-signed certificate, and finding
//! the public key in somebody else's.
//!
//! A WebRTC certificate is a container for a key. Its fingerprint was compared before anything in it
//! is believed, so names, dates, extensions and its own signature are skipped, not judged.

use alloc::vec::Vec;

use smolrtc_base::{Reader, Truncated, UnixTime};
use smolrtc_crypto::PublicKey;

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OID: u8 = 0x06;
const UTF8_STRING: u8 = 0x0C;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
/// `[0] EXPLICIT`, the version.
const CONTEXT_0: u8 = 0xA0;

/// 1.2.840.10045.2.1 id-ecPublicKey (RFC 5480 section 2.1.1).
const EC_PUBLIC_KEY: &[u8] = &[0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01];
/// 1.2.840.10045.3.1.7 secp256r1.
const SECP256R1: &[u8] = &[0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07];
/// 1.2.840.10045.4.3.2 ecdsa-with-SHA256.
const ECDSA_WITH_SHA256: &[u8] = &[0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04, 0x03, 0x02];
/// 1.2.840.113549.1.1.1 rsaEncryption (RFC 3279 section 2.3.1).
const RSA_ENCRYPTION: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x01];
/// 2.5.4.3 commonName.
const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];

/// What browsers write too: a name that says nothing about the device.
const NAME: &[u8] = b"WebRTC";

/// Why a certificate gave no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoKey {
    /// Not a certificate.
    Malformed,
    /// A certificate of a kind of key not supported here.
    Unsupported,
}

impl From<Truncated> for NoKey {
    fn from(_: Truncated) -> Self {
        Self::Malformed
    }
}

/// The SubjectPublicKeyInfo of a certificate in DER.
pub(crate) fn public_key(der: &[u8]) -> Result<PublicKey, NoKey> {
    let mut outer = Reader::new(der);
    let mut certificate = Reader::new(expect(&mut outer, SEQUENCE)?);
    let mut tbs = Reader::new(expect(&mut certificate, SEQUENCE)?);

    // version [0] DEFAULT v1, serialNumber, signature, issuer, validity, subject.
    let (tag, _) = element(&mut tbs)?;
    if tag == CONTEXT_0 {
        expect(&mut tbs, INTEGER)?;
    } else if tag != INTEGER {
        return Err(NoKey::Malformed);
    }
    for _ in 0..4 {
        expect(&mut tbs, SEQUENCE)?;
    }

    let mut info = Reader::new(expect(&mut tbs, SEQUENCE)?);
    let mut algorithm = Reader::new(expect(&mut info, SEQUENCE)?);
    let oid = expect(&mut algorithm, OID)?;
    // The first byte of a BIT STRING counts the unused bits of the last.
    let key = match expect(&mut info, BIT_STRING)?.split_first() {
        Some((0, key)) => key,
        _ => return Err(NoKey::Malformed),
    };
    match oid {
        EC_PUBLIC_KEY => {
            if expect(&mut algorithm, OID).map_err(|_| NoKey::Unsupported)? != SECP256R1 {
                return Err(NoKey::Unsupported);
            }
            match key {
                [0x04, ..] if key.len() == 65 => Ok(PublicKey::P256(key.to_vec())),
                // RFC 8422 section 5.1.1: uncompressed only.
                _ => Err(NoKey::Unsupported),
            }
        }
        RSA_ENCRYPTION => Ok(PublicKey::Rsa(key.to_vec())),
        _ => Err(NoKey::Unsupported),
    }
}

/// The contents of the next element, which must be a `tag`.
fn expect<'a>(reader: &mut Reader<'a>, tag: u8) -> Result<&'a [u8], NoKey> {
    match element(reader)? {
        (found, contents) if found == tag => Ok(contents),
        _ => Err(NoKey::Malformed),
    }
}

/// Tag and contents of the next element. Tags above 30 do not occur where this is used; lengths
/// must be definite and below 2^24.
fn element<'a>(reader: &mut Reader<'a>) -> Result<(u8, &'a [u8]), NoKey> {
    let tag = reader.u8()?;
    let len = match reader.u8()? {
        short @ 0..=0x7F => u32::from(short),
        0x81 => u32::from(reader.u8()?),
        0x82 => u32::from(reader.u16()?),
        0x83 => reader.u24()?,
        _ => return Err(NoKey::Malformed),
    };
    Ok((tag, reader.take(len as usize)?))
}

/// The TBSCertificate of a self-signed P-256 certificate. `serial` is a positive INTEGER's bytes,
/// `public` an uncompressed point.
pub(crate) fn to_be_signed(
    serial: &[u8],
    not_before: UnixTime,
    not_after: UnixTime,
    public: &[u8],
) -> Vec<u8> {
    let version_3 = tlv(CONTEXT_0, &[&tlv(INTEGER, &[&[2]])]);
    let name = tlv(
        SEQUENCE,
        &[&tlv(
            SET,
            &[&tlv(
                SEQUENCE,
                &[&tlv(OID, &[COMMON_NAME]), &tlv(UTF8_STRING, &[NAME])],
            )],
        )],
    );
    let key_algorithm = tlv(
        SEQUENCE,
        &[&tlv(OID, &[EC_PUBLIC_KEY]), &tlv(OID, &[SECP256R1])],
    );
    tlv(
        SEQUENCE,
        &[
            &version_3,
            &tlv(INTEGER, &[serial]),
            &signature_algorithm(),
            &name,
            &tlv(SEQUENCE, &[&time(not_before), &time(not_after)]),
            &name,
            &tlv(
                SEQUENCE,
                &[&key_algorithm, &tlv(BIT_STRING, &[&[0], public])],
            ),
        ],
    )
}

/// The certificate of `tbs` under its `signature` (a DER ECDSA-Sig-Value).
pub(crate) fn certificate(tbs: &[u8], signature: &[u8]) -> Vec<u8> {
    tlv(
        SEQUENCE,
        &[
            tbs,
            &signature_algorithm(),
            &tlv(BIT_STRING, &[&[0], signature]),
        ],
    )
}

/// RFC 5758 section 3.2: no parameters.
fn signature_algorithm() -> Vec<u8> {
    tlv(SEQUENCE, &[&tlv(OID, &[ECDSA_WITH_SHA256])])
}

/// One element. Contents here stay far below 64 KiB.
fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let len = parts
        .iter()
        .fold(0_usize, |sum, part| sum.saturating_add(part.len()));
    let mut out = Vec::with_capacity(len.saturating_add(4));
    out.push(tag);
    let [.., high, low] = len.to_be_bytes();
    match len {
        0..=0x7F => out.push(low),
        0x80..=0xFF => out.extend_from_slice(&[0x81, low]),
        _ => out.extend_from_slice(&[0x82, high, low]),
    }
    for part in parts {
        out.extend_from_slice(part);
    }
    out
}

/// RFC 5280 section 4.1.2.5: UTCTime through 2049, GeneralizedTime from 2050 on.
fn time(at: UnixTime) -> Vec<u8> {
    let seconds = at.as_secs();
    let (year, month, day) = civil_from_days(seconds / 86_400);
    let of_day = seconds % 86_400;
    let fields = [month, day, of_day / 3_600, of_day / 60 % 60, of_day % 60];
    let mut text = Vec::with_capacity(15);
    let tag = if year < 2_050 {
        UTC_TIME
    } else {
        push_two_digits(&mut text, year / 100);
        GENERALIZED_TIME
    };
    push_two_digits(&mut text, year % 100);
    for field in fields {
        push_two_digits(&mut text, field);
    }
    text.push(b'Z');
    tlv(tag, &[&text])
}

fn push_two_digits(text: &mut Vec<u8>, value: u64) {
    for digit in [value / 10 % 10, value % 10] {
        text.push(b'0'.saturating_add(u8::try_from(digit).unwrap_or(0)));
    }
}

/// Year, month and day of the Gregorian calendar, `days` after 1970-01-01. Counts in years that
/// start in March, so that the leap day comes last; cut off at the year 9999.
fn civil_from_days(days: u64) -> (u64, u64, u64) {
    const DAYS_PER_ERA: u64 = 146_097;
    const LAST_DAY: u64 = 2_932_896;
    let days = days.min(LAST_DAY).saturating_add(719_468);
    let era = days / DAYS_PER_ERA;
    let of_era = days % DAYS_PER_ERA;
    let year_of_era = of_era
        .saturating_sub(of_era / 1_460)
        .saturating_add(of_era / 36_524)
        .saturating_sub(of_era / 146_096)
        / 365;
    let of_year = of_era.saturating_sub(
        year_of_era
            .saturating_mul(365)
            .saturating_add(year_of_era / 4)
            .saturating_sub(year_of_era / 100),
    );
    let shifted_month = of_year.saturating_mul(5).saturating_add(2) / 153;
    let day = of_year
        .saturating_sub(shifted_month.saturating_mul(153).saturating_add(2) / 5)
        .saturating_add(1);
    let month = if shifted_month < 10 {
        shifted_month.saturating_add(3)
    } else {
        shifted_month.saturating_sub(9)
    };
    let year = year_of_era
        .saturating_add(era.saturating_mul(400))
        .saturating_add(u64::from(month <= 2));
    (year, month, day)
}

#[cfg(test)]
mod tests;
