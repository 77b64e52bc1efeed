//! The server's transitions.

use alloc::vec::Vec;

use smolrtc_crypto::Provider;

use super::handshake::{Handshake, Progress, Step};
use crate::Error;
use crate::key_schedule::Sender;
use crate::message::{self, ClientHello, ServerHelloRepr, ServerKeyExchange, Signed, kind};
use crate::suite::{ECDSA_SHA256, signature_schemes};

pub(super) fn advance(this: &mut Handshake, provider: &dyn Provider) -> Result<Progress, Error> {
    // The agreement may come back at any time after the ClientKeyExchange, and the client's Finished
    // cannot be opened before.
    if this.shared.is_some() {
        this.derive(provider)?;
        return Ok(Progress::Keys);
    }
    match this.step {
        Step::ClientHello => client_hello(this),
        Step::ServerKey => {
            let (Some(key), Some(group)) = (&this.key, this.group) else {
                return Ok(Progress::Wait);
            };
            let mut signed = Vec::with_capacity(64 + 4 + 65);
            signed.extend_from_slice(&this.client_random);
            signed.extend_from_slice(&this.server_random);
            signed.extend_from_slice(&ServerKeyExchange::params(group, &key.public));
            this.sign(signed);
            this.step = Step::ServerSignature;
            Ok(Progress::Again)
        }
        Step::ServerSignature => {
            let Some(signature) = this.signature.take() else {
                return Ok(Progress::Wait);
            };
            write_flight(this, provider, &signature)?;
            this.step = Step::ClientCertificate;
            Ok(Progress::Send(core::mem::take(&mut this.flight)))
        }
        Step::ClientCertificate => {
            let Some(message) = this.pop_kind(kind::CERTIFICATE)? else {
                return Ok(Progress::Wait);
            };
            this.accept_certificate(provider, &message.body)?;
            this.record(&message);
            this.step = Step::ClientKeyExchange;
            Ok(Progress::Again)
        }
        Step::ClientKeyExchange => {
            let Some(message) = this.pop_kind(kind::CLIENT_KEY_EXCHANGE)? else {
                return Ok(Progress::Wait);
            };
            let public = message::parse_client_key_exchange(&message.body)?;
            if this
                .group
                .is_none_or(|group| group.public_len() != public.len())
            {
                return Err(Error::BadKeyShare);
            }
            this.peer_public = public.to_vec();
            this.record(&message);
            this.session_hash_end = this.transcript.len();
            this.agree();
            this.step = Step::CertificateVerify;
            Ok(Progress::Again)
        }
        Step::CertificateVerify => {
            let Some(message) = this.pop_kind(kind::CERTIFICATE_VERIFY)? else {
                return Ok(Progress::Wait);
            };
            let signed = Signed::parse(&message.body)?;
            if !signature_schemes(provider.supports_rsa()).contains(&signed.scheme) {
                return Err(Error::IllegalParameter);
            }
            // Everything before this message (RFC 5246 section 7.4.8).
            this.verify(&signed, this.transcript.clone())?;
            this.record(&message);
            this.step = Step::ClientFinished;
            Ok(Progress::Again)
        }
        Step::ClientFinished => {
            if !this.peer_verified || this.master.is_none() {
                return Ok(Progress::Wait);
            }
            let Some(message) = this.pop_kind(kind::FINISHED)? else {
                return Ok(Progress::Wait);
            };
            this.check_finished(provider, Sender::Client, &message)?;
            this.write_finished(provider, Sender::Server)?;
            Ok(Progress::Complete(core::mem::take(&mut this.flight)))
        }
        _ => Err(Error::UnexpectedMessage),
    }
}

/// Chooses every parameter, each in our order of preference.
fn client_hello(this: &mut Handshake) -> Result<Progress, Error> {
    let Some(message) = this.pop_kind(kind::CLIENT_HELLO)? else {
        return Ok(Progress::Wait);
    };
    let hello = ClientHello::parse(&message.body)?;
    if !hello.speaks_1_2 {
        return Err(Error::ProtocolVersion);
    }
    if hello.renegotiates {
        return Err(Error::Renegotiation);
    }
    if !hello.offers_no_compression() {
        return Err(Error::IllegalParameter);
    }
    if !hello.extended_master_secret {
        return Err(Error::NoExtendedMasterSecret);
    }
    let config = &this.config;
    // Our certificate is ECDSA, always.
    let suite = config
        .cipher_suites
        .iter()
        .copied()
        .find(|suite| !suite.is_rsa() && hello.offers_suite(*suite))
        .ok_or(Error::NothingInCommon)?;
    let group = config
        .groups
        .iter()
        .copied()
        .find(|group| hello.offers_group(*group))
        .ok_or(Error::NothingInCommon)?;
    if !hello.offers_signature(ECDSA_SHA256) {
        return Err(Error::NothingInCommon);
    }
    this.srtp_profile = config
        .srtp_profiles
        .iter()
        .copied()
        .find(|profile| hello.offers_srtp(*profile));
    this.suite = Some(suite);
    this.client_random = hello.random;
    this.point_formats = hello.point_formats;
    this.secure_renegotiation = hello.secure_renegotiation;
    this.choose_group(group);
    this.record(&message);
    this.step = Step::ServerKey;
    Ok(Progress::Again)
}

/// ServerHello to ServerHelloDone.
fn write_flight(
    this: &mut Handshake,
    provider: &dyn Provider,
    signature: &[u8],
) -> Result<(), Error> {
    let (Some(suite), Some(group), Some(key)) = (this.suite, this.group, &this.key) else {
        return Err(Error::Provider);
    };
    let params = ServerKeyExchange::params(group, &key.public);
    let random = this.server_random;
    let hello = ServerHelloRepr {
        random: &random,
        cipher_suite: suite,
        srtp_profile: this.srtp_profile,
        point_formats: this.point_formats,
        secure_renegotiation: this.secure_renegotiation,
    };
    this.write(kind::SERVER_HELLO, 0, |body| hello.emit(body));
    this.write_certificate();
    this.write(kind::SERVER_KEY_EXCHANGE, 0, |body| {
        message::server_key_exchange(body, &params, ECDSA_SHA256, signature);
    });
    this.write(kind::CERTIFICATE_REQUEST, 0, |body| {
        message::certificate_request(body, provider.supports_rsa());
    });
    this.write(kind::SERVER_HELLO_DONE, 0, |_| {});
    Ok(())
}
