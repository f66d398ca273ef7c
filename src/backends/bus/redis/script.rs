//! What must happen in one step on the server: the Lua of `scripts/`, called by digest. A script that needs the time
//! has `now.lua` before it.

use std::sync::LazyLock;

use redis::{Cmd, cmd};
use sha1::{Digest as _, Sha1};

pub(super) struct Script {
    text: &'static str,
    digest: LazyLock<String>,
}

macro_rules! scripts {
    ($($name:ident = $($file:literal),+;)+) => {
        $(pub(super) static $name: Script = {
            const TEXT: &str = concat!($(include_str!(concat!("scripts/", $file))),+);
            Script { text: TEXT, digest: LazyLock::new(|| digest(TEXT)) }
        };)+
    };
}

scripts! {
    ACQUIRE = "now.lua", "acquire.lua";
    RENEW = "now.lua", "renew.lua";
    RELEASE = "release.lua";
    GCRA = "now.lua", "gcra.lua";
    ENQUEUE = "enqueue.lua";
    TAKE = "now.lua", "take.lua";
    RENEW_JOB = "now.lua", "renew_job.lua";
    FINISH = "finish.lua";
    GIVE_BACK = "give_back.lua";
    CANCEL = "cancel.lua";
}

fn digest(text: &str) -> String {
    Sha1::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Script {
    pub(super) fn by_digest(&self, keys: &[&str], arguments: &[&str]) -> Cmd {
        call("EVALSHA", &self.digest, keys, arguments)
    }

    /// The server knows it from then on.
    pub(super) fn by_text(&self, keys: &[&str], arguments: &[&str]) -> Cmd {
        call("EVAL", self.text, keys, arguments)
    }
}

fn call(verb: &str, script: &str, keys: &[&str], arguments: &[&str]) -> Cmd {
    let mut call = cmd(verb);
    call.arg(script).arg(keys.len()).arg(keys).arg(arguments);
    call
}
