//! The one table.

use std::fmt::Write as _;

/// Rows of what was measured: ours, str0m's, and what the budget of the design says.
#[derive(Debug, Default)]
pub struct Table {
    rows: Vec<[String; 4]>,
}

impl Table {
    /// Adds a row and prints it, so that a long run shows its progress.
    pub fn row(&mut self, what: &str, ours: String, theirs: String, budget: &str) {
        println!("{what}: {ours} | str0m {theirs}");
        self.rows.push([what.into(), ours, theirs, budget.into()]);
    }

    /// The table as Markdown.
    #[must_use]
    pub fn markdown(&self) -> String {
        let mut text =
            String::from("| what | ours | str0m 0.25 | budget |\n| --- | --- | --- | --- |\n");
        for [what, ours, theirs, budget] in &self.rows {
            let _ = writeln!(text, "| {what} | {ours} | {theirs} | {budget} |");
        }
        text
    }
}
