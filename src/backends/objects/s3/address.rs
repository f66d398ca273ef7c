//! Which bucket of which store: `s3://BUCKET?endpoint=URL&region=NAME&credentials=FILE`, every parameter optional.
//! Keys come from the usual AWS variables, or from a file as AWS tools write it: secrets have no place in a URI.

use std::{env, fmt, fs, io, path::PathBuf};

use url::Url;

const REGION: &str = "us-east-1";

#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("`{uri}` is no bucket: {reason}; write s3://BUCKET?endpoint=https://HOST&region=NAME")]
    NoAddress { uri: String, reason: &'static str },
    #[error(
        "there are no keys for the bucket; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or name a file of keys by \
         `credentials=`"
    )]
    NoKeys,
    #[error("the file of keys {} cannot be used: {reason}", path.display())]
    KeyFile { path: PathBuf, reason: io::Error },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Address {
    pub(super) bucket: String,
    /// `None`: AWS itself.
    pub(super) endpoint: Option<String>,
    pub(super) region: Option<String>,
    credentials: Option<PathBuf>,
}

/// As messages name it.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.endpoint {
            Some(endpoint) => write!(f, "bucket `{}` at {endpoint}", self.bucket),
            None => write!(f, "bucket `{}` at AWS", self.bucket),
        }
    }
}

impl Address {
    pub(super) fn parse(uri: &str) -> Result<Self, OpenError> {
        let refused = |reason| OpenError::NoAddress { uri: without_secrets(uri), reason };
        let url = Url::parse(uri).map_err(|_| refused("it is no URI"))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(refused("keys do not belong into it"));
        }
        if !matches!(url.path(), "" | "/") || url.port().is_some() || url.fragment().is_some() {
            return Err(refused("there is something behind the name of the bucket"));
        }
        let bucket = url.host_str().filter(|host| !host.is_empty()).ok_or(refused("it has no name"))?;
        let mut address = Self { bucket: bucket.to_owned(), endpoint: None, region: None, credentials: None };
        for (name, value) in url.query_pairs() {
            let value = value.into_owned();
            match &*name {
                "endpoint" if is_endpoint(&value) => address.endpoint = Some(value),
                "endpoint" => return Err(refused("its endpoint is no http:// or https:// URL")),
                "region" => address.region = Some(value),
                "credentials" => address.credentials = Some(value.into()),
                _ => return Err(refused("only endpoint, region and credentials may follow")),
            }
        }
        Ok(address)
    }

    pub(super) fn region(&self) -> String {
        let named = || env::var("AWS_REGION").or_else(|_| env::var("AWS_DEFAULT_REGION")).ok();
        self.region.clone().or_else(named).unwrap_or_else(|| REGION.to_owned())
    }

    pub(super) fn keys(&self) -> Result<Keys, OpenError> {
        let Some(path) = &self.credentials else {
            return Keys::found_by(|name| env::var(name).ok()).ok_or(OpenError::NoKeys);
        };
        let unusable = |reason| OpenError::KeyFile { path: path.clone(), reason };
        let text = fs::read_to_string(path).map_err(unusable)?;
        let incomplete =
            || unusable(io::Error::other("aws_access_key_id or aws_secret_access_key is missing"));
        Keys::found_by(|name| setting(&text, name)).ok_or_else(incomplete)
    }
}

/// What requests are signed with.
pub(super) struct Keys {
    pub(super) id: String,
    pub(super) secret: String,
    pub(super) session_token: Option<String>,
}

impl Keys {
    fn found_by(value: impl Fn(&str) -> Option<String>) -> Option<Self> {
        let value = |name| value(name).filter(|value| !value.is_empty());
        let (id, secret) = (value("AWS_ACCESS_KEY_ID")?, value("AWS_SECRET_ACCESS_KEY")?);
        Some(Self { id, secret, session_token: value("AWS_SESSION_TOKEN") })
    }
}

/// `name = value` in a file of one profile. Names are those of the variables, in small letters.
fn setting(text: &str, name: &str) -> Option<String> {
    let pairs = text.lines().filter_map(|line| line.split_once('='));
    let mut found = pairs.filter(|(key, _)| key.trim().eq_ignore_ascii_case(name));
    found.next().map(|(_, value)| value.trim().to_owned())
}

fn is_endpoint(text: &str) -> bool {
    Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
}

/// What stands before an `@` may be a key.
fn without_secrets(uri: &str) -> String {
    match uri.split_once('@') {
        Some((_, rest)) => format!("s3://…@{rest}"),
        None => uri.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_is_named_with_where_it_is() {
        let address = Address::parse(
            "s3://my.bucket-1?endpoint=http://127.0.0.1:9000&region=eu-1&credentials=/run/keys",
        )
        .unwrap();
        let expected = Address {
            bucket: "my.bucket-1".into(),
            endpoint: Some("http://127.0.0.1:9000".into()),
            region: Some("eu-1".into()),
            credentials: Some("/run/keys".into()),
        };
        assert_eq!(address, expected);
        assert_eq!(address.to_string(), "bucket `my.bucket-1` at http://127.0.0.1:9000");
        assert_eq!(Address::parse("s3://b").unwrap().to_string(), "bucket `b` at AWS");
    }

    #[test]
    fn what_is_no_bucket_is_refused_with_the_reason_and_without_its_secrets() {
        for (uri, reason) in [
            ("s3:", "no name"),
            ("s3:///x", "behind"),
            ("s3://b/prefix", "behind"),
            ("s3://b?endpoint=127.0.0.1:9000", "http:// or https://"),
            ("s3://b?secret=x", "only endpoint"),
            ("s3://key:hush@b", "keys do not belong"),
        ] {
            let text = Address::parse(uri).unwrap_err().to_string();
            assert!(text.contains(reason) && !text.contains("hush"), "{uri}: {text}");
        }
    }

    #[test]
    fn keys_are_read_from_a_file_as_aws_tools_write_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("credentials");
        let address = Address::parse(&format!("s3://b?credentials={}", path.display())).unwrap();
        assert!(matches!(address.keys(), Err(OpenError::KeyFile { .. })));
        fs::write(&path, "[default]\naws_access_key_id = AK\n").unwrap();
        assert!(matches!(address.keys(), Err(OpenError::KeyFile { .. })));
        fs::write(&path, "[default]\naws_access_key_id = AK\naws_secret_access_key=a/b+c=\n").unwrap();
        let keys = address.keys().ok().unwrap();
        assert_eq!((keys.id, keys.secret, keys.session_token), ("AK".into(), "a/b+c=".into(), None));
    }
}
