//! Reading and writing network byte order without a way to go out of bounds.
//!
//! Every parser and writer of the crate stands on this file: a read past the end is `None`, a write
//! past the end is remembered, and the writer then reports that the whole did not fit.

/// Reads big-endian fields off the front of a slice.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Starts at the front of `bytes`.
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// What has not been read yet.
    pub(crate) const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// The next `count` bytes, or `None` (and nothing read) if there are fewer.
    #[inline]
    pub(crate) fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (head, tail) = self.rest.split_at_checked(count)?;
        self.rest = tail;
        Some(head)
    }

    #[inline]
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, tail) = self.rest.split_first_chunk::<N>()?;
        self.rest = tail;
        Some(*head)
    }

    /// The next byte.
    #[inline]
    pub(crate) fn u8(&mut self) -> Option<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    /// The next two bytes.
    #[inline]
    pub(crate) fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_be_bytes)
    }

    /// The next four bytes.
    #[inline]
    pub(crate) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    /// The next eight bytes.
    #[inline]
    pub(crate) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_be_bytes)
    }
}

/// Writes big-endian fields into a slice, front to back.
#[derive(Debug)]
pub(crate) struct Writer<'a> {
    out: &'a mut [u8],
    at: usize,
    overflowed: bool,
}

impl<'a> Writer<'a> {
    /// Starts at the front of `out`.
    pub(crate) const fn new(out: &'a mut [u8]) -> Self {
        Self {
            out,
            at: 0,
            overflowed: false,
        }
    }

    /// Bytes written so far.
    pub(crate) const fn len(&self) -> usize {
        self.at
    }

    /// How many more bytes fit.
    pub(crate) const fn room(&self) -> usize {
        self.out.len() - self.at
    }

    /// What has been written so far.
    pub(crate) fn written(&self) -> &[u8] {
        self.out.get(..self.at).unwrap_or_default()
    }

    /// Appends `bytes`.
    #[inline]
    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        let end = self.at.saturating_add(bytes.len());
        match self.out.get_mut(self.at..end) {
            Some(place) if !self.overflowed => {
                place.copy_from_slice(bytes);
                self.at = end;
            }
            _ => self.overflowed = true,
        }
    }

    /// Appends one byte.
    #[inline]
    pub(crate) fn u8(&mut self, value: u8) {
        self.bytes(&[value]);
    }

    /// Appends two bytes.
    #[inline]
    pub(crate) fn u16(&mut self, value: u16) {
        self.bytes(&value.to_be_bytes());
    }

    /// Appends four bytes.
    #[inline]
    pub(crate) fn u32(&mut self, value: u32) {
        self.bytes(&value.to_be_bytes());
    }

    /// Appends eight bytes.
    #[inline]
    pub(crate) fn u64(&mut self, value: u64) {
        self.bytes(&value.to_be_bytes());
    }

    /// Appends zeroes until the length is a multiple of four.
    #[inline]
    pub(crate) fn pad_to_word(&mut self) {
        while !self.at.is_multiple_of(4) && !self.overflowed {
            self.u8(0);
        }
    }

    /// Overwrites two bytes that were written before.
    #[inline]
    pub(crate) fn set_u16(&mut self, at: usize, value: u16) {
        if let Some(place) = self.out.get_mut(at..at.saturating_add(2)) {
            place.copy_from_slice(&value.to_be_bytes());
        }
    }

    /// The length of the whole, or 0 if it did not fit.
    pub(crate) const fn finish(self) -> usize {
        if self.overflowed { 0 } else { self.at }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_read_past_the_end_takes_nothing() {
        let mut reader = Reader::new(&[1, 2, 3]);
        assert_eq!(reader.u32(), None);
        assert_eq!(reader.take(4), None);
        assert_eq!(reader.u16(), Some(0x0102));
        assert_eq!(reader.rest(), &[3]);
    }

    #[test]
    fn a_write_past_the_end_makes_the_whole_nothing() {
        let mut out = [0; 3];
        let mut writer = Writer::new(&mut out);
        writer.u16(0x0102);
        writer.u16(0x0304);
        writer.u8(5);
        assert_eq!(writer.finish(), 0);
        assert_eq!(out, [1, 2, 0]);
    }

    #[test]
    fn padding_goes_to_the_next_word_and_no_further() {
        for (length, padded) in [(0, 0), (1, 4), (3, 4), (4, 4), (5, 8)] {
            let mut out = [0xff; 8];
            let mut writer = Writer::new(&mut out);
            writer.bytes(&[7; 5][..length]);
            writer.pad_to_word();
            assert_eq!(writer.finish(), padded, "after {length} bytes");
        }
    }
}
