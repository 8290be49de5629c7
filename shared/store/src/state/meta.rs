//! What stands beside a record of the applied state, as bytes.

use ambient::Timestamp;
use plan::{Applied, FieldSet, Meta, Ownership, Parked, Presence};
use roster::{DecodeError, Decoder, PackedRecord, Text, put_bytes, put_varint};

const LMS_ID: u8 = 1;
const PARKED: u8 = 1 << 1;
const IN_DOUBT: u8 = 1 << 2;
const MEMBERS_READ: u8 = 1 << 3;
const DELETE_AFTER: u8 = 1 << 4;
const USER_FIELDS: u8 = 1 << 5;

/// Appends `meta`: a byte of flags, a byte of presence and ownership, then what the flags name.
/// Later versions may add to the end; a reader passes over what it does not know.
pub fn encode(meta: &Meta, out: &mut Vec<u8>) {
    let flag = |on: bool, bit: u8| if on { bit } else { 0 };
    out.push(
        flag(meta.lms_id.is_some(), LMS_ID)
            | flag(meta.parked.is_some(), PARKED)
            | flag(meta.in_doubt, IN_DOUBT)
            | flag(meta.members_read, MEMBERS_READ)
            | flag(meta.delete_after.is_some(), DELETE_AFTER)
            | flag(!meta.user_fields.is_empty(), USER_FIELDS),
    );
    let presence = match meta.presence {
        None => 0,
        Some(Presence::Present) => 1,
        Some(Presence::Suspended) => 2,
        Some(Presence::Removed) => 3,
    };
    let ownership = match meta.ownership {
        Ownership::Created => 0,
        Ownership::Adopted => 1,
        Ownership::Found => 2,
    };
    out.push(presence | ownership << 4);
    put_bytes(out, meta.first_run.as_bytes());
    put_bytes(out, meta.last_run.as_bytes());
    if let Some(lms_id) = &meta.lms_id {
        put_bytes(out, lms_id.as_bytes());
    }
    if let Some(parked) = &meta.parked {
        out.extend_from_slice(&parked.wanted);
        put_bytes(out, parked.answer.as_bytes());
        put_bytes(out, parked.run.as_bytes());
    }
    if let Some(at) = meta.delete_after {
        put_varint(out, at.as_second().max(0) as u64);
    }
    if !meta.user_fields.is_empty() {
        put_varint(out, meta.user_fields.bits());
    }
}

/// Reads what [`encode`] wrote.
pub fn decode(bytes: &[u8]) -> Result<Meta, DecodeError> {
    let mut from = Decoder::new(bytes);
    let flags = from.byte()?;
    let has = |bit: u8| flags & bit != 0;
    let standing = from.byte()?;
    let presence = match standing & 0x0f {
        0 => None,
        1 => Some(Presence::Present),
        2 => Some(Presence::Suspended),
        3 => Some(Presence::Removed),
        _ => return Err(from.expected("a presence")),
    };
    let ownership = match standing >> 4 {
        0 => Ownership::Created,
        1 => Ownership::Adopted,
        2 => Ownership::Found,
        _ => return Err(from.expected("an ownership")),
    };
    let (first_run, last_run) = (Text::new(from.str()?), Text::new(from.str()?));
    let lms_id = has(LMS_ID).then(|| from.str().map(Text::new)).transpose()?;
    let parked = has(PARKED).then(|| parked(&mut from)).transpose()?;
    let delete_after = has(DELETE_AFTER).then(|| time(&mut from)).transpose()?;
    let user_fields = has(USER_FIELDS).then(|| from.varint()).transpose()?;
    let user_fields = user_fields.map(FieldSet::from_bits).unwrap_or_default();
    Ok(Meta {
        presence,
        ownership,
        lms_id,
        first_run,
        last_run,
        parked,
        in_doubt: has(IN_DOUBT),
        members_read: has(MEMBERS_READ),
        delete_after,
        user_fields,
    })
}

fn parked(from: &mut Decoder<'_>) -> Result<Parked, DecodeError> {
    let mut wanted = [0; 16];
    wanted.copy_from_slice(from.take(16)?);
    Ok(Parked { wanted, answer: Text::new(from.str()?), run: Text::new(from.str()?) })
}

fn time(from: &mut Decoder<'_>) -> Result<Timestamp, DecodeError> {
    let seconds = i64::try_from(from.varint()?).ok();
    let time = seconds.and_then(|seconds| Timestamp::from_second(seconds).ok());
    time.ok_or_else(|| from.expected("a time"))
}

/// A record of the applied state with what stands beside it.
pub fn decode_applied(packed: PackedRecord<'_>) -> Result<Applied, DecodeError> {
    Ok(Applied { record: packed.decode()?, meta: decode(packed.side)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full() -> Meta {
        let parked =
            Parked { wanted: [7; 16], answer: Text::new("shortnametaken"), run: Text::new("r1") };
        Meta {
            presence: Some(Presence::Present),
            ownership: Ownership::Created,
            lms_id: Some(Text::new("4711")),
            first_run: Text::new("r0"),
            last_run: Text::new("r1"),
            parked: Some(parked),
            in_doubt: true,
            members_read: true,
            delete_after: Some(Timestamp::from_second(1_800_000_000).unwrap()),
            user_fields: FieldSet::from_bits(1 << 11 | 1 << 40),
        }
    }

    fn bytes(meta: &Meta) -> Vec<u8> {
        let mut bytes = Vec::new();
        encode(meta, &mut bytes);
        bytes
    }

    #[test]
    fn every_combination_comes_back() {
        let presences =
            [None, Some(Presence::Present), Some(Presence::Suspended), Some(Presence::Removed)];
        let ownerships = [Ownership::Created, Ownership::Adopted, Ownership::Found];
        for number in 0..=0b11_1111u8 {
            let on = |bit: u8| number & (1 << bit) != 0;
            for presence in presences {
                for ownership in ownerships {
                    let full = full();
                    let meta = Meta {
                        presence,
                        ownership,
                        lms_id: full.lms_id.filter(|_| on(0)),
                        parked: full.parked.filter(|_| on(1)),
                        in_doubt: on(2),
                        members_read: on(3),
                        delete_after: full.delete_after.filter(|_| on(4)),
                        user_fields: if on(5) { full.user_fields } else { FieldSet::default() },
                        ..full
                    };
                    let bytes = bytes(&meta);
                    assert_eq!(decode(&bytes).unwrap(), meta);
                    for cut in 0..bytes.len() {
                        assert!(decode(&bytes[..cut]).is_err(), "{number:b} cut at {cut}");
                    }
                }
            }
        }
    }

    #[test]
    fn what_a_later_version_adds_is_passed_over_and_what_it_changes_is_an_error() {
        let good = bytes(&full());
        assert_eq!(decode(&[good.clone(), vec![1, 2, 3]].concat()).unwrap(), full());
        for standing in [0x04, 0x0f, 0x30, 0xf0] {
            let mut bytes = good.clone();
            bytes[1] = standing;
            assert!(decode(&bytes).is_err(), "{standing:#x}");
        }
        // A time before all time is as good as one that is over.
        let past = Meta { delete_after: Some(Timestamp::MIN), ..full() };
        assert_eq!(decode(&bytes(&past)).unwrap().delete_after, Some(Timestamp::UNIX_EPOCH));
        let mut never = full();
        never.delete_after = None;
        never.user_fields = FieldSet::default();
        let mut beyond = bytes(&never);
        beyond[0] |= DELETE_AFTER;
        put_varint(&mut beyond, u64::MAX);
        assert!(decode(&beyond).is_err(), "no such time");
    }
}
