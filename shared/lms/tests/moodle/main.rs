//! The Moodle adapter against a simulated Moodle: every trap that a real one showed.

#![expect(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod courses;
mod enrolments;
mod faults;
mod groups;
mod hostile;
mod people;
mod read_back;
mod setup;
mod world;
