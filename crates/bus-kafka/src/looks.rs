//! Looks in vain for what is stored, and what follows from them.

use std::time::{Duration, Instant};

use crate::{
    KafkaBusError,
    client::{Cluster, is_missing},
    watch::now,
};

/// Looks in vain last so long before the servers are asked whether there is anything to come: a client is
/// made for it, a tenth of a second that most looks can be without.
const BEFORE_ASKING: Duration = Duration::from_secs(1);

/// Looks in vain for something that is stored, and that may be undecided for a while.
#[derive(Debug)]
pub(crate) struct Looks {
    most: Duration,
    /// When the first was in vain, and when it was asked last.
    since: Option<(Instant, Instant)>,
}

impl Looks {
    /// None yet.
    pub(crate) fn of(cluster: &Cluster) -> Self {
        Self { most: cluster.undecided_for(), since: None }
    }

    /// Takes note of one. Returns now and then that the servers should be asked what there is, and if it
    /// is there, that it be told that something is stuck.
    ///
    /// # Errors
    /// [`KafkaBusError::Unreachable`], once it took too long.
    pub(crate) fn in_vain(
        &mut self,
        cluster: &Cluster,
        at: Instant,
        stands_still: &str,
    ) -> Result<bool, KafkaBusError> {
        let (since, asked_at) = self.since.get_or_insert((at, at));
        if at.saturating_duration_since(*since) > self.most {
            let (brokers, why) =
                (cluster.options.brokers.clone(), format!("{stands_still} stands still"));
            return Err(KafkaBusError::Unreachable { brokers, why });
        }
        let is_due = at.saturating_duration_since(*asked_at) >= BEFORE_ASKING;
        if is_due {
            *asked_at = at;
        }
        Ok(is_due)
    }

    /// Takes note of another for the order; servers that do not answer are waited for no longer than our
    /// patience.
    pub(crate) fn in_vain_for_order(&mut self, cluster: &Cluster) -> Result<(), KafkaBusError> {
        if !self.in_vain(cluster, now(), "the order")? {
            return Ok(());
        }
        match cluster.reach(&cluster.observer()?, cluster.names.order(), 0) {
            Ok(_) => cluster.stuck.tell(),
            // A server that has just come back may not know of it yet; a topic that is gone is noticed by
            // who looks.
            Err(error) if is_missing(&error) => {}
            Err(error) => return Err(cluster.sorted(&error)),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Options;

    /// A message is looked for in vain once whenever its marker comes a moment later, so the first looks
    /// must cost nothing, whatever the patience is.
    #[test]
    fn the_servers_are_asked_only_after_a_good_many_looks_in_vain() {
        for patience in 1..=60 {
            let patience = Duration::from_secs(patience);
            let options = Options { patience, ..Options::new("127.0.0.1:1", "blotter", "test") };
            let cluster = Cluster::new(options);
            let most = cluster.undecided_for().as_secs();
            assert!(most > 2 * patience.as_secs(), "as long as a transaction may be open");
            let (mut looks, began) = (Looks::of(&cluster), now());
            let mut look =
                |tick: u64| looks.in_vain(&cluster, began + Duration::from_millis(20 * tick), "it");
            let asks: Vec<bool> = (0..=most * 50).map(|tick| look(tick).unwrap()).collect();
            assert_eq!(asks.iter().position(|asks| *asks), Some(50));
            assert_eq!(asks.iter().filter(|asks| **asks).count() as u64, most);
            assert!(look(most * 50 + 1).is_err());
        }
    }
}
