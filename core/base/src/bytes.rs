//! Cursors over byte slices whose every step is checked.

/// The input ended before the field did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Truncated;

/// The output buffer cannot hold what was to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BufferTooSmall;

/// Reads big-endian fields from the front of a slice.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Starts at the first byte of `bytes`.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// What has not been read yet.
    #[must_use]
    pub const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Bytes left.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.rest.len()
    }

    /// Whether nothing is left.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The next `len` bytes.
    pub const fn take(&mut self, len: usize) -> Result<&'a [u8], Truncated> {
        match self.rest.split_at_checked(len) {
            Some((head, rest)) => {
                self.rest = rest;
                Ok(head)
            }
            None => Err(Truncated),
        }
    }

    /// The next `N` bytes as an array.
    pub const fn array<const N: usize>(&mut self) -> Result<[u8; N], Truncated> {
        match self.rest.split_first_chunk::<N>() {
            Some((head, rest)) => {
                self.rest = rest;
                Ok(*head)
            }
            None => Err(Truncated),
        }
    }

    /// Skips `len` bytes.
    pub const fn skip(&mut self, len: usize) -> Result<(), Truncated> {
        match self.take(len) {
            Ok(_) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// An 8-bit field.
    pub const fn u8(&mut self) -> Result<u8, Truncated> {
        match self.array::<1>() {
            Ok([byte]) => Ok(byte),
            Err(error) => Err(error),
        }
    }

    /// A 16-bit field, network order.
    pub fn u16(&mut self) -> Result<u16, Truncated> {
        self.array().map(u16::from_be_bytes)
    }

    /// A 24-bit field, network order.
    pub fn u24(&mut self) -> Result<u32, Truncated> {
        self.array::<3>()
            .map(|[a, b, c]| u32::from_be_bytes([0, a, b, c]))
    }

    /// A 32-bit field, network order.
    pub fn u32(&mut self) -> Result<u32, Truncated> {
        self.array().map(u32::from_be_bytes)
    }

    /// A 48-bit field, network order.
    pub fn u48(&mut self) -> Result<u64, Truncated> {
        self.array::<6>()
            .map(|[a, b, c, d, e, f]| u64::from_be_bytes([0, 0, a, b, c, d, e, f]))
    }

    /// A 64-bit field, network order.
    pub fn u64(&mut self) -> Result<u64, Truncated> {
        self.array().map(u64::from_be_bytes)
    }

    /// A vector preceded by its 8-bit length (TLS `opaque<0..2^8-1>`).
    pub fn vec8(&mut self) -> Result<&'a [u8], Truncated> {
        let len = self.u8()?;
        self.take(usize::from(len))
    }

    /// A vector preceded by its 16-bit length.
    pub fn vec16(&mut self) -> Result<&'a [u8], Truncated> {
        let len = self.u16()?;
        self.take(usize::from(len))
    }

    /// A vector preceded by its 24-bit length.
    pub fn vec24(&mut self) -> Result<&'a [u8], Truncated> {
        let len = self.u24()?;
        self.take(len as usize)
    }
}

/// Writes big-endian fields to the front of a caller's buffer.
#[derive(Debug)]
pub struct Writer<'a> {
    buf: &'a mut [u8],
    len: usize,
}

impl<'a> Writer<'a> {
    /// Starts at the first byte of `buf`.
    #[must_use]
    pub const fn new(buf: &'a mut [u8]) -> Self {
        Self { buf, len: 0 }
    }

    /// Bytes written so far.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether nothing was written yet.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Bytes that still fit.
    #[must_use]
    pub const fn remaining(&self) -> usize {
        self.buf.len().saturating_sub(self.len)
    }

    /// What was written so far.
    #[must_use]
    pub fn written(&self) -> &[u8] {
        self.buf.get(..self.len).unwrap_or(&[])
    }

    /// What was written so far, for patching in place.
    pub fn written_mut(&mut self) -> &mut [u8] {
        self.buf.get_mut(..self.len).unwrap_or(&mut [])
    }

    /// The next `len` bytes of the buffer, to be filled by the caller.
    pub fn reserve(&mut self, len: usize) -> Result<&mut [u8], BufferTooSmall> {
        let end = self.len.checked_add(len).ok_or(BufferTooSmall)?;
        let slot = self.buf.get_mut(self.len..end).ok_or(BufferTooSmall)?;
        self.len = end;
        Ok(slot)
    }

    /// Copies `bytes`.
    pub fn put(&mut self, bytes: &[u8]) -> Result<(), BufferTooSmall> {
        self.reserve(bytes.len())?.copy_from_slice(bytes);
        Ok(())
    }

    /// Writes `len` zero bytes.
    pub fn zeros(&mut self, len: usize) -> Result<(), BufferTooSmall> {
        self.reserve(len)?.fill(0);
        Ok(())
    }

    /// An 8-bit field.
    pub fn u8(&mut self, value: u8) -> Result<(), BufferTooSmall> {
        self.put(&[value])
    }

    /// A 16-bit field, network order.
    pub fn u16(&mut self, value: u16) -> Result<(), BufferTooSmall> {
        self.put(&value.to_be_bytes())
    }

    /// A 24-bit field, network order; the upper 8 bits of `value` are dropped.
    pub fn u24(&mut self, value: u32) -> Result<(), BufferTooSmall> {
        let [_, a, b, c] = value.to_be_bytes();
        self.put(&[a, b, c])
    }

    /// A 32-bit field, network order.
    pub fn u32(&mut self, value: u32) -> Result<(), BufferTooSmall> {
        self.put(&value.to_be_bytes())
    }

    /// A 48-bit field, network order; the upper 16 bits of `value` are dropped.
    pub fn u48(&mut self, value: u64) -> Result<(), BufferTooSmall> {
        let [_, _, rest @ ..] = value.to_be_bytes();
        self.put(&rest)
    }

    /// A 64-bit field, network order.
    pub fn u64(&mut self, value: u64) -> Result<(), BufferTooSmall> {
        self.put(&value.to_be_bytes())
    }

    /// Overwrites the 16-bit field that was written at `offset`.
    pub fn patch_u16(&mut self, offset: usize, value: u16) -> Result<(), BufferTooSmall> {
        self.patch(offset, &value.to_be_bytes())
    }

    /// Overwrites the 24-bit field that was written at `offset`.
    pub fn patch_u24(&mut self, offset: usize, value: u32) -> Result<(), BufferTooSmall> {
        let [_, a, b, c] = value.to_be_bytes();
        self.patch(offset, &[a, b, c])
    }

    /// Overwrites `bytes.len()` bytes that were written at `offset`.
    pub fn patch(&mut self, offset: usize, bytes: &[u8]) -> Result<(), BufferTooSmall> {
        let end = offset.checked_add(bytes.len()).ok_or(BufferTooSmall)?;
        self.written_mut()
            .get_mut(offset..end)
            .ok_or(BufferTooSmall)?
            .copy_from_slice(bytes);
        Ok(())
    }

    /// Writes what `body` writes, preceded by its 16-bit length.
    pub fn vec16<E: From<BufferTooSmall>>(
        &mut self,
        body: impl FnOnce(&mut Self) -> Result<(), E>,
    ) -> Result<(), E> {
        let at = self.len;
        self.u16(0)?;
        body(self)?;
        let len = self.len.saturating_sub(at).saturating_sub(2);
        let len = u16::try_from(len).map_err(|_| BufferTooSmall)?;
        Ok(self.patch_u16(at, len)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reading_past_the_end_is_an_error_and_moves_nothing() {
        let mut reader = Reader::new(&[1, 2, 3]);
        assert_eq!(reader.u16(), Ok(0x0102));
        assert_eq!(reader.u16(), Err(Truncated));
        assert_eq!(reader.u8(), Ok(3));
        assert!(reader.is_empty());
    }

    #[test]
    fn a_length_prefix_that_lies_is_an_error() {
        assert_eq!(Reader::new(&[0, 5, 1]).vec16(), Err(Truncated));
        assert_eq!(Reader::new(&[1, 9]).vec8(), Ok(&[9][..]));
    }

    #[test]
    fn a_length_prefix_is_patched_after_its_body() {
        let mut buf = [0; 5];
        let mut writer = Writer::new(&mut buf);
        writer.vec16(|w| w.put(b"abc")).unwrap();
        assert_eq!(writer.written(), b"\0\x03abc");
        assert_eq!(writer.u8(0), Err(BufferTooSmall));
    }
}
