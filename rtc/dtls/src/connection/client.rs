//! The client's transitions.

use alloc::vec::Vec;

use smolrtc_crypto::Provider;

use super::handshake::{Handshake, Progress, Step};
use crate::key_schedule::Sender;
use crate::message::{
    self, CertificateRequest, ClientHelloRepr, HelloVerifyRequest, ServerHello, ServerKeyExchange,
    Signed, kind,
};
use crate::record::DTLS_1_2;
use crate::suite::{ECDSA_SHA256, signature_schemes};
use crate::{CipherSuite, Error, NamedGroup};
use smolrtc_crypto::PublicKey;

/// HelloVerifyRequests answered. One is usual; a server that changes its secret sends a second.
const MAX_COOKIES: u8 = 3;

/// Writes the ClientHello that starts it all, or the one that returns a cookie.
pub(super) fn write_hello(this: &mut Handshake, provider: &dyn Provider, cookie: &[u8]) {
    let random = this.client_random;
    let (suites, groups) = (this.config.cipher_suites, this.config.groups);
    let profiles = core::mem::take(&mut this.config.srtp_profiles);
    this.write(kind::CLIENT_HELLO, 0, |body| {
        ClientHelloRepr {
            random: &random,
            cookie,
            cipher_suites: suites,
            groups,
            srtp_profiles: &profiles,
            rsa: provider.supports_rsa(),
        }
        .emit(body);
    });
    this.config.srtp_profiles = profiles;
}

pub(super) fn advance(this: &mut Handshake, provider: &dyn Provider) -> Result<Progress, Error> {
    match this.step {
        Step::ServerHello => server_hello(this, provider),
        Step::ServerCertificate => {
            let Some(message) = this.pop_kind(kind::CERTIFICATE)? else {
                return Ok(Progress::Wait);
            };
            this.accept_certificate(provider, &message.body)?;
            let is_rsa = matches!(this.peer_key, Some(PublicKey::Rsa(_)));
            if this.suite.is_none_or(|suite| suite.is_rsa() != is_rsa) {
                return Err(Error::IllegalParameter);
            }
            this.record(&message);
            this.step = Step::ServerKeyExchange;
            Ok(Progress::Again)
        }
        Step::ServerKeyExchange => server_key_exchange(this, provider),
        Step::CertificateRequest => {
            let Some(message) = this.pop() else {
                return Ok(Progress::Wait);
            };
            match message.kind {
                kind::CERTIFICATE_REQUEST => {}
                // A server that does not ask cannot know whom it talks to.
                kind::SERVER_HELLO_DONE => return Err(Error::NoPeerCertificate),
                _ => return Err(Error::UnexpectedMessage),
            }
            if !CertificateRequest::parse(&message.body)?.admits_ecdsa(ECDSA_SHA256) {
                return Err(Error::NothingInCommon);
            }
            this.record(&message);
            this.step = Step::ServerHelloDone;
            Ok(Progress::Again)
        }
        Step::ServerHelloDone => {
            let Some(message) = this.pop_kind(kind::SERVER_HELLO_DONE)? else {
                return Ok(Progress::Wait);
            };
            if !message.body.is_empty() {
                return Err(Error::Decode);
            }
            this.record(&message);
            this.step = Step::ClientKey;
            Ok(Progress::Again)
        }
        Step::ClientKey => {
            let Some(key) = &this.key else {
                return Ok(Progress::Wait);
            };
            let public = key.public.clone();
            this.write_certificate();
            this.write(kind::CLIENT_KEY_EXCHANGE, 0, |body| {
                message::client_key_exchange(body, &public);
            });
            this.session_hash_end = this.transcript.len();
            this.agree();
            this.sign(this.transcript.clone());
            this.step = Step::ClientSignature;
            Ok(Progress::Again)
        }
        Step::ClientSignature => {
            // Nothing leaves before the server has proved that it holds the certificate's key.
            if !this.peer_verified || this.shared.is_none() {
                return Ok(Progress::Wait);
            }
            let Some(signature) = this.signature.take() else {
                return Ok(Progress::Wait);
            };
            this.derive(provider)?;
            this.write(kind::CERTIFICATE_VERIFY, 0, |body| {
                Signed {
                    scheme: ECDSA_SHA256,
                    signature: &signature,
                }
                .emit(body);
            });
            this.write_finished(provider, Sender::Client)?;
            this.step = Step::ServerFinished;
            Ok(Progress::Keys)
        }
        Step::ServerFinished => {
            // The flight written in the last step goes out once the keys are in place.
            if !this.flight.is_empty() {
                return Ok(Progress::Send(core::mem::take(&mut this.flight)));
            }
            let Some(message) = this.pop_kind(kind::FINISHED)? else {
                return Ok(Progress::Wait);
            };
            this.check_finished(provider, Sender::Server, &message)?;
            Ok(Progress::Complete(Vec::new()))
        }
        _ => Err(Error::UnexpectedMessage),
    }
}

fn server_hello(this: &mut Handshake, provider: &dyn Provider) -> Result<Progress, Error> {
    if !this.flight.is_empty() {
        return Ok(Progress::Send(core::mem::take(&mut this.flight)));
    }
    let Some(message) = this.pop() else {
        return Ok(Progress::Wait);
    };
    match message.kind {
        kind::HELLO_VERIFY_REQUEST if this.cookies < MAX_COOKIES => {
            // RFC 6347 section 4.2.1: the same ClientHello with the cookie; neither the first one
            // nor the request enters the transcript.
            let request = HelloVerifyRequest::parse(&message.body)?;
            this.cookies = this.cookies.saturating_add(1);
            this.transcript.clear();
            write_hello(this, provider, request.cookie);
            return Ok(Progress::Send(core::mem::take(&mut this.flight)));
        }
        kind::SERVER_HELLO => {}
        _ => return Err(Error::UnexpectedMessage),
    }
    let hello = ServerHello::parse(&message.body)?;
    if hello.version != DTLS_1_2 {
        return Err(Error::ProtocolVersion);
    }
    if hello.has_unsolicited_extension {
        return Err(Error::UnsupportedExtension);
    }
    if hello.renegotiates {
        return Err(Error::Renegotiation);
    }
    let suite = CipherSuite::from_id(hello.cipher_suite)
        .filter(|suite| this.config.cipher_suites.contains(suite))
        .filter(|suite| provider.supports_rsa() || !suite.is_rsa())
        .ok_or(Error::IllegalParameter)?;
    let is_srtp_offered = hello
        .srtp_profile
        .is_none_or(|profile| this.config.srtp_profiles.contains(&profile));
    if hello.compression != 0 || hello.has_mki || !is_srtp_offered {
        return Err(Error::IllegalParameter);
    }
    if !hello.extended_master_secret {
        return Err(Error::NoExtendedMasterSecret);
    }
    this.server_random = hello.random;
    this.suite = Some(suite);
    this.srtp_profile = hello.srtp_profile;
    this.record(&message);
    this.step = Step::ServerCertificate;
    Ok(Progress::Again)
}

fn server_key_exchange(this: &mut Handshake, provider: &dyn Provider) -> Result<Progress, Error> {
    let Some(message) = this.pop_kind(kind::SERVER_KEY_EXCHANGE)? else {
        return Ok(Progress::Wait);
    };
    let exchange = ServerKeyExchange::parse(&message.body)?;
    let group = NamedGroup::from_id(exchange.group)
        .filter(|group| this.config.groups.contains(group))
        .ok_or(Error::IllegalParameter)?;
    if exchange.public.len() != group.public_len() {
        return Err(Error::BadKeyShare);
    }
    if !signature_schemes(provider.supports_rsa()).contains(&exchange.signed.scheme) {
        return Err(Error::IllegalParameter);
    }
    let mut signed = Vec::with_capacity(exchange.params.len().saturating_add(64));
    signed.extend_from_slice(&this.client_random);
    signed.extend_from_slice(&this.server_random);
    signed.extend_from_slice(exchange.params);
    this.verify(&exchange.signed, signed)?;
    this.peer_public = exchange.public.to_vec();
    this.choose_group(group);
    this.record(&message);
    this.step = Step::CertificateRequest;
    Ok(Progress::Again)
}
