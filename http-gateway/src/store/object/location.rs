//! `--store` URLs: which service, which bucket, which prefix.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use larder_core::store::StoreError;
use larder_core::store::vfs::Vfs;
use object_store::ObjectStore;
use object_store::local::LocalFileSystem;

use super::bucket::{Bucket, Exclusion};
use crate::store::disk::Disk;

/// Where a store keeps its objects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// A prefix of a bucket.
    Bucket {
        /// Whose bucket.
        service: Service,
        /// Its name.
        bucket: String,
        /// What the names of our objects begin with.
        prefix: String,
    },
    /// A folder on this machine.
    Folder(PathBuf),
}

/// A service that keeps objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// Amazon S3, and whatever speaks as it does.
    S3,
    /// Google Cloud Storage.
    Google,
    /// Azure Blob Storage.
    Azure,
}

impl Service {
    const ALL: [Self; 3] = [Self::S3, Self::Google, Self::Azure];

    fn scheme(self) -> &'static str {
        match self {
            Self::S3 => "s3",
            Self::Google => "gs",
            Self::Azure => "az",
        }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(path) => write!(out, "file://{}", path.display()),
            Self::Bucket { service, bucket, prefix } => {
                write!(out, "{}://{bucket}", service.scheme())?;
                if prefix.is_empty() { Ok(()) } else { write!(out, "/{prefix}") }
            }
        }
    }
}

impl Location {
    /// Reads a URL. `None` for what is none. The error says what is wrong, and repeats nothing that may be a secret.
    pub fn parse(url: &str) -> Option<Result<Self, String>> {
        let (scheme, rest) = url.split_once("://")?;
        Some(Self::parse_parts(scheme, rest))
    }

    fn parse_parts(scheme: &str, rest: &str) -> Result<Self, String> {
        if scheme == "file" {
            let path = Path::new(rest);
            if !path.is_absolute() {
                return Err("a folder of objects is named as file:///folder".to_owned());
            }
            return Ok(Self::Folder(path.to_owned()));
        }
        let Some(service) = Service::ALL.into_iter().find(|service| service.scheme() == scheme) else {
            return Err(format!("there is no store '{scheme}://'; use s3://, gs://, az:// or file:///"));
        };
        if rest.contains(['?', '#', '@']) {
            return Err("the URL names bucket and prefix only; the environment holds all else".to_owned());
        }
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        if bucket.is_empty() {
            return Err(format!("the URL names no bucket; use {scheme}://BUCKET/PREFIX"));
        }
        let prefix = prefix.trim_end_matches('/');
        object_store::path::Path::parse(prefix).map_err(|_| "the prefix has empty or odd parts".to_owned())?;
        if cfg!(not(feature = "clouds")) {
            return Err(format!("this build has no {scheme}://; build it with --features clouds"));
        }
        Ok(Self::Bucket { service, bucket: bucket.to_owned(), prefix: prefix.to_owned() })
    }

    /// Makes ready to talk to the service; nothing is sent yet. A folder is made if it is missing, and taken.
    pub fn connect(&self) -> Result<Bucket, StoreError> {
        match self {
            Self::Folder(path) => {
                let disk = Disk::new(path)?;
                let lock = disk.lock().map_err(|error| match error.kind() {
                    std::io::ErrorKind::AlreadyExists => StoreError::InUse("another process has it open".to_owned()),
                    _ => error.into(),
                })?;
                remove_unfinished(path)?;
                let store = LocalFileSystem::new_with_prefix(path).map_err(|error| self.refusal(&error))?;
                let store = Arc::new(store.with_fsync(true).with_automatic_cleanup(false));
                Bucket::new(store, self.to_string(), "", Exclusion::Lock(lock))
            }
            Self::Bucket { service, bucket, prefix } => {
                let store = connect(*service, bucket).map_err(|error| self.refusal(&error))?;
                Bucket::new(store, self.to_string(), prefix, Exclusion::Swap)
            }
        }
    }

    fn refusal(&self, error: &object_store::Error) -> StoreError {
        StoreError::Io(format!("{self}: {}", super::error::plain(&super::error::with_cause(error))))
    }

    /// What to look at if the service lets nobody in.
    pub fn hint(&self) -> Option<&'static str> {
        let has = |names: &[&str]| names.iter().any(|name| std::env::var_os(name).is_some());
        match self {
            Self::Folder(_) => None,
            Self::Bucket { service: Service::S3, .. } => {
                let names = ["AWS_ACCESS_KEY_ID", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_SKIP_SIGNATURE"];
                let roles = ["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI"];
                (!has(&names) && !has(&roles)).then_some(
                    "no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run where a role gives them",
                )
            }
            Self::Bucket { service: Service::Google, .. } => (!has(&[
                "GOOGLE_SERVICE_ACCOUNT",
                "GOOGLE_SERVICE_ACCOUNT_PATH",
                "GOOGLE_SERVICE_ACCOUNT_KEY",
                "GOOGLE_APPLICATION_CREDENTIALS",
            ]))
            .then_some("no credentials: set GOOGLE_APPLICATION_CREDENTIALS to the file of a service account"),
            Self::Bucket { service: Service::Azure, .. } => (!has(&["AZURE_STORAGE_ACCOUNT_NAME"])).then_some(
                "no credentials: set AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY or another of its keys",
            ),
        }
    }
}

/// Removes what a crash has left of objects that were being written: `NAME#COUNT`, which is no object yet.
fn remove_unfinished(folder: &Path) -> std::io::Result<()> {
    for part in ["", "log", "snapshots"] {
        let entries = match std::fs::read_dir(folder.join(part)) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            entries => entries?,
        };
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name();
            let is_ours = |(name, count): (&str, &str)| {
                let object = if part.is_empty() { name.to_owned() } else { format!("{part}/{name}") };
                count.bytes().all(|byte| byte.is_ascii_digit()) && super::is_object(&object)
            };
            if name.to_str().and_then(|name| name.split_once('#')).is_some_and(is_ours) {
                std::fs::remove_file(entry.path())?;
            }
        }
    }
    Ok(())
}

#[cfg(not(feature = "clouds"))]
fn connect(_: Service, _: &str) -> object_store::Result<Arc<dyn ObjectStore>> {
    let (operation, implementer) = ("clouds".to_owned(), "this build".to_owned());
    Err(object_store::Error::NotImplemented { operation, implementer })
}

/// A client with what the environment says about keys, regions and endpoints.
#[cfg(feature = "clouds")]
fn connect(service: Service, bucket: &str) -> object_store::Result<Arc<dyn ObjectStore>> {
    use object_store::{BackoffConfig, RetryConfig};
    use std::time::Duration;

    // Another part of the process may have chosen already; either is fine.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let backoff = BackoffConfig { max_backoff: Duration::from_secs(1), ..BackoffConfig::default() };
    let retry = RetryConfig { backoff, max_retries: 3, retry_timeout: Duration::from_secs(5) };
    Ok(match service {
        Service::S3 => {
            let builder = object_store::aws::AmazonS3Builder::from_env();
            Arc::new(builder.with_bucket_name(bucket).with_retry(retry).build()?)
        }
        Service::Google => {
            let builder = object_store::gcp::GoogleCloudStorageBuilder::from_env();
            Arc::new(builder.with_bucket_name(bucket).with_retry(retry).build()?)
        }
        Service::Azure => {
            let builder = object_store::azure::MicrosoftAzureBuilder::from_env();
            Arc::new(builder.with_container_name(bucket).with_retry(retry).build()?)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_read() {
        let folder = Location::parse("file:///tmp/x").map(|read| read.map(|it| it.to_string()));
        assert_eq!(folder, Some(Ok("file:///tmp/x".to_owned())));
        assert_eq!(Location::parse("memory"), None);
        let why = |url: &str| Location::parse(url).and_then(Result::err).expect("it is refused");
        assert!(why("file://x").contains("file:///folder"));
        assert!(why("ftp://x").contains("there is no store 'ftp://'"));
        assert!(why("s3://").contains("names no bucket"));
        assert!(why("gs:///prefix").contains("names no bucket"));
        assert!(why("s3://bucket/a//b").contains("prefix"));
        let why = why("s3://id:secret@bucket");
        assert!(why.contains("environment") && !why.contains("secret"), "{why}");
    }

    #[test]
    #[cfg(feature = "clouds")]
    fn buckets_are_read() {
        for (url, expected) in [
            ("s3://b", Ok("s3://b".to_owned())),
            ("gs://b/", Ok("gs://b".to_owned())),
            ("az://b/c/d/", Ok("az://b/c/d".to_owned())),
        ] {
            assert_eq!(Location::parse(url).map(|read| read.map(|it| it.to_string())), Some(expected));
        }
    }
}
