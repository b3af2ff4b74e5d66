//! Who may do what on Kafka's servers.
//!
//! Kafka lets users write topics, and knows nothing of sources: a role is kept from streams that are not
//! its own, and within one from nothing. The order topic is everybody's who writes anything.

use std::fmt::Write as _;

use bus::Stream;

use super::{Declared, Role};

/// The order topic, by what stands behind the prefix.
const ORDER: &str = "log";
/// The topic where producers outside offer events, in the same way.
const OFFERS: &str = "in";
/// The group that clients name themselves after, by what stands behind the prefix.
const READERS: &str = "readers";
/// Where the servers keep what became of transactions: what it is worth is read from its settings.
const TRANSACTIONS: &str = "__transaction_state";

/// What is allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Grant {
    pub(crate) resource: Resource,
    pub(crate) name: String,
    /// Whether the name is only what names begin with.
    pub(crate) is_prefix: bool,
    pub(crate) operations: Vec<&'static str>,
}

/// What Kafka gives out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Resource {
    Topic,
    Group,
    TransactionalId,
}

/// What a role needs on the bus whose names begin with `prefix`, and nothing else.
pub(crate) fn grants(role: &Role, prefix: &str) -> Vec<Grant> {
    let topic = |name: String, is_prefix, operations: &[&'static str]| Grant {
        resource: Resource::Topic,
        name,
        is_prefix,
        operations: operations.to_vec(),
    };
    if role.offers {
        return vec![topic(format!("{prefix}.{OFFERS}"), false, &["Describe", "Write"])];
    }
    let mut of_all = vec!["Describe", "DescribeConfigs"];
    if role.makes_streams {
        of_all.push("Create");
    }
    let mut grants = Vec::new();
    for (streams, operation) in [(&role.reads, "Read"), (&role.writes, "Write")] {
        if streams.len() == Stream::ALL.len() {
            of_all.push(operation);
        } else if !streams.is_empty() {
            // Whoever reads also reads what producers outside offer; nobody of ours writes it.
            let beside = if operation == "Read" { &[ORDER, OFFERS][..] } else { &[ORDER] };
            let names = streams.iter().map(|stream| stream.as_str()).chain(beside.iter().copied());
            grants.extend(names.map(|name| topic(format!("{prefix}.{name}"), false, &[operation])));
        }
    }
    // No name of another bus begins so: a prefix holds no dot.
    grants.insert(0, topic(format!("{prefix}."), true, &of_all));
    grants.push(topic(TRANSACTIONS.into(), false, &["Describe", "DescribeConfigs"]));
    // Nobody joins the group; the client asks who keeps it before it reads anything.
    grants.push(Grant {
        resource: Resource::Group,
        name: format!("{prefix}.{READERS}"),
        is_prefix: false,
        operations: vec!["Describe"],
    });
    if !role.writes.is_empty() {
        grants.push(Grant {
            resource: Resource::TransactionalId,
            // Whoever writes under a name of another role would fence it.
            name: format!("{prefix}.{}", role.writes_as),
            is_prefix: true,
            operations: vec!["Describe", "Write"],
        });
    }
    grants
}

/// The grants of every role as lines of Kafka's own tool.
pub(crate) fn kafka_acls(declared: &Declared, prefix: &str) -> String {
    let mut text = String::from(
        "# Set BROKERS, and COMMAND_CONFIG to a file that says who the administrator is.\n",
    );
    for role in &declared.roles {
        let _ = writeln!(text, "# {}: {}", role.name, role.does);
        for grant in grants(role, prefix) {
            let (resource, pattern) = (grant.resource.flag(), grant.pattern());
            let operations: String = grant
                .operations
                .iter()
                .map(|operation| format!(" --operation {operation}"))
                .collect();
            let _ = writeln!(
                text,
                "kafka-acls.sh --bootstrap-server \"$BROKERS\" --command-config \"$COMMAND_CONFIG\" --add \
                 --allow-principal User:{}{operations} --resource-pattern-type {pattern} {resource} {}",
                role.name, grant.name
            );
        }
    }
    text
}

impl Grant {
    /// How the name is meant, in Kafka's words.
    pub(crate) const fn pattern(&self) -> &'static str {
        if self.is_prefix { "prefixed" } else { "literal" }
    }
}

impl Resource {
    const fn flag(self) -> &'static str {
        match self {
            Self::Topic => "--topic",
            Self::Group => "--group",
            Self::TransactionalId => "--transactional-id",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn may(role: &str, resource: Resource, name: &str, operation: &str) -> bool {
        let declared = Declared::shipped().unwrap();
        grants(declared.role(role).unwrap(), "b").iter().any(|grant| {
            let names =
                if grant.is_prefix { name.starts_with(&grant.name) } else { grant.name == name };
            grant.resource == resource && names && grant.operations.contains(&operation)
        })
    }

    #[test]
    fn a_role_writes_its_own_streams_and_no_other() {
        use Resource::{Topic, TransactionalId};
        for (role, topic, writes) in [
            ("run", "b.order", true),
            ("ingress", "b.market", true),
            ("ingress", "b.log", true),
            ("ingress", "b.order", false),
            ("gateway", "b.execution", true),
            ("gateway", "b.market", false),
            ("reader", "b.market", false),
            ("reader", "b.log", false),
            ("admin", "b.log", false),
            ("producer", "b.in", true),
            ("producer", "b.log", false),
            ("producer", "b.market", false),
        ] {
            assert_eq!(may(role, Topic, topic, "Write"), writes, "{role} {topic}");
        }
        assert!(may("reader", Topic, "b.order", "Read") && !may("admin", Topic, "b.order", "Read"));
        assert!(!may("producer", Topic, "b.in", "Read"), "what others offered");
        assert!(may("admin", Topic, "b.order", "Create") && may("run", Topic, "b.log", "Create"));
        assert!(!may("ingress", Topic, "b.order", "Create"));
        assert!(may("run", TransactionalId, "b.run", "Write"));
        assert!(!may("ingress", TransactionalId, "b.run", "Write"));
        assert!(may("agents", TransactionalId, "b.work-one", "Write"));
        assert!(!may("agents", TransactionalId, "b.run", "Write"));
        assert!(!may("run", Topic, "c.order", "Write"), "of another bus");
        for role in ["run", "admin"] {
            assert!(!may(role, Topic, "b.order", "Delete"), "nobody deletes");
            assert!(!may(role, Topic, "b.order", "AlterConfigs"), "nor changes");
        }
    }
}
