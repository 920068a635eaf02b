//! One record of the write-ahead log: a header and an event's canonical line. See docs/formats/wal.md.
//!
//! Not a file: [`encode`] adds to a buffer, [`scan`] finds every whole record in the bytes of a segment,
//! whatever lies between them. A record is whole when its checksum fits and its line is an event with the
//! record's number; anything else is passed over, never trusted, and never panics. What a hole *means* (a torn
//! write or damage) is decided in `replay`.

use model::Event;

/// The first bytes of each record: the format's name and version.
pub(super) const MAGIC: &[u8; 4] = b"LWA1";

const LENGTH: usize = MAGIC.len();
const LEAD: usize = LENGTH + size_of::<u32>();
const SEQ: usize = LEAD + size_of::<u32>();
const CHECKSUM: usize = SEQ + size_of::<u64>();
/// The bytes before the line.
pub(super) const HEADER: usize = CHECKSUM + size_of::<u32>();
/// Records begin at multiples of this, in bytes.
pub(super) const ALIGNMENT: usize = 8;

/// A whole record, as found in a segment.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Record {
    /// Where it begins in the segment.
    pub(super) offset: usize,
    /// Where the next one would begin.
    pub(super) end: usize,
    /// The number of the first event of the append that wrote it.
    pub(super) start: u64,
    /// What it says.
    pub(super) event: Event,
}

/// The bytes that a line takes in a segment.
pub(super) fn space(line: &str) -> usize {
    (HEADER + line.len()).next_multiple_of(ALIGNMENT)
}

/// Adds the record of event `seq`, which has `lead` events before it in the same append.
pub(super) fn encode(out: &mut Vec<u8>, seq: u64, lead: u32, line: &str) {
    let begin = out.len();
    let length = u32::try_from(line.len()).expect("because an event's line is at most 16 KiB long");
    out.extend_from_slice(MAGIC);
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(&lead.to_le_bytes());
    out.extend_from_slice(&seq.to_le_bytes());
    let sum = checksum(&out[begin..], line.as_bytes());
    out.extend_from_slice(&sum.to_le_bytes());
    out.extend_from_slice(line.as_bytes());
    out.resize(begin + space(line), 0);
}

/// Every whole record in a segment, in the order of their offsets.
pub(super) fn scan(segment: &[u8]) -> Vec<Record> {
    let mut records = Vec::new();
    let mut at = 0;
    while at + HEADER <= segment.len() {
        match decode(segment, at) {
            Some(record) => {
                at = record.end;
                records.push(record);
            }
            None => at += ALIGNMENT,
        }
    }
    records
}

fn decode(segment: &[u8], offset: usize) -> Option<Record> {
    let bytes = segment.get(offset..)?;
    if !bytes.starts_with(MAGIC) {
        return None;
    }
    let length = usize::try_from(u32_at(bytes, LENGTH)?).ok()?;
    let line = bytes.get(HEADER..HEADER.checked_add(length)?)?;
    if checksum(&bytes[..CHECKSUM], line) != u32_at(bytes, CHECKSUM)? {
        return None;
    }
    let line = std::str::from_utf8(line).ok()?;
    let event = Event::parse(line).ok()?;
    let seq = u64::from_le_bytes(bytes.get(SEQ..CHECKSUM)?.try_into().ok()?);
    let start = seq.checked_sub(u64::from(u32_at(bytes, LEAD)?))?;
    (event.seq == seq).then(|| Record { offset, end: offset + space(line), start, event })
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + size_of::<u32>())?.try_into().ok()?))
}

fn checksum(header: &[u8], line: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(header), line)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wal::tests::event;

    fn segment(seqs: std::ops::RangeInclusive<u64>) -> Vec<u8> {
        let mut bytes = Vec::new();
        for seq in seqs {
            encode(&mut bytes, seq, 0, &event(seq).to_line().unwrap());
        }
        bytes.resize(4096, 0);
        bytes
    }

    fn seqs(bytes: &[u8]) -> Vec<u64> {
        scan(bytes).iter().map(|record| record.event.seq).collect()
    }

    #[test]
    fn records_come_back_in_their_order() {
        assert_eq!(seqs(&segment(1..=5)), [1, 2, 3, 4, 5]);
    }

    #[test]
    fn any_flipped_bit_of_a_record_hides_that_record_and_no_other() {
        let bytes = segment(1..=3);
        let records = scan(&bytes);
        let padding = space(&event(2).to_line().unwrap()) - HEADER - event(2).to_line().unwrap().len();
        for at in records[1].offset..records[1].end - padding {
            for bit in 0..8 {
                let mut damaged = bytes.clone();
                damaged[at] ^= 1 << bit;
                assert_eq!(seqs(&damaged), [1, 3], "byte {at}, bit {bit}");
            }
        }
    }

    #[test]
    fn a_cut_at_any_byte_leaves_the_whole_records_before_it() {
        let bytes = segment(1..=3);
        for (cut, record) in
            scan(&bytes).iter().flat_map(|r| (r.offset..r.end - ALIGNMENT).map(move |c| (c, r)))
        {
            assert_eq!(seqs(&bytes[..cut]).len() as u64, record.event.seq - 1, "cut at {cut}");
        }
    }

    #[test]
    fn a_line_that_spells_a_record_in_its_text_is_one_record() {
        let mut outer = event(7);
        outer.data.insert("text".into(), String::from_utf8_lossy(&segment(1..=1)[..200]).into());
        let mut bytes = Vec::new();
        encode(&mut bytes, 7, 0, &outer.to_line().unwrap());
        assert_eq!(seqs(&bytes), [7]);
    }
}
