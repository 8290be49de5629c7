//! `Objects` on S3.

use std::ops::Range;

use async_trait::async_trait;
use aws_sdk_s3::error::SdkError;
use aws_sdk_s3::operation::get_object::{GetObjectError, GetObjectOutput};
use aws_sdk_s3::primitives::ByteStream;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use store::port::{check_object_key, check_object_prefix};
use store::{ObjectMeta, Objects, StoreError};

use crate::clients::Clients;
use crate::fault::{Call, chain, store_error};
use crate::pace::{Pace, TRIES};

/// The most keys in one page of S3's.
const PAGE: usize = 1000;
/// The last byte that is ever asked for: no object is that long.
const LAST_BYTE: u64 = i64::MAX as u64;
/// The metadata that tells a writer its own object.
const MARK: &str = "rollcall-write";

const GET: Call = Call::new("get an object", "s3:GetObject");
const HEAD: Call = Call::new("look at an object", "s3:GetObject");
const PUT: Call = Call::new("put an object", "s3:PutObject");
const LIST: Call = Call::new("list objects", "s3:ListBucket");
const DELETE: Call = Call::new("delete an object", "s3:DeleteObject");

/// Objects in one bucket. How they are encrypted is the bucket's own setting; the SDK sends a
/// checksum with each put and compares the one that comes back with a get.
#[derive(Debug, Clone)]
pub struct S3Objects {
    client: aws_sdk_s3::Client,
    bucket: String,
    pace: Pace,
}

impl S3Objects {
    pub(crate) fn new(clients: &Clients, bucket: impl Into<String>, pace: Pace) -> Self {
        Self { client: clients.s3.clone(), bucket: bucket.into(), pace }
    }

    fn resource(&self) -> String {
        format!("bucket {}", self.bucket)
    }

    /// The object or the bytes of its `range`; `None` without the object.
    async fn fetch(&self, key: &str, range: Option<String>) -> Result<Option<Vec<u8>>, StoreError> {
        let mut tried = 0;
        loop {
            let call = self.client.get_object().bucket(&self.bucket).key(key);
            let output = match call.set_range(range.clone()).send().await {
                Ok(output) => output,
                Err(error) if is_absent(&error) => return Ok(None),
                Err(error) if is_hidden(&error) && !self.is_listed(key).await? => return Ok(None),
                Err(error) if error.code() == Some("InvalidRange") => return Ok(Some(Vec::new())),
                Err(error) => return Err(store_error(GET, &self.resource(), error)),
            };
            // The SDK tries again until the answer begins; what breaks off after it is ours.
            match whole(output).await {
                Ok(body) => return Ok(Some(body)),
                Err(source) if tried == TRIES / 3 => {
                    return Err(StoreError::Unavailable { doing: GET.doing, source });
                }
                Err(_) => self.pace.pause(tried).await,
            }
            tried += 1;
        }
    }

    /// Whether a listing has the object. S3 does not say that an object is absent to whoever may
    /// list parts of the bucket only: it refuses, as for one that is there and may not be read.
    async fn is_listed(&self, key: &str) -> Result<bool, StoreError> {
        Ok(self.list(key, None, 1).await?.first().is_some_and(|found| found.key == key))
    }

    /// Whether the object is there because of the write `mark`: its answer was lost.
    async fn is_ours(&self, key: &str, mark: &str) -> Result<bool, StoreError> {
        match self.client.head_object().bucket(&self.bucket).key(key).send().await {
            Ok(found) => {
                Ok(found.metadata().and_then(|all| all.get(MARK)).is_some_and(|own| own == mark))
            }
            Err(error) if error.as_service_error().is_some_and(|error| error.is_not_found()) => {
                Ok(false)
            }
            Err(error) => Err(store_error(HEAD, &self.resource(), error)),
        }
    }
}

#[async_trait]
impl Objects for S3Objects {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        check_object_key(key)?;
        self.fetch(key, None).await
    }

    async fn get_range(&self, key: &str, range: Range<u64>) -> Result<Option<Vec<u8>>, StoreError> {
        check_object_key(key)?;
        if range.is_empty() || range.start > LAST_BYTE {
            // HTTP has no word for no bytes.
            return Ok(self.head(key).await?.map(|_| Vec::new()));
        }
        let last = (range.end - 1).min(LAST_BYTE);
        self.fetch(key, Some(format!("bytes={}-{last}", range.start))).await
    }

    async fn head(&self, key: &str) -> Result<Option<ObjectMeta>, StoreError> {
        check_object_key(key)?;
        match self.client.head_object().bucket(&self.bucket).key(key).send().await {
            Ok(found) => Ok(Some(meta(key, found.content_length()))),
            Err(error) if error.as_service_error().is_some_and(|error| error.is_not_found()) => {
                Ok(None)
            }
            Err(error) if is_hidden(&error) && !self.is_listed(key).await? => Ok(None),
            Err(error) => Err(store_error(HEAD, &self.resource(), error)),
        }
    }

    async fn put(&self, key: &str, body: &[u8]) -> Result<(), StoreError> {
        check_object_key(key)?;
        let body = ByteStream::from(body.to_vec());
        let call = self.client.put_object().bucket(&self.bucket).key(key).body(body);
        call.send().await.map_err(|error| store_error(PUT, &self.resource(), error))?;
        Ok(())
    }

    async fn put_if_absent(&self, key: &str, body: &[u8]) -> Result<(), StoreError> {
        check_object_key(key)?;
        let mark = self.pace.mark();
        for tried in 0..TRIES {
            let call = self.client.put_object().bucket(&self.bucket).key(key);
            let call = call.if_none_match("*").metadata(MARK, &mark);
            let Err(error) = call.body(ByteStream::from(body.to_vec())).send().await else {
                return Ok(());
            };
            match error.code() {
                Some("PreconditionFailed") if self.is_ours(key, &mark).await? => return Ok(()),
                Some("PreconditionFailed") => {
                    return Err(StoreError::ConditionFailed { key: key.to_owned(), index: 0 });
                }
                // Somebody else writes the key at this moment: who won is known in the next.
                Some("ConditionalRequestConflict") => self.pace.pause(tried).await,
                _ => return Err(store_error(PUT, &self.resource(), error)),
            }
        }
        Err(StoreError::Throttled { retry_after: None })
    }

    async fn list(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<ObjectMeta>, StoreError> {
        check_object_prefix(prefix)?;
        check_object_prefix(after.unwrap_or_default())?;
        let mut found = Vec::new();
        let mut from = after.filter(|after| !after.is_empty()).map(str::to_owned);
        while found.len() < limit {
            let page = (limit - found.len()).min(PAGE);
            let call = self.client.list_objects_v2().bucket(&self.bucket).prefix(prefix);
            let call = call.set_start_after(from).max_keys(i32::try_from(page).unwrap_or(i32::MAX));
            let output = call.send().await;
            let output = output.map_err(|error| store_error(LIST, &self.resource(), error))?;
            // What somebody else put there under a name that the port does not know is not ours.
            let ours = output.contents().iter().filter_map(|object| {
                let key = object.key().filter(|key| check_object_key(key).is_ok())?;
                Some(meta(key, object.size()))
            });
            found.extend(ours);
            let last = output.contents().last().and_then(|object| object.key());
            match last {
                Some(last) if output.is_truncated() == Some(true) => from = Some(last.to_owned()),
                _ => break,
            }
        }
        Ok(found)
    }

    async fn delete(&self, key: &str) -> Result<(), StoreError> {
        check_object_key(key)?;
        let call = self.client.delete_object().bucket(&self.bucket).key(key);
        call.send().await.map_err(|error| store_error(DELETE, &self.resource(), error))?;
        Ok(())
    }
}

/// Whether S3 refuses to say anything of the object.
fn is_hidden<E>(error: &SdkError<E>) -> bool {
    error.raw_response().is_some_and(|raw| raw.status().as_u16() == 403)
}

fn is_absent(error: &SdkError<GetObjectError>) -> bool {
    error.as_service_error().is_some_and(GetObjectError::is_no_such_key)
}

/// The body, as long as it was said to be.
async fn whole(
    output: GetObjectOutput,
) -> Result<Vec<u8>, Box<dyn std::error::Error + Send + Sync>> {
    let expected = output.content_length();
    let body = output.body.collect().await.map_err(|error| chain(&error))?.to_vec();
    match expected {
        Some(expected) if i64::try_from(body.len()) != Ok(expected) => {
            Err(format!("{} of {expected} bytes came", body.len()).into())
        }
        _ => Ok(body),
    }
}

fn meta(key: &str, len: Option<i64>) -> ObjectMeta {
    ObjectMeta {
        key: key.to_owned(),
        len: len.and_then(|len| u64::try_from(len).ok()).unwrap_or(0),
    }
}
