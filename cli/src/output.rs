//! Lines for whoever started the program.

use std::io::Write as _;

/// A line on standard output. A reader that has gone ends nothing.
pub(crate) fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{text}").and_then(|()| out.flush());
}

/// A line on standard error.
pub(crate) fn complain(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "kvs: {text}");
}
