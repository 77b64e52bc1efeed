//! The history ring and the cursors into it.
