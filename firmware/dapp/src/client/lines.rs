//! Cuts bytes as they arrive into lines of bounded length. Pure.

/// A line that does not end in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LineTooLong;

/// The bytes of a line that has not ended yet.
#[derive(Debug)]
pub(super) struct Lines {
    rest: Vec<u8>,
    limit: usize,
}

impl Lines {
    /// Takes lines of at most `limit` bytes without their newline.
    pub(super) fn new(limit: usize) -> Self {
        Self { rest: Vec::new(), limit }
    }

    /// Takes bytes; gives the lines that they end, without newlines and without empty ones.
    pub(super) fn push(&mut self, mut bytes: &[u8]) -> Result<Vec<Vec<u8>>, LineTooLong> {
        let mut lines = Vec::new();
        while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            self.extend(&bytes[..end])?;
            // A new buffer each time: after a snapshot of megabytes a line of bytes shall not keep them.
            lines.push(std::mem::take(&mut self.rest));
            bytes = &bytes[end + 1..];
        }
        self.extend(bytes)?;
        lines.retain(|line| !line.iter().all(u8::is_ascii_whitespace));
        Ok(lines)
    }

    fn extend(&mut self, bytes: &[u8]) -> Result<(), LineTooLong> {
        if self.rest.len() + bytes.len() > self.limit {
            return Err(LineTooLong);
        }
        self.rest.extend_from_slice(bytes);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_out_whole_however_the_bytes_arrive() {
        let text = b"one\ntwo\r\n\n \nthree\n";
        for step in 1..text.len() {
            let mut lines = Lines::new(16);
            let got: Vec<_> = text.chunks(step).flat_map(|bytes| lines.push(bytes).unwrap()).collect();
            assert_eq!(got, [b"one".to_vec(), b"two\r".to_vec(), b"three".to_vec()], "in steps of {step}");
        }
    }

    #[test]
    fn a_line_without_an_end_is_refused_at_its_limit() {
        let mut lines = Lines::new(4);
        assert_eq!(lines.push(b"1234\n12"), Ok(vec![b"1234".to_vec()]));
        assert_eq!(lines.push(b"345"), Err(LineTooLong));
        assert_eq!(Lines::new(4).push(b"12345\n"), Err(LineTooLong));
    }
}
