//! The exports that schools drop into the bucket.
//!
//! They stand under `incoming/<tenant>/<integration>/<source>/` and are called whatever the school
//! calls them, so that they are no objects of the `Objects` port. An export is one *version* of an
//! object: a file that is dropped again while the first is read does not mix with it.

mod reader;

use ambient::Timestamp;
use aws_smithy_types::date_time::DateTime;
use store::StoreError;
use tokio::runtime::Handle;

pub use reader::ExportReader;

use crate::clients::Clients;
use crate::fault::{Call, store_error};

const LIST: Call = Call::new("list exports", "s3:ListBucket");
const HEAD: Call = Call::new("look at an export", "s3:GetObject");

/// One file that was dropped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Export {
    /// Its key, as it is: decoded where an event had it encoded.
    pub key: String,
    /// Which version of the object, where that is known: a listing does not tell.
    pub version: Option<String>,
    /// Its length in bytes.
    pub len: u64,
    /// What S3 calls its content.
    pub etag: String,
    /// When it came.
    pub modified: Timestamp,
}

/// The exports in one bucket.
#[derive(Debug, Clone)]
pub struct Exports {
    client: aws_sdk_s3::Client,
    bucket: String,
}

impl Exports {
    /// The exports in `bucket`.
    pub fn new(clients: &Clients, bucket: impl Into<String>) -> Self {
        Self { client: clients.s3.clone(), bucket: bucket.into() }
    }

    /// What keys of exports for `source` of `integration` (`tenant/integration`) begin with.
    pub fn prefix(integration: &str, source: &str) -> String {
        format!("incoming/{integration}/{source}/")
    }

    /// Every file that stands under `prefix` now, by key. What ends in `/` is a console's folder
    /// and left out.
    pub async fn list(&self, prefix: &str) -> Result<Vec<Export>, StoreError> {
        let mut found = Vec::new();
        let mut from = None;
        loop {
            let call = self.client.list_objects_v2().bucket(&self.bucket).prefix(prefix);
            // XML cannot hold every name that a file can have.
            let call = call.encoding_type(aws_sdk_s3::types::EncodingType::Url);
            let output = call.set_continuation_token(from).send().await;
            let output = output.map_err(|error| store_error(LIST, &self.resource(), error))?;
            for object in output.contents.unwrap_or_default() {
                let key = decoded(object.key.as_deref().unwrap_or_default());
                if key.ends_with('/') {
                    continue;
                }
                let (len, etag) = (object.size, object.e_tag);
                found.push(export(key, None, len, etag, object.last_modified.as_ref())?);
            }
            from = output.next_continuation_token;
            if from.is_none() {
                break;
            }
        }
        found.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(found)
    }

    /// The export at `key`, of `version` or as it is now (in a bucket with versions that one is
    /// named then); `None` where there is none.
    pub async fn find(
        &self,
        key: &str,
        version: Option<&str>,
    ) -> Result<Option<Export>, StoreError> {
        let call = self.client.head_object().bucket(&self.bucket).key(key);
        match call.set_version_id(version.map(str::to_owned)).send().await {
            Ok(output) => {
                let (version, len, etag) = (output.version_id, output.content_length, output.e_tag);
                export(key.to_owned(), version, len, etag, output.last_modified.as_ref()).map(Some)
            }
            Err(error) if error.as_service_error().is_some_and(|error| error.is_not_found()) => {
                Ok(None)
            }
            Err(error) => Err(store_error(HEAD, &self.resource(), error)),
        }
    }

    /// A reader over `export`, for a thread that may block. Its requests run on `runtime`.
    pub fn reader(&self, export: &Export, runtime: Handle) -> ExportReader {
        ExportReader::new(self.client.clone(), self.bucket.clone(), export.clone(), runtime)
    }

    fn resource(&self) -> String {
        format!("bucket {}", self.bucket)
    }
}

fn export(
    key: String,
    version: Option<String>,
    len: Option<i64>,
    etag: Option<String>,
    modified: Option<&DateTime>,
) -> Result<Export, StoreError> {
    let len = len.and_then(|len| u64::try_from(len).ok());
    let modified = modified.and_then(|time| {
        Timestamp::new(time.secs(), i32::try_from(time.subsec_nanos()).ok()?).ok()
    });
    match (len, etag, modified) {
        (Some(len), Some(etag), Some(modified)) => Ok(Export { key, version, len, etag, modified }),
        _ => Err(StoreError::Damaged {
            what: key,
            reason: "S3 did not tell its length, ETag and time".to_owned(),
        }),
    }
}

/// A key that S3 has written as a form does: `+` is a space.
fn decoded(key: &str) -> String {
    // As the value of a form; an `=` or `&` in it comes encoded.
    form_urlencoded::parse(format!("k={key}").as_bytes())
        .next()
        .map(|(_, key)| key.into_owned())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_decoded_once() {
        for (encoded, key) in [
            ("incoming/a/b/sis/Students+2026.csv", "incoming/a/b/sis/Students 2026.csv"),
            ("caf%C3%A9%2B1%252f", "caf\u{e9}+1%2f"),
            ("a%3Db%26c", "a=b&c"),
            ("", ""),
        ] {
            assert_eq!(decoded(encoded), key);
        }
    }
}
