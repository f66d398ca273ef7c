//! Refresh tokens: `<family>.<generation>.<mac>`. Each is good once; the store keeps only hashes. One that comes
//! a second time means that two hold it, and ends the family; but within a grace after its rotation it gets the
//! same successor again, since the first answer may have been lost on its way.

use std::time::Duration;

use super::{AccountError, Accounts, Login, identity, keys::digest};
use crate::{
    backends::store::{
        StoreResult,
        tables::account::{Account, RefreshFamily},
    },
    domain::{
        clock::Timestamp,
        ids::{FamilyId, UserId},
    },
};

const PURPOSE: &str = "refresh tokens";

/// What a presented token turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    /// The newest of its family: rotated to this generation.
    Rotated(i64),
    /// Rotated a moment ago: the successor of this generation again.
    AnsweredAgain(i64),
    Refused,
}

impl Accounts {
    pub(super) async fn sign_in(&self, account: Account) -> Result<Login, AccountError> {
        let now = self.clock.now();
        let family_id = FamilyId::new(now);
        let refresh_token = self.refresh_token(&family_id, 0);
        self.store
            .put_for(
                RefreshFamily {
                    family_id,
                    user_id: account.user_id.clone(),
                    generation: 0,
                    token_hash: digest(&refresh_token),
                    previous_hash: None,
                    rotated_at: now,
                    expires_at: now.plus(self.refresh_ttl()),
                    ended: false,
                },
                self.refresh_ttl(),
            )
            .await?;
        Ok(self.answer(account, refresh_token))
    }

    /// Gives new tokens for a refresh token.
    pub async fn refresh(&self, token: &str) -> Result<Login, AccountError> {
        let family_id = self.family_of(token).ok_or(AccountError::RefreshRefused)?;
        let (user, generation) = self.rotate(&family_id, token).await?.ok_or(AccountError::RefreshRefused)?;
        let account = self.store.get::<Account>((user,), ()).await?.ok_or(AccountError::RefreshRefused)?;
        let successor = self.refresh_token(&family_id, generation);
        Ok(self.answer(account, successor))
    }

    /// Ends the family of a refresh token. One that is no longer good ends nothing, and is no error.
    pub async fn logout(&self, token: &str) -> Result<(), AccountError> {
        let Some(family_id) = self.family_of(token) else { return Ok(()) };
        let ended = self.store.update::<RefreshFamily, _>((family_id,), |family| {
            (family.map(|family| RefreshFamily { ended: true, ..family }), ())
        });
        Ok(ended.await?)
    }

    async fn rotate(&self, family_id: &FamilyId, token: &str) -> StoreResult<Option<(UserId, i64)>> {
        let (now, hash) = (self.clock.now(), digest(token));
        let (grace, ttl) = (Duration::from_secs(self.tokens.refresh_grace_s), self.refresh_ttl());
        // The successor is computed outside: the decision must not depend on anything but the row.
        let generation = generation_of(token).unwrap_or(0) + 1;
        let successor_hash = digest(&self.refresh_token(family_id, generation));
        self.store
            .update::<RefreshFamily, _>((family_id.clone(),), move |family| {
                let Some(family) = family else { return (None, None) };
                let user = family.user_id.clone();
                match judge(&family, &hash, now, grace) {
                    Verdict::Rotated(generation) => {
                        let rotated = RefreshFamily {
                            generation,
                            previous_hash: Some(family.token_hash.clone()),
                            token_hash: successor_hash.clone(),
                            rotated_at: now,
                            expires_at: now.plus(ttl),
                            ..family
                        };
                        (Some(rotated), Some((user, generation)))
                    }
                    Verdict::AnsweredAgain(generation) => (None, Some((user, generation))),
                    Verdict::Refused => (Some(RefreshFamily { ended: true, ..family }), None),
                }
            })
            .await
    }

    fn answer(&self, account: Account, refresh_token: String) -> Login {
        let now = self.clock.now();
        let expires_at = now.plus(Duration::from_secs(self.tokens.access_ttl_s));
        Login {
            access_token: self.keys.sign_access(&identity(&account, expires_at), now),
            refresh_token,
            expires_in_s: self.tokens.access_ttl_s,
            account,
        }
    }

    fn refresh_token(&self, family: &FamilyId, generation: i64) -> String {
        let message = format!("{family}.{generation}");
        format!("{message}.{}", self.keys.mac(PURPOSE, &message))
    }

    /// The family a token names, if the token is of our making.
    fn family_of(&self, token: &str) -> Option<FamilyId> {
        let (message, mac) = token.rsplit_once('.')?;
        let (family, _) = message.split_once('.')?;
        self.keys.mac_is_right(PURPOSE, message, mac).then(|| family.parse().ok())?
    }

    fn refresh_ttl(&self) -> Duration {
        Duration::from_secs(self.tokens.refresh_ttl_s)
    }
}

fn generation_of(token: &str) -> Option<i64> {
    token.split('.').nth(1)?.parse().ok()
}

fn judge(family: &RefreshFamily, hash: &[u8], now: Timestamp, grace: Duration) -> Verdict {
    if family.ended || now >= family.expires_at {
        return Verdict::Refused;
    }
    if family.token_hash == hash {
        return Verdict::Rotated(family.generation + 1);
    }
    let just_rotated = family.previous_hash.as_deref() == Some(hash) && now.since(family.rotated_at) <= grace;
    if just_rotated { Verdict::AnsweredAgain(family.generation) } else { Verdict::Refused }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn family() -> RefreshFamily {
        RefreshFamily {
            family_id: FamilyId::new(Timestamp(1)),
            user_id: UserId::new(Timestamp(1)),
            generation: 3,
            token_hash: vec![3],
            previous_hash: Some(vec![2]),
            rotated_at: Timestamp(100_000),
            expires_at: Timestamp(900_000),
            ended: false,
        }
    }

    #[test]
    fn each_token_is_good_once_and_a_lost_answer_is_given_again() {
        let grace = Duration::from_secs(20);
        for (hash, at_ms, verdict) in [
            (3, 200_000, Verdict::Rotated(4)),
            (2, 120_000, Verdict::AnsweredAgain(3)),
            (2, 120_001, Verdict::Refused),
            (1, 110_000, Verdict::Refused),
            (3, 900_000, Verdict::Refused),
        ] {
            assert_eq!(judge(&family(), &[hash], Timestamp(at_ms), grace), verdict, "{hash} at {at_ms}");
        }
        let ended = RefreshFamily { ended: true, ..family() };
        assert_eq!(judge(&ended, &[3], Timestamp(200_000), grace), Verdict::Refused);
    }
}
