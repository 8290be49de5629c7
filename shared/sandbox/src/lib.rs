//! Simulated learning platforms, each a service from request to response.
//!
//! A simulated platform speaks the protocol of the real one, refuses what the real one refuses,
//! and can be told to fail in the ways that real ones fail. It has no sockets and no clock of its
//! own: a seeded world calls [`Service::reply`] directly, and the `http` feature hosts the same
//! service for people and other programs.
//!
//! ```
//! use sandbox::moodle::Site;
//! use sandbox::{Reply, Request, Service};
//!
//! let mut site = Site::in_memory();
//! let request = Request::post(
//!     "/webservice/rest/server.php",
//!     "wstoken=sandbox&wsfunction=core_user_create_users&moodlewsrestformat=json\
//!      &users[0][username]=ada&users[0][firstname]=Ada&users[0][lastname]=Vries\
//!      &users[0][email]=ada@school.invalid&users[0][createpassword]=1",
//! );
//! let Reply::Answer(answer) = site.reply(&request, jiff::Timestamp::UNIX_EPOCH) else {
//!     unreachable!("no fault is planned");
//! };
//! assert_eq!(answer.text(), r#"[{"id":4,"username":"ada"}]"#);
//! ```
//!
//! **Never:** no real platform is contacted, no password is kept, and what a journal holds is
//! never read by other rules than those it was written under.

pub mod faults;
mod form;
#[cfg(feature = "http")]
pub mod http;
pub mod journal;
pub mod moodle;
mod page;
mod request;

pub use faults::{Fault, Faults, Rule};
pub use form::{Form, Key, List, Value};
pub use request::{Method, Reply, Request, Response, Service};
