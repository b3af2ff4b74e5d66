//! Servers that let everybody in as his role and no more, as `streams export` says it of the topology.

use servers::{KafkaServer, KafkaSettings, NatsServer, Settings};
use tempfile::TempDir;
use tests::Desk;

use crate::outside::Outside;

/// Every role.
const ROLES: [&str; 7] = ["admin", "reader", "run", "ingress", "agents", "gateway", "producer"];
/// Somebody who has none.
const EVE: &str = "eve";

/// What a nats-server's configuration says of the bus `prefix`; every password is `pw`.
pub(crate) fn permissions(prefix: &str) -> String {
    let bus = format!("nats://127.0.0.1:9/{prefix}");
    let exported = Desk::new().run(&["streams", "export", "nats", "--bus", &bus]).exits(0).stdout;
    let password = |user: &str| format!("BLOTTER_{}: \"pw\"\n", user.to_uppercase());
    ROLES.map(password).concat() + &exported
}

/// A nats-server with the bus `prefix`.
pub(crate) fn nats(prefix: &str, settings: Settings) -> NatsServer {
    let lines = format!("{}\n{}", settings.lines, permissions(prefix));
    NatsServer::start(Settings { lines, ..settings }).unwrap()
}

/// The bus as a user is let in there.
pub(crate) fn nats_bus(server: &NatsServer, prefix: &str, user: &str) -> String {
    format!("{}/{prefix}", server.url().replace("nats://", &format!("nats://{user}:pw@")))
}

/// A listener that knows the users, and asks the authorizer what they may do.
fn listener() -> String {
    let user = |user: &str| format!(" user_{user}=\"pw\"");
    let users = ROLES.map(user).concat() + &user(EVE);
    format!(
        "listener.security.protocol.map=PLAINTEXT:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT\n\
         inter.broker.listener.name=PLAINTEXT\n\
         sasl.enabled.mechanisms=PLAIN\n\
         sasl.mechanism.inter.broker.protocol=PLAIN\n\
         authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer\n\
         super.users=User:server;User:ANONYMOUS\n\
         listener.name.plaintext.plain.sasl.jaas.config={LOGIN} \
         username=\"server\" password=\"pw\" user_server=\"pw\"{users};\n"
    )
}

const LOGIN: &str = "org.apache.kafka.common.security.plain.PlainLoginModule required";

/// A Kafka node with one bus.
pub(crate) struct OnKafka {
    /// Where the bus is.
    pub(crate) bus: String,
    settings: TempDir,
    _server: KafkaServer,
}

impl OnKafka {
    pub(crate) fn start(prefix: &str) -> Self {
        let settings = KafkaSettings { lines: listener(), ..KafkaSettings::default() };
        let server = KafkaServer::start(settings).unwrap();
        let bus = format!("kafka://{}/{prefix}", server.brokers());
        let export = ["streams", "export", "kafka", "--bus", &bus];
        let grants = Desk::new().run(&export).exits(0).stdout;
        let client = format!(
            "security.protocol=SASL_PLAINTEXT\nsasl.mechanism=PLAIN\n\
             sasl.jaas.config={LOGIN} username=\"server\" password=\"pw\";\n"
        );
        server.allow(&client, &grants).unwrap();
        let folder = TempDir::new().unwrap();
        for user in ROLES.into_iter().chain([EVE]) {
            let text = format!(
                "security.protocol=SASL_PLAINTEXT\nsasl.mechanisms=PLAIN\nsasl.password=pw\n\
                 sasl.username={user}\n"
            );
            std::fs::write(folder.path().join(user), text).unwrap();
        }
        Self { bus, settings: folder, _server: server }
    }

    /// Programs of others beside it.
    pub(crate) fn outside(&self) -> Outside {
        let (server, prefix) =
            self.bus.trim_start_matches("kafka://").split_once('/').expect("a server and a prefix");
        Outside::new("kafka", server, prefix)
    }

    /// The client's settings of a user.
    pub(crate) fn settings_of(&self, user: &str) -> String {
        self.settings.path().join(user).to_string_lossy().into_owned()
    }
}
