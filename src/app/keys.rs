//! The secret of the installation: in a file of this node, and the same on every node. The store knows its fingerprint,
//! so that a node with another secret says so instead of refusing everybody's tokens.

use std::{io, path::Path, sync::Arc};

use anyhow::{Context as _, bail};

use crate::{
    actors::accounts::Keys,
    backends::store::{Store, tables::installation::KnownSeed},
    config::Config,
    domain::clock::Timestamp,
};

const PURPOSE: &str = "seed";

/// Reads the key file; makes it where neither it nor a fingerprint in the store exists yet.
pub async fn open(config: &Config, store: &Store, now: Timestamp) -> anyhow::Result<Arc<Keys>> {
    let path = config.server.key_file();
    let known = store.get::<KnownSeed>((PURPOSE.into(),), ()).await.context("the store does not answer")?;
    let (keys, is_new) = match Keys::load(&path) {
        Ok(keys) => (keys, false),
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(error).with_context(|| format!("server.key_file: {}", path.display()));
        }
        Err(_) if known.is_some() => bail!(
            "server.key_file: there is none at {}, and this store was begun with one: copy it from another node or from the backup",
            path.display()
        ),
        Err(_) => {
            let made = Keys::make(&path);
            (made.with_context(|| format!("server.key_file: {}", path.display()))?, true)
        }
    };
    let first = match known {
        Some(known) => known.fingerprint,
        None => claim(store, keys.fingerprint(), now, Claim::IfFirst).await?,
    };
    if first != keys.fingerprint() {
        if is_new {
            // Another node was faster; what was made here would only be in the way of what has to be copied.
            std::fs::remove_file(&path).with_context(|| path.display().to_string())?;
        }
        return Err(of_another(&path, &keys, &first));
    }
    Ok(Arc::new(keys))
}

/// Makes the key file of this node the one of the installation.
pub async fn adopt(config: &Config, store: &Store, now: Timestamp) -> anyhow::Result<String> {
    let path = config.server.key_file();
    let keys = Keys::load(&path).with_context(|| format!("server.key_file: {}", path.display()))?;
    claim(store, keys.fingerprint(), now, Claim::Always).await
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Claim {
    IfFirst,
    Always,
}

/// The fingerprint that counts from now on.
async fn claim(store: &Store, fingerprint: String, now: Timestamp, claim: Claim) -> anyhow::Result<String> {
    let decide = move |known: Option<KnownSeed>| match known {
        Some(known) if claim == Claim::IfFirst => (None, known.fingerprint),
        _ => {
            let fingerprint = fingerprint.clone();
            let row = KnownSeed { purpose: PURPOSE.into(), fingerprint: fingerprint.clone(), at: now };
            (Some(row), fingerprint)
        }
    };
    store.update::<KnownSeed, _>((PURPOSE.into(),), decide).await.context("the store does not answer")
}

fn of_another(path: &Path, keys: &Keys, first: &str) -> anyhow::Error {
    anyhow::anyhow!(
        "server.key_file: {} is {}, and this store was begun with {first}: copy the key file from another node or from \
         the backup. If that one is lost, `playhouse doctor adopt-key` goes on with this one: everybody has to sign in \
         again, and encrypted videos stay locked",
        path.display(),
        keys.fingerprint()
    )
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::{backends::store, domain::clock::SystemClock};

    fn node(folder: &Path, name: &str) -> (Config, PathBuf) {
        let set = ("PLAYHOUSE__SERVER__DATA_DIR".to_owned(), folder.join(name).display().to_string());
        let config = Config::load(None, [set].into_iter()).unwrap();
        let path = config.server.key_file();
        (config, path)
    }

    #[tokio::test]
    async fn nodes_of_one_store_have_one_key_or_do_not_start() {
        let folder = tempfile::tempdir().unwrap();
        let store = store::open("embedded:", folder.path(), Arc::new(SystemClock)).await.unwrap();
        let (one, one_file) = node(folder.path(), "one");
        let (two, two_file) = node(folder.path(), "two");
        let now = Timestamp(1);
        let keys = open(&one, &store, now).await.unwrap();
        assert_eq!(open(&one, &store, now).await.unwrap().fingerprint(), keys.fingerprint());

        let refusal = open(&two, &store, now).await.err().unwrap().to_string();
        assert!(refusal.contains("copy it from another node"), "{refusal}");
        assert!(!two_file.exists(), "a node makes no key of its own for a store that has one");

        let own = Keys::make(&two_file).unwrap();
        let refusal = open(&two, &store, now).await.err().unwrap().to_string();
        assert!(refusal.contains(&own.fingerprint()) && refusal.contains(&keys.fingerprint()), "{refusal}");
        std::fs::copy(&one_file, &two_file).unwrap();
        assert_eq!(open(&two, &store, now).await.unwrap().fingerprint(), keys.fingerprint());
    }

    #[tokio::test]
    async fn a_lost_key_can_be_followed_by_another_when_somebody_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let store = store::open("embedded:", folder.path(), Arc::new(SystemClock)).await.unwrap();
        let (config, path) = node(folder.path(), "one");
        let before = open(&config, &store, Timestamp(1)).await.unwrap();
        assert!(adopt(&config, &store, Timestamp(2)).await.is_ok());
        std::fs::remove_file(&path).unwrap();
        assert!(adopt(&config, &store, Timestamp(2)).await.is_err(), "there is nothing to adopt");
        Keys::make(&path).unwrap();
        let fingerprint = adopt(&config, &store, Timestamp(3)).await.unwrap();
        assert_ne!(fingerprint, before.fingerprint());
        assert_eq!(open(&config, &store, Timestamp(4)).await.unwrap().fingerprint(), fingerprint);
    }
}
