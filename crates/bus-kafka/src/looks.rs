//! Looks in vain for what is stored, and what follows from them.

use std::time::Duration;

use crate::{KafkaBusError, client::Cluster};

/// Looks in vain last so long before the servers are asked whether there is anything to come: a client is
/// made for it, a tenth of a second that most looks can be without.
const BEFORE_ASKING: Duration = Duration::from_secs(1);

/// Looks in vain for something that is stored, and that may be undecided for a while.
#[derive(Debug)]
pub(crate) struct Looks {
    each: Duration,
    vain: Duration,
    most: Duration,
}

impl Looks {
    /// Looks that take `each` at the least.
    pub(crate) fn of(cluster: &Cluster, each: Duration) -> Self {
        Self { each, vain: Duration::ZERO, most: cluster.undecided_for() }
    }

    /// Takes note of another. Returns now and then that the servers should be asked what there is, and if it
    /// is there, that it be told that something is stuck.
    ///
    /// # Errors
    /// [`KafkaBusError::Unreachable`], once there were too many.
    pub(crate) fn in_vain(
        &mut self,
        cluster: &Cluster,
        stands_still: &str,
    ) -> Result<bool, KafkaBusError> {
        self.vain += self.each;
        if self.vain > self.most {
            let (brokers, why) =
                (cluster.options.brokers.clone(), format!("{stands_still} stands still"));
            return Err(KafkaBusError::Unreachable { brokers, why });
        }
        Ok(self.vain.as_millis().is_multiple_of(BEFORE_ASKING.as_millis()))
    }

    /// Takes note of another for the order; servers that do not answer are waited for no longer than our
    /// patience.
    pub(crate) fn in_vain_for_order(&mut self, cluster: &Cluster) -> Result<(), KafkaBusError> {
        if self.in_vain(cluster, "the order")? {
            let reach = cluster.reach(&cluster.observer()?, cluster.names.order(), 0);
            let _ = reach.map_err(|error| cluster.sorted(&error))?;
            cluster.stuck.tell();
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
            let mut looks = Looks::of(&cluster, Duration::from_millis(20));
            let mut look = || looks.in_vain(&cluster, "it");
            let asks: Vec<bool> = (0..most * 50).map(|_| look().unwrap()).collect();
            assert_eq!(asks.iter().position(|asks| *asks), Some(49));
            assert_eq!(asks.iter().filter(|asks| **asks).count() as u64, most);
            assert!(look().is_err());
        }
    }
}
