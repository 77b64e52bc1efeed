//! Records.
/// Bytes that precede the plaintext in the buffer given to [`Connection::seal`](crate::Connection::seal).
pub const RECORD_OVERHEAD_HEAD: usize = 13 + 8;
/// Bytes that follow it.
pub const RECORD_OVERHEAD_TAIL: usize = 16;
/// Both together.
pub const RECORD_OVERHEAD: usize = RECORD_OVERHEAD_HEAD + RECORD_OVERHEAD_TAIL;
