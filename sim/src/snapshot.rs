//! Figures kept in the repository.

use std::path::PathBuf;

/// Compares `text` with `snapshots/name`; with `UPDATE_SNAPSHOTS=1` in the environment it is written
/// instead.
pub fn compare(name: &str, text: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("snapshots").join(name);
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        std::fs::write(&path, text).expect("a place for the snapshot");
        return;
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept == text,
        "{name} differs; UPDATE_SNAPSHOTS=1 writes it anew\n--- kept\n{kept}\n--- now\n{text}"
    );
}
