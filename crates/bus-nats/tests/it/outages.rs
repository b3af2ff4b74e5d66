//! Servers that die, stall and come back, under load; and what was answered meanwhile.

use std::{sync::mpsc::channel, time::Duration};

use bus::{Bus as _, ErrorClass};
use bus_nats::{NatsBus, Options, Writers};
use servers::{Fault, NatsCluster, NatsServer, Proxy, Settings, often, tried};

use crate::{
    history::{History, after, under_load, unit},
    rig::{admin, options, publish_with},
};

/// Outages of a second must not take the seconds that production allows.
fn impatient(url: &str) -> Options {
    Options { answer_patience: Duration::from_millis(500), ..options(url) }
}

#[test]
fn a_server_killed_again_and_again_loses_and_doubles_nothing() {
    for writers in [Writers::One, Writers::Many] {
        let mut server = NatsServer::start(Settings::fsync()).unwrap();
        let options = Options { writers, ..impatient(&server.url()) };
        let mut bus = NatsBus::open(options.clone()).unwrap();
        let (history, ended) = under_load(&mut bus, "risk/A", often(400), |heard| {
            for _ in 0..often(5) {
                after(heard, 50);
                server.kill().unwrap();
                server.start_again().unwrap();
            }
        });
        ended.unwrap();
        history.check(&mut bus);
        drop(bus);
        history.check(&mut NatsBus::open(options).unwrap());
        tried("kills of the server", "NATS", often(5));
    }
}

#[test]
fn a_paused_server_is_waited_for_and_nothing_is_doubled() {
    let server = NatsServer::start(Settings::default()).unwrap();
    let mut bus = NatsBus::open(impatient(&server.url())).unwrap();
    let (history, ended) = under_load(&mut bus, "risk/A", often(200), |heard| {
        for _ in 0..often(2) {
            after(heard, 50);
            server.pause().unwrap();
            // Longer than an answer may take: what was sent meanwhile is in doubt.
            assert!(
                heard.recv_timeout(Duration::from_millis(900)).is_err()
                    || heard.try_recv().is_err()
            );
            server.go_on().unwrap();
        }
    });
    ended.unwrap();
    history.check(&mut bus);
    tried("pauses of the server", "NATS", often(2));
}

#[test]
fn a_connection_cut_in_the_middle_of_a_unit_leaves_it_whole_or_absent() {
    for writers in [Writers::One, Writers::Many] {
        let server = NatsServer::start(Settings::default()).unwrap();
        let proxy = Proxy::in_front_of(server.port()).unwrap();
        let options = Options { writers, ..impatient(&proxy.url()) };
        let mut bus = NatsBus::open(options).unwrap();
        let (history, ended) = under_load(&mut bus, "risk/A", often(300), |heard| {
            for cut in 0..often(25) {
                after(heard, 4);
                // Every part of a unit is the last to pass once.
                proxy.cut_after(cut % 25 * 97 + cut / 25);
            }
        });
        ended.unwrap();
        history.check(&mut bus);
        tried("connections cut", "NATS", often(25));
    }
}

#[test]
fn an_answer_that_never_comes_is_looked_up_and_not_sent_twice() {
    let server = NatsServer::start(Settings::default()).unwrap();
    let proxy = Proxy::in_front_of(server.port()).unwrap();
    let mut bus = NatsBus::open(impatient(&proxy.url())).unwrap();
    let (history, ended) = under_load(&mut bus, "risk/A", often(60), |heard| {
        for _ in 0..often(3) {
            after(heard, 10);
            proxy.set(Fault::StallAnswers);
            // The unit underway arrives; its answer does not, and the connection ends without it.
            while heard.recv_timeout(Duration::from_millis(700)).is_ok() {}
            proxy.cut();
            proxy.set(Fault::None);
        }
    });
    ended.unwrap();
    history.check(&mut bus);
    tried("answers that never came", "NATS", often(3));
}

#[test]
fn an_outage_past_patience_is_said_and_what_was_underway_is_settled_first() {
    let server = NatsServer::start(Settings::default()).unwrap();
    let proxy = Proxy::in_front_of(server.port()).unwrap();
    let options =
        Options { outage_patience: Duration::from_millis(900), ..impatient(&proxy.url()) };
    let mut bus = NatsBus::open(options).unwrap();
    let (history, ended) = under_load(&mut bus, "risk/A", 40, |heard| {
        for fault in [Fault::StallAnswers, Fault::Stall, Fault::Refuse] {
            after(heard, 10);
            proxy.set(fault);
            while heard.recv_timeout(Duration::from_millis(1500)).is_ok() {}
            proxy.cut();
            proxy.set(Fault::None);
        }
    });
    ended.unwrap();
    assert!(history.offered_again > 0, "the outage was not noticed");
    history.check(&mut bus);
}

/// A server whose disk is full answers nothing more until it has room and is started again; what it
/// answered before is there.
#[test]
fn a_server_whose_disk_is_full_loses_and_doubles_nothing_once_it_has_room() {
    let mut server =
        NatsServer::start(Settings { disk_mb: Some(16), ..Settings::default() }).unwrap();
    let options =
        Options { outage_patience: Duration::from_millis(900), ..impatient(&server.url()) };
    let mut bus = NatsBus::open(options.clone()).unwrap();
    let mut history = History::default();
    let (said, _heard) = channel();
    let refusal = loop {
        match history.load_once(&mut bus, "risk/A", &said) {
            Ok(()) => assert!(history.accepted() < 100_000, "its disk is small"),
            Err(error) => break error,
        }
    };
    assert_eq!(refusal.class(), ErrorClass::Retry, "{refusal}");
    server.resize_disk(200);
    server.kill().unwrap();
    server.start_again().unwrap();
    let more = history.accepted() + 50;
    history.load(&mut bus, "risk/A", more, &said).unwrap();
    history.check(&mut bus);
    drop(bus);
    history.check(&mut NatsBus::open(options).unwrap());
}

#[test]
fn a_cluster_that_loses_its_leader_loses_and_doubles_nothing() {
    let mut cluster = NatsCluster::start(&Settings::fsync()).unwrap();
    let options = Options {
        replicas: 3,
        accept_lazy: false,
        answer_patience: Duration::from_secs(2),
        outage_patience: Duration::from_secs(60),
        ..options(&cluster.url())
    };
    let mut bus = NatsBus::open(options.clone()).unwrap();
    assert_eq!(bus.class(), bus::Class::Replicated);
    let (history, ended) = under_load(&mut bus, "risk/A", often(150), |heard| {
        for _ in 0..often(2) {
            after(heard, 40);
            let leader = leader(&cluster, &options.prefix);
            let node = cluster.node(&leader).unwrap();
            node.kill().unwrap();
            after(heard, 10);
            node.start_again().unwrap();
        }
    });
    ended.unwrap();
    history.check(&mut bus);
    let mut again = NatsBus::open(options).unwrap();
    history.check(&mut again);
    assert_eq!(again.next_index(), bus.next_index());
    tried("leaders killed", "NATS, three servers", often(2));
}

/// The server recognises an id for a while only. What a worker offers again after that is recognised by
/// what the stream holds.
#[test]
fn a_worker_away_for_longer_than_ids_are_remembered_doubles_nothing() {
    let server = NatsServer::start(Settings::default()).unwrap();
    for writers in [Writers::One, Writers::Many] {
        let options = Options { writers, ..impatient(&server.url()) };
        let mut bus = NatsBus::open(options.clone()).unwrap();
        let about = |what: &str| format!("STREAM.{what}.{}", options.prefix);
        let mut config = admin(&server.url(), &about("INFO"), &().into())["config"].clone();
        config["duplicate_window"] = 100_000_000.into();
        let _ = admin(&server.url(), &about("UPDATE"), &config);
        let units: Vec<_> = (0..5).map(|number| unit("risk/A", number)).collect();
        let answered: Vec<_> =
            units.iter().map(|unit| bus.commit(std::slice::from_ref(unit)).unwrap()).collect();
        drop(bus);
        std::thread::park_timeout(Duration::from_millis(400));
        // The server takes the id of a stored event for a new one.
        let id = answered[4][0][0].event_id.to_string();
        publish_with(&server.url(), &format!("{}.in.x", options.prefix), Some(&id), b"hello");
        let mut bus = NatsBus::open(options.clone()).unwrap();
        let end = bus.next_index();
        for (unit, before) in units.iter().zip(&answered) {
            assert_eq!(bus.commit(std::slice::from_ref(unit)).unwrap(), *before);
        }
        assert_eq!(bus.next_index(), end);
        let _ = bus.commit(&[unit("risk/A", 5)]).unwrap();
        let _ = admin(&server.url(), &about("DELETE"), &().into());
    }
}

fn leader(cluster: &NatsCluster, prefix: &str) -> String {
    let info =
        crate::rig::admin(&cluster.url(), &format!("STREAM.INFO.{prefix}"), &serde_json::json!({}));
    info["cluster"]["leader"].as_str().unwrap().to_string()
}
