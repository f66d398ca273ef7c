//! The server's secret: one seed, made at the first start, from which each purpose has a key of its own.
//! Access tokens are EdDSA JWTs (RFC 7519, RFC 8725) of type `at+jwt`; other tokens are HMAC-SHA-256.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use aes_kw::KwAes256;
use chrono::DateTime;
use hmac::{Hmac, KeyInit, Mac};
use jwt_compact::{
    AlgorithmExt, Claims, Header, UntrustedToken,
    alg::{Ed25519, SigningKey, VerifyingKey},
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::domain::{
    account::Identity,
    clock::Timestamp,
    ids::{ChannelId, UserId},
};

const ISSUER: &str = "playhouse";
const TOKEN_TYPE: &str = "at+jwt";
const SEED_LEN: usize = 32;

pub struct Keys {
    signing: <Ed25519 as jwt_compact::Algorithm>::SigningKey,
    verifying: <Ed25519 as jwt_compact::Algorithm>::VerifyingKey,
    seed: [u8; SEED_LEN],
}

#[derive(Debug, Serialize, Deserialize)]
struct AccessClaims {
    iss: String,
    aud: String,
    sub: String,
    channel: String,
    username: String,
    name: String,
    roles: String,
}

impl Keys {
    /// Reads the seed at `path`.
    pub fn load(path: &Path) -> io::Result<Self> {
        let not_a_seed =
            |_| io::Error::new(io::ErrorKind::InvalidData, "the key file does not hold 32 bytes");
        Ok(Self::from_seed(fs::read(path)?.try_into().map_err(not_a_seed)?))
    }

    /// Makes a seed at `path`, where none may be yet, readable by its owner alone.
    pub fn make(path: &Path) -> io::Result<Self> {
        let seed: [u8; SEED_LEN] = rand::random();
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        file.write_all(&seed)?;
        file.sync_all()?;
        Ok(Self::from_seed(seed))
    }

    pub fn from_seed(seed: [u8; SEED_LEN]) -> Self {
        let signing_seed = derive(&seed, "access tokens");
        let dalek = ed25519_dalek::SigningKey::from_bytes(&signing_seed);
        let signing = SigningKey::from_slice(&dalek.to_keypair_bytes()).expect("a key pair is 64 bytes");
        let verifying =
            VerifyingKey::from_slice(dalek.verifying_key().as_bytes()).expect("a public key is 32 bytes");
        Self { signing, verifying, seed }
    }

    /// Tells seeds apart and does not give them away.
    pub fn fingerprint(&self) -> String {
        self.mac("fingerprint", "")[..16].to_owned()
    }

    /// An access token good until `who.expires_at`.
    pub fn sign_access(&self, who: &Identity, now: Timestamp) -> String {
        let mut claims = Claims::new(AccessClaims {
            iss: ISSUER.into(),
            aud: ISSUER.into(),
            sub: who.user_id.to_string(),
            channel: who.channel_id.to_string(),
            username: who.username.clone(),
            name: who.display_name.clone(),
            roles: who.roles.to_string(),
        });
        claims.issued_at = DateTime::from_timestamp(now.as_seconds(), 0);
        claims.expiration = DateTime::from_timestamp(who.expires_at.as_seconds(), 0);
        let header = Header::empty().with_token_type(TOKEN_TYPE);
        Ed25519.token(&header, &claims, &self.signing).expect("plain claims always serialise")
    }

    /// `None` for whatever is not a token of ours that is good now.
    pub fn verify_access(&self, token: &str, now: Timestamp) -> Option<Identity> {
        let untrusted = UntrustedToken::new(token).ok()?;
        let token = Ed25519.validator::<AccessClaims>(&self.verifying).validate(&untrusted).ok()?;
        let typed = token.header().token_type.as_deref() == Some(TOKEN_TYPE);
        let expires_at = Timestamp(token.claims().expiration?.timestamp() * 1000);
        let claims = &token.claims().custom;
        let ours = claims.iss == ISSUER && claims.aud == ISSUER;
        if !typed || !ours || now >= expires_at {
            return None;
        }
        Some(Identity {
            user_id: claims.sub.parse::<UserId>().ok()?,
            channel_id: claims.channel.parse::<ChannelId>().ok()?,
            username: claims.username.clone(),
            display_name: claims.name.clone(),
            roles: claims.roles.parse().ok()?,
            expires_at,
        })
    }

    /// A token that nobody without the seed can make: hexadecimal HMAC over `message` for one purpose.
    pub fn mac(&self, purpose: &str, message: &str) -> String {
        let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(&derive(&self.seed, purpose))
            .expect("an HMAC key may have any length");
        mac.update(message.as_bytes());
        mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Who watches without an account, for counting views: a name for an address that changes every day and cannot
    /// be turned back.
    pub fn pseudonym(&self, address: &str, now: Timestamp) -> String {
        let day = now.as_seconds().div_euclid(86_400);
        self.mac("anonymous viewers", &format!("{day}.{address}"))[..32].to_owned()
    }

    /// A secret as it may be stored (RFC 3394). Only this server opens it, and only for the same `owner`.
    pub fn wrap_secret(&self, owner: &str, secret: &[u8; 32]) -> Vec<u8> {
        let mut wrapped = vec![0; secret.len() + aes_kw::IV_LEN];
        self.wrapping(owner).wrap_key(secret, &mut wrapped).expect("a secret is whole blocks");
        wrapped
    }

    /// `None` for what was not wrapped here for this owner.
    pub fn unwrap_secret(&self, owner: &str, wrapped: &[u8]) -> Option<[u8; 32]> {
        let mut secret = [0; 32];
        let opened = self.wrapping(owner).unwrap_key(wrapped, &mut secret).ok()?;
        opened.try_into().ok()
    }

    fn wrapping(&self, owner: &str) -> KwAes256 {
        KwAes256::new(&derive(&derive(&self.seed, "content keys"), owner).into())
    }

    pub fn mac_is_right(&self, purpose: &str, message: &str, mac: &str) -> bool {
        self.mac(purpose, message).as_bytes().ct_eq(mac.as_bytes()).into()
    }
}

/// What is stored of a secret token.
pub fn digest(token: &str) -> Vec<u8> {
    Sha256::digest(token.as_bytes()).to_vec()
}

fn derive(seed: &[u8], purpose: &str) -> [u8; 32] {
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(seed).expect("an HMAC key may have any length");
    mac.update(purpose.as_bytes());
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn who() -> Identity {
        Identity {
            user_id: UserId::new(Timestamp(1)),
            channel_id: ChannelId::new(Timestamp(1)),
            username: "ada".into(),
            display_name: "Ada L".into(),
            roles: "viewer,creator".parse().unwrap(),
            expires_at: Timestamp(600_000),
        }
    }

    #[test]
    fn a_token_speaks_for_its_owner_until_it_ends() {
        let keys = Keys::from_seed([7; 32]);
        let token = keys.sign_access(&who(), Timestamp(0));
        let read = keys.verify_access(&token, Timestamp(599_999)).unwrap();
        assert_eq!((read.username.as_str(), &read.roles), ("ada", &who().roles));
        assert_eq!(keys.verify_access(&token, Timestamp(600_000)), None);
        assert_eq!(Keys::from_seed([8; 32]).verify_access(&token, Timestamp(0)), None);
    }

    #[test]
    fn no_changed_token_is_accepted() {
        let keys = Keys::from_seed([7; 32]);
        let token = keys.sign_access(&who(), Timestamp(0));
        for at in 0..token.len() {
            let mut changed = token.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert!(keys.verify_access(&changed, Timestamp(0)).is_none(), "byte {at}");
        }
        assert!(keys.verify_access("", Timestamp(0)).is_none());
    }

    #[test]
    fn the_seed_is_made_once_and_only_its_owner_may_read_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys/seed");
        let made = Keys::make(&path).unwrap();
        let read = Keys::load(&path).unwrap();
        assert!(Keys::make(&path).is_err(), "it is never made anew");
        assert_eq!(made.mac("x", "y"), read.mac("x", "y"));
        assert_ne!(made.mac("x", "y"), made.mac("z", "y"));
        assert!(made.mac_is_right("x", "y", &read.mac("x", "y")));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
