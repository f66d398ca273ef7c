//! What went wrong at the store, in words that say what to do. What may succeed a moment later has been tried again by
//! the driver before it comes here.

use aws_sdk_s3::{
    config::http::HttpResponse,
    error::{DisplayErrorContext, ProvideErrorMetadata, SdkError},
};

use super::{
    super::{ObjectError, ObjectResult},
    Bucket,
};

pub(super) type Refused<E> = SdkError<E, HttpResponse>;

impl Bucket {
    pub(super) fn failed<E>(&self, error: &Refused<E>) -> ObjectError
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let code = error.code().unwrap_or_default();
        match code {
            "NoSuchUpload" | "InvalidPart" | "InvalidPartOrder" => return ObjectError::NoSuchUpload,
            "ObjectParentIsFile" | "ExistingObjectIsDirectory" | "ErrDirectoryNotEmpty" => {
                return ObjectError::KeyConflict;
            }
            "QuotaExceeded" | "XMinioStorageFull" | "InsufficientCapacity" | "InsufficientStorage" => {
                return ObjectError::NoSpace;
            }
            _ => {}
        }
        let (what, advice) = match error {
            SdkError::TimeoutError(_) => ("does not answer in time", "see whether it is overloaded"),
            SdkError::DispatchFailure(_) => {
                ("cannot be reached", "see whether it runs, and whether backends.objects names its endpoint")
            }
            _ => reason(code, status(error)),
        };
        let message = error.message().map(str::to_owned);
        let detail = message.unwrap_or_else(|| DisplayErrorContext(error).to_string());
        tracing::debug!(store = %self.address, code, error.chain = %DisplayErrorContext(error), "the store failed");
        ObjectError::Unavailable(format!("{} {what}; {advice} ({})", self.address, shortened(&detail)))
    }

    /// The object is not there, unless it is the bucket that is not: then everything would seem to be absent.
    pub(super) async fn absent<T>(&self) -> ObjectResult<Option<T>> {
        if self.is_known() {
            return Ok(None);
        }
        match self.brief.head_bucket().bucket(self.name()).send().await {
            Ok(_) => self.now_known(),
            Err(error) if status(&error) == Some(404) => {
                let (what, advice) = reason("NoSuchBucket", None);
                return Err(ObjectError::Unavailable(format!("{} {what}; {advice}", self.address)));
            }
            Err(error) => return Err(self.failed(&error)),
        }
        Ok(None)
    }
}

pub(super) fn status<E>(error: &Refused<E>) -> Option<u16> {
    error.raw_response().map(|response| response.status().as_u16())
}

/// An answer to HEAD has no body that could say more than its status does.
pub(super) fn is_absence<E: ProvideErrorMetadata>(error: &Refused<E>) -> bool {
    match error.code() {
        Some("NoSuchKey" | "NotFound") => true,
        Some(_) => false,
        None => status(error) == Some(404),
    }
}

/// What a code of S3 says of the store, and what to do about it.
fn reason(code: &str, status: Option<u16>) -> (&'static str, &'static str) {
    match (code, status) {
        ("NoSuchBucket", _) => ("does not exist", "make it, or name another in backends.objects"),
        ("InvalidAccessKeyId" | "SignatureDoesNotMatch" | "AuthFailure", _) => {
            ("does not take our keys", "see whether AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are right")
        }
        ("ExpiredToken" | "InvalidToken" | "TokenRefreshRequired", _) => {
            ("does not take our session any more", "start with a new AWS_SESSION_TOKEN")
        }
        ("RequestTimeTooSkewed", _) => {
            ("has another time than this machine", "set both clocks right, by NTP for example")
        }
        ("PermanentRedirect" | "AuthorizationHeaderMalformed" | "IllegalLocationConstraintException", _)
        | (_, Some(301)) => ("lies in another region", "name it by region= in backends.objects"),
        ("SlowDown" | "ServiceUnavailable" | "Throttling" | "RequestLimitExceeded", _)
        | (_, Some(429 | 503)) => {
            ("asks us to slow down", "it was tried again for a while; see whether it is overloaded")
        }
        ("AccessDenied" | "AllAccessDisabled", _) | (_, Some(401 | 403)) => (
            "does not let us",
            "the keys need s3:GetObject, s3:PutObject, s3:DeleteObject, s3:ListBucket and what multipart uploads need",
        ),
        _ => ("failed", "its own log may say more"),
    }
}

/// Enough of a message of unknown length.
fn shortened(text: &str) -> String {
    const LEN_MAX: usize = 200;
    let one_line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(LEN_MAX).collect();
    one_line.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_says_what_to_do() {
        for (code, status, word) in [
            ("NoSuchBucket", Some(404), "make it"),
            ("InvalidAccessKeyId", Some(403), "AWS_ACCESS_KEY_ID"),
            ("SignatureDoesNotMatch", Some(403), "AWS_SECRET_ACCESS_KEY"),
            ("ExpiredToken", Some(400), "AWS_SESSION_TOKEN"),
            ("RequestTimeTooSkewed", Some(403), "clocks"),
            ("AuthorizationHeaderMalformed", Some(400), "region="),
            ("", Some(301), "region="),
            ("SlowDown", Some(503), "overloaded"),
            ("", Some(503), "overloaded"),
            ("AccessDenied", Some(403), "s3:ListBucket"),
            ("", Some(403), "s3:ListBucket"),
            ("InternalError", Some(500), "log"),
        ] {
            let (_, advice) = reason(code, status);
            assert!(advice.contains(word), "{code}: {advice}");
        }
        assert_eq!(shortened("a\nb"), "a b");
        assert_eq!(shortened(&"x".repeat(900)).len(), 200);
    }
}
