//! Enrollments and group members by their parts, and their bytes without a record in between.

use crate::{
    CourseKey, Enrollment, GroupKey, GroupMember, Kind, PersonKey, Record, Roles, Status, Text,
    Timeframe, Value, put_bytes, put_varint,
};

/// An [`Enrollment`] that borrows what it consists of.
#[derive(Clone, Copy)]
#[expect(missing_docs, reason = "the parts are the fields of `Enrollment`")]
pub struct EnrollmentParts<'a> {
    pub course: &'a str,
    pub person: &'a str,
    pub roles: &'a Roles,
    pub sub_role: Option<&'a Text>,
    pub status: Option<Status>,
    pub timeframe: Option<&'a Timeframe>,
    pub data_source: Option<&'a Text>,
}

impl EnrollmentParts<'_> {
    /// The record that the parts make.
    pub fn to_record(&self) -> Record {
        let (course, person) = (CourseKey::new(self.course), PersonKey::new(self.person));
        let mut enrollment = Enrollment::new(course, person);
        enrollment.roles = Some(self.roles.clone());
        enrollment.sub_role = self.sub_role.cloned();
        enrollment.status = self.status;
        enrollment.timeframe = self.timeframe.cloned();
        enrollment.data_source = self.data_source.cloned();
        enrollment.into()
    }

    /// Appends the bytes of [`to_record`](Self::to_record).
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        out.push(Kind::Enrollment as u8);
        put_bytes(out, self.course.as_bytes());
        put_bytes(out, self.person.as_bytes());
        put_field(out, 1, Some(self.roles));
        put_field(out, 2, self.sub_role);
        put_field(out, 3, self.status.as_ref());
        put_field(out, 4, self.timeframe);
        put_field(out, 5, self.data_source);
    }
}

/// A [`GroupMember`] that borrows what it consists of.
#[derive(Clone, Copy)]
#[expect(missing_docs, reason = "the parts are the fields of `GroupMember`")]
pub struct MemberParts<'a> {
    pub course: &'a str,
    pub group: &'a str,
    pub person: &'a str,
    pub data_source: Option<&'a Text>,
}

impl MemberParts<'_> {
    /// The record that the parts make.
    pub fn to_record(&self) -> Record {
        let mut member = GroupMember::new(
            CourseKey::new(self.course),
            GroupKey::new(self.group),
            PersonKey::new(self.person),
        );
        member.data_source = self.data_source.cloned();
        member.into()
    }

    /// Appends the bytes of [`to_record`](Self::to_record).
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        out.push(Kind::GroupMember as u8);
        put_bytes(out, self.course.as_bytes());
        put_bytes(out, self.group.as_bytes());
        put_bytes(out, self.person.as_bytes());
        put_field(out, 1, self.data_source);
    }
}

/// A field as the records' own codec writes it: number, length, value.
fn put_field<V: Value>(out: &mut Vec<u8>, number: u64, value: Option<&V>) {
    let Some(value) = value else { return };
    put_varint(out, number);
    let at = out.len();
    out.push(0);
    value.encode(out);
    let len = out.len() - at - 1;
    if len < 0x80 {
        out[at] = len as u8;
    } else {
        let value = out.split_off(at + 1);
        out.pop();
        put_bytes(out, &value);
    }
}
