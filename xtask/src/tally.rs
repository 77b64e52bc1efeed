//! Counting tests across runners.

/// Tests passed, failed and skipped so far.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) passed: u32,
    pub(crate) failed: u32,
    pub(crate) skipped: u32,
}

impl Tally {
    pub(crate) fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }

    pub(crate) fn one(passed: bool) -> Self {
        Self {
            passed: u32::from(passed),
            failed: u32::from(!passed),
            skipped: 0,
        }
    }

    /// An error if anything failed.
    pub(crate) fn green(self) -> Result<(), String> {
        match self.failed {
            0 => Ok(()),
            failed => Err(format!("{failed} failed")),
        }
    }

    /// Adds what a line of a runner's output says: cargo's `test result:` lines, and the
    /// `ok NAME` / `FAILED NAME` / `skipped NAME` lines of the interop runners.
    pub(crate) fn read(&mut self, line: &str) {
        if let Some(rest) = line.strip_prefix("test result: ") {
            self.passed += number_before(rest, " passed");
            self.failed += number_before(rest, " failed");
            self.skipped += number_before(rest, " ignored");
        } else if line.starts_with("ok ") {
            self.passed += 1;
        } else if line.starts_with("FAILED ") {
            self.failed += 1;
        } else if line.starts_with("skipped ") {
            self.skipped += 1;
        }
    }
}

fn number_before(line: &str, word: &str) -> u32 {
    let Some(end) = line.find(word) else { return 0 };
    let digits = line.get(..end).and_then(|head| head.rsplit(' ').next());
    digits.and_then(|digits| digits.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cargo_result_lines_are_counted() {
        let mut tally = Tally::default();
        tally.read("test result: FAILED. 12 passed; 3 failed; 1 ignored; 0 measured; 0 filtered");
        assert_eq!((tally.passed, tally.failed, tally.skipped), (12, 3, 1));
    }

    #[test]
    fn interop_lines_are_counted() {
        let mut tally = Tally::default();
        tally.read("ok a browser sees a picture");
        tally.read("FAILED a browser hears a tone: silence");
        tally.read("okay is no result");
        assert_eq!((tally.passed, tally.failed, tally.skipped), (1, 1, 0));
    }
}
