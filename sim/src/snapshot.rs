//! Figures kept in the repository.

use std::path::PathBuf;

/// Compares `text` with `snapshots/name`; with `UPDATE_SNAPSHOTS=1` in the environment it is written
/// instead. Lines that begin with `str0m` may differ by what that peer's own dice make of them: each
/// number by half, or by ten.
pub fn compare(name: &str, text: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("snapshots")
        .join(name);
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        std::fs::write(&path, text).expect("a place for the snapshot");
        return;
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    let same = kept.lines().count() == text.lines().count()
        && kept
            .lines()
            .zip(text.lines())
            .all(|(kept, now)| kept == now || (kept.starts_with("str0m") && is_near(kept, now)));
    assert!(
        same,
        "{name} differs; UPDATE_SNAPSHOTS=1 writes it anew\n--- kept\n{kept}\n--- now\n{text}"
    );
}

fn is_near(kept: &str, now: &str) -> bool {
    let (kept, now) = (kept.split_whitespace(), now.split_whitespace());
    kept.clone().count() == now.clone().count()
        && kept.zip(now).all(
            |(kept, now)| match (kept.parse::<f64>(), now.parse::<f64>()) {
                (Ok(kept), Ok(now)) => (kept - now).abs() <= (kept.abs() / 2.0).max(10.0),
                _ => kept == now,
            },
        )
}

#[cfg(test)]
mod tests {
    use super::is_near;

    #[test]
    fn numbers_may_differ_by_half_and_words_not_at_all() {
        assert!(is_near("str0m 90 0.5", "str0m 130 8.2"));
        assert!(!is_near("str0m 90", "str0m 140"));
        assert!(!is_near("str0m 90", "ours 90"));
    }
}
