//! Seeds for the machines' generators.

use smolrtc_base::Rng;

/// A generator seeded from the operating system.
///
/// # Errors
/// When the system has no randomness to give, which no key may be made without.
pub fn system_rng() -> std::io::Result<Rng> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|error| {
        std::io::Error::other(format!("the system gives no random numbers: {error}"))
    })?;
    Ok(Rng::from_seed(seed))
}
