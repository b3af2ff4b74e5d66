//! Certificates and passwords that are proven without being sent, on the genuine server. The client needs
//! OpenSSL for both.

use std::{fs, time::Duration};

use bus::{Bus as _, BusError, ErrorClass, conformance::market};
use bus_kafka::{ClientSettings, KafkaBus, Options};
use servers::{Authority, Certificate, KafkaServer, KafkaSettings};

use crate::rig::{open, options, wall_clock};

/// A refusal, which does not wait for as long as there is patience for outages.
fn refused(options: &Options) -> BusError {
    let options = Options { patience: Duration::from_secs(300), ..options.clone() };
    let (say, said) = std::sync::mpsc::channel();
    let _ = std::thread::spawn(move || say.send(KafkaBus::open(options, wall_clock).map(drop)));
    said.recv_timeout(Duration::from_secs(60)).expect("an answer").unwrap_err()
}

fn opens(options: &Options) {
    let mut bus = open(options);
    let _ = bus.commit(&[market(1..=2)]).unwrap();
    let mut reader = KafkaBus::follow(options.clone()).unwrap();
    assert_eq!(reader.next_entries().unwrap().len(), 3);
}

/// A certificate and its key in one file, as the server takes them.
fn both(of: &Certificate) -> String {
    let file = of.certificate.with_extension("both");
    let read = |path| fs::read_to_string(path).unwrap();
    fs::write(&file, read(&of.key) + &read(&of.certificate)).unwrap();
    file.display().to_string()
}

#[test]
fn a_kafka_is_believed_by_whom_its_authority_is_trusted_and_asks_for_a_certificate_itself() {
    let (ours, other) = (Authority::new().unwrap(), Authority::new().unwrap());
    let lines = format!(
        "listener.security.protocol.map=PLAINTEXT:SSL,CONTROLLER:PLAINTEXT\n\
         inter.broker.listener.name=PLAINTEXT\n\
         ssl.keystore.type=PEM\nssl.keystore.location={}\nssl.truststore.type=PEM\n\
         ssl.truststore.location={}\nssl.client.auth=required\n",
        both(&ours.issue("127.0.0.1").unwrap()),
        ours.certificate().display(),
    );
    let server = KafkaServer::start(KafkaSettings { lines, ..KafkaSettings::default() }).unwrap();
    let with = |trusted: &Authority, shown: Option<Certificate>| {
        let mut settings = ClientSettings::default()
            .with("security.protocol", "SSL")
            .with("ssl.ca.location", &trusted.certificate().display().to_string());
        if let Some(Certificate { certificate, key }) = shown {
            settings = settings
                .with("ssl.certificate.location", &certificate.display().to_string())
                .with("ssl.key.location", &key.display().to_string());
        }
        Options { settings, ..options(&server.brokers()) }
    };
    let desk = ours.issue("desk").unwrap();
    opens(&with(&ours, Some(desk.clone())));
    for wrong in [with(&other, Some(desk)), with(&ours, None)] {
        let error = refused(&wrong);
        assert!(error.to_string().starts_with("E2402"), "{error}");
        assert_eq!(error.class(), ErrorClass::Fatal);
    }
}

/// Its users are made with its store.
#[test]
fn a_password_that_is_proven_and_not_sent_opens_and_another_does_not() {
    let lines = "\
listener.security.protocol.map=PLAINTEXT:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
sasl.enabled.mechanisms=SCRAM-SHA-512
sasl.mechanism.inter.broker.protocol=SCRAM-SHA-512
listener.name.plaintext.scram-sha-512.sasl.jaas.config=\
org.apache.kafka.common.security.scram.ScramLoginModule required username=\"server\" password=\"itself\";
";
    let user = |name: &str, password: &str| {
        ["--add-scram".into(), format!("SCRAM-SHA-512=[name={name},password={password}]")]
    };
    let settings = KafkaSettings {
        lines: lines.into(),
        format: [user("server", "itself"), user("ada", "s3cret")].concat(),
        ..KafkaSettings::default()
    };
    let server = KafkaServer::start(settings).unwrap();
    let as_ada = |password: &str| {
        let settings = ClientSettings::default()
            .with("security.protocol", "SASL_PLAINTEXT")
            .with("sasl.mechanisms", "SCRAM-SHA-512")
            .with("sasl.username", "ada")
            .with("sasl.password", password);
        Options { settings, ..options(&server.brokers()) }
    };
    opens(&as_ada("s3cret"));
    let error = refused(&as_ada("gue55ed"));
    assert!(error.to_string().starts_with("E2402"), "{error}");
    assert!(!format!("{error:?}").contains("gue55ed"), "{error:?}");
}
