//! Names that only one may hold. A claim is written before what it is for; one whose holder never came to be
//! (a crash in between) may be taken over after a minute, so no name is lost.

use std::time::Duration;

use crate::{
    backends::store::{
        Store, StoreResult,
        tables::{account::Account, account::NameClaim, channel::Channel},
    },
    domain::{clock::Timestamp, ids::ChannelId},
};

const ABANDONED_AFTER: Duration = Duration::from_secs(60);

/// What kind of name. Each is a name space of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Name {
    Username,
    Email,
    Handle,
}

impl Name {
    fn as_str(self) -> &'static str {
        match self {
            Name::Username => "username",
            Name::Email => "email",
            Name::Handle => "handle",
        }
    }
}

pub struct Claims<'a> {
    pub store: &'a Store,
    pub now: Timestamp,
}

impl Claims<'_> {
    pub async fn holder(&self, kind: Name, name: &str) -> StoreResult<Option<String>> {
        Ok(self.held(kind, name).await?.map(|claim| claim.holder))
    }

    /// `true` if `holder` now has the name, or had it already.
    pub async fn claim(&self, kind: Name, name: &str, holder: &str) -> StoreResult<bool> {
        let claim = NameClaim {
            kind: kind.as_str().into(),
            name: name.into(),
            holder: holder.into(),
            claimed_at: self.now,
        };
        if self.store.insert_if_absent(claim.clone(), None).await? {
            return Ok(true);
        }
        match self.held(kind, name).await? {
            Some(held) if held.holder == holder => Ok(true),
            Some(held) if self.is_abandoned(kind, &held).await? => self.take_over(held, claim).await,
            _ => Ok(false),
        }
    }

    pub async fn release(&self, kind: Name, name: &str) -> StoreResult<()> {
        self.store.delete::<NameClaim>((kind.as_str().into(), name.into()), ()).await
    }

    /// The wanted handle, or one made from it when another channel has it.
    pub async fn claim_similar_handle(&self, wanted: &str, channel: &ChannelId) -> StoreResult<String> {
        if self.claim(Name::Handle, wanted, channel.as_str()).await? {
            return Ok(wanted.to_owned());
        }
        let suffix = &channel.as_str()[channel.as_str().len() - 6..];
        let similar = format!("{}-{suffix}", &wanted[..wanted.len().min(25)]);
        let claimed = self.claim(Name::Handle, &similar, channel.as_str()).await?;
        Ok(if claimed { similar } else { channel.to_string() })
    }

    async fn held(&self, kind: Name, name: &str) -> StoreResult<Option<NameClaim>> {
        self.store.get::<NameClaim>((kind.as_str().into(), name.into()), ()).await
    }

    async fn is_abandoned(&self, kind: Name, held: &NameClaim) -> StoreResult<bool> {
        if self.now.since(held.claimed_at) <= ABANDONED_AFTER {
            return Ok(false);
        }
        Ok(match kind {
            Name::Handle => match held.holder.parse() {
                Ok(channel) => self.store.get::<Channel>((channel,), ()).await?.is_none(),
                Err(_) => true,
            },
            Name::Username | Name::Email => match held.holder.parse() {
                Ok(user) => self.store.get::<Account>((user,), ()).await?.is_none(),
                Err(_) => true,
            },
        })
    }

    async fn take_over(&self, held: NameClaim, claim: NameClaim) -> StoreResult<bool> {
        let key = (claim.kind.clone(), claim.name.clone());
        let update = self.store.update::<NameClaim, _>(key, move |found| match found {
            Some(found) if found == held => (Some(claim.clone()), true),
            _ => (None, false),
        });
        update.await
    }
}
