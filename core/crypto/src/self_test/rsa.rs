//! Known answers for RSA, made with OpenSSL 3.0: `dgst -sign` over "sample", salt of 32 bytes.

use super::{SelfTestError, ensure, hex};
use crate::{Job, JobResult, Provider, PublicKey, SignatureScheme};

const KEY: [u8; 270] = hex(
    "3082010a0282010100c490494faaae18e9f208af0ee3686907e2de2709c9f1e23ae91bbddf2a3e43a3b7de4b\
    ce94f261cc6a7fb0553567046ce3c3c36661cab63a4b3d19e1472f63df636f9f9298be0fac4aa684ff8dc6ff\
    28194350923df44ea0e84f6c3edfcb89dec47fb982cb7489a6de616d61498d1db816200f46347eb88ff5b5b4\
    d4ee7735b159fcf76d7619991ff77d0558929c31d4a619943b257de8ea070cf421b548d42d1c7bb6196c311f\
    c04a4487f2c7f445a439941b64024d98973ec7eed96476488b123ca0234d8a66edd54c9c13595cc29fa22caf\
    7fbb045842387154abcbb01d73931615f1e35b651027b1f1eaeb7648b7df15a6e3452ed20e60538a2b41a758\
    6b0203010001",
);

const PKCS1_SHA256: [u8; 256] = hex(
    "60281f47d28f65eca62aa83b08f92bfff5716cde32538a3b286996936650c0353410ec8b62d6abec72affb57\
    ca5583712aa7c2fc549557d570c691a7ee87e2992c562d23d0c016d09af3f85108efdab68c1783ce4833a4b5\
    9110c81bb0ec472b77a818179a560c1f11df2abc8ef31b6761c12d999797b94cab0e388a0fddb59484f268d7\
    8559f1908ab50af72b3f3242ff6ff8ead2e4279855c8fe753a7378763c3ecdfd0cd9ddcee33183f5633e654c\
    f188274cd62ba1c186fcc685ccb66df5bafd2f62b75cbd1d5bd3e0496d58bf8a61d4c2fd6ebfb70a46ddeb37\
    e93f352a287db259965dd5ef02a94827ea41237b70907a979a201d0b5045044131ff1596",
);

const PSS_SHA256: [u8; 256] = hex(
    "6034abe5a9861425f5a562970604059c7b79ef36285218e1f43f4a913e5cd1b0bef0b826535766f7f6ee34b9\
    0573e7c985c5f37e08786144519d5ef67046e14c8c63a0ea4f7c9967ecaa509a29e7bae95aec6292ccc184cc\
    4c47ea44004bf996a11547bc596e79a532b59ed910a99437059c78d0c227933e2bb390a7e49cede75c18bbf6\
    930a6f7c35ed3a4307add24a6c3963fff38e17476c489c99a0835f5769d154b7598e05015648e26cb065f1cd\
    0b45fc4eb3481b1a1a365fe02c65b0e88170a63e6d0bcf9f2219fb1fc37dc89c05ea2f66e7e85a68e27f79d9\
    c9980c02137f4e0e54f1eb112322fba126d9ce3d923c2c49a3f6f20bfcc3a56e62a72947",
);

pub(super) fn self_test(provider: &dyn Provider) -> Result<(), SelfTestError> {
    let verify = |scheme, signature: &[u8], message: &[u8]| {
        provider.run(&Job::Verify {
            scheme,
            public: PublicKey::Rsa(KEY.to_vec()),
            message: message.to_vec(),
            signature: signature.to_vec(),
        })
    };
    let known: [(SignatureScheme, &[u8], &'static str); 2] = [
        (
            SignatureScheme::RsaPkcs1Sha256,
            &PKCS1_SHA256,
            "RSA PKCS#1 v1.5",
        ),
        (SignatureScheme::RsaPssSha256, &PSS_SHA256, "RSA-PSS"),
    ];
    for (scheme, signature, name) in known {
        ensure(
            verify(scheme, signature, b"sample") == JobResult::Valid,
            name,
        )?;
        let wrong = verify(scheme, signature, b"simple");
        ensure(matches!(wrong, JobResult::Failed(_)), name)?;
    }
    Ok(())
}
