//! Leases by name: each a hash of its own.

use std::time::Duration;

use super::{
    super::{BusResult, Lease},
    FENCE_KEEP, Redis, moment,
    script::{ACQUIRE, RELEASE, RENEW},
    us,
};

impl Redis {
    pub(super) async fn lease(&self, name: &str, owner: &str, hold: Duration) -> BusResult<Option<Lease>> {
        let (now_us, key) = (self.now_us(), self.lease_key(name));
        let held: Option<(u64, i64)> =
            self.run(&ACQUIRE, &[&key], &[&now_us, owner, &us(hold), &keep_ms()]).await?;
        Ok(held.map(|(fence, until_us)| Lease {
            name: name.into(),
            owner: owner.into(),
            fence,
            expires_at: moment(until_us),
        }))
    }

    pub(super) async fn renew_lease(&self, lease: &Lease, hold: Duration) -> BusResult<Option<Lease>> {
        let (now_us, key, fence) = (self.now_us(), self.lease_key(&lease.name), lease.fence.to_string());
        let until_us: Option<i64> =
            self.run(&RENEW, &[&key], &[&now_us, &fence, &us(hold), &keep_ms()]).await?;
        Ok(until_us.map(|until_us| Lease { expires_at: moment(until_us), ..lease.clone() }))
    }

    pub(super) async fn release_lease(&self, lease: &Lease) -> BusResult<()> {
        self.run(&RELEASE, &[&self.lease_key(&lease.name)], &[&lease.fence.to_string()]).await
    }

    fn lease_key(&self, name: &str) -> String {
        format!("{}:lease:{name}", self.prefix)
    }
}

fn keep_ms() -> String {
    FENCE_KEEP.as_millis().to_string()
}
