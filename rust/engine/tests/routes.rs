//! From which of its machine's addresses a listener on all of them answers.

#![allow(clippy::unwrap_used)]

mod support;

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use support::{End, V1, V2, Weather, World};
use webrtc_direct_engine::Route;
use webrtc_direct_engine::listener::SessionId;
use webrtc_direct_engine::stun::{self, IceRole};

/// More than any table of addresses has room for.
const CROWD: u32 = 20_000;

fn local(number: u8) -> Option<IpAddr> {
    Some(IpAddr::from([192, 0, 2, number]))
}

/// A request of somebody who dials, and two datagrams that mean nothing.
fn noise(number: u32) -> [Vec<u8>; 3] {
    let username = format!("{V1}{number}:{V1}{number}");
    let role = IceRole::Controlling { use_candidate: true };
    let request = stun::binding_request([9; 12], &username, &format!("{V1}{number}"), role, 1);
    [request, vec![200; 8], vec![23, 254, 253, 0, 1, 0, 0, 0, 0, 0, 9, 0, 4, 1, 2, 3, 4]]
}

/// The addresses from which the server pushes something to the client.
fn pushed_from(world: &mut World, client: usize, server: SessionId, key: u64) -> Vec<Option<IpAddr>> {
    world.left_from.clear();
    world.at(End::Server(server), |session| {
        session.open_channel(key);
        session.send(key, vec![b"pushed".to_vec()]);
    });
    let to = world.addresses[client];
    world.left_from.iter().filter(|(remote, _)| *remote == to).map(|(_, local)| *local).collect()
}

#[test]
fn nobody_changes_the_address_from_which_a_connection_is_served() {
    let mut world = World::new(1, Weather::FAIR);
    world.local = local(2);
    let (client, server) = world.connect(&format!("{V2}:client"));
    for number in 0..CROWD {
        let remote = SocketAddr::from(([203, 0, (number >> 8) as u8, number as u8], 7777));
        for datagram in noise(number) {
            world.listener.handle_datagram_untrusted(Route { remote, local: local(3) }, &datagram, world.now);
        }
    }
    // As if they came from the client.
    let forged = Route { remote: world.addresses[client], local: local(3) };
    for datagram in noise(0) {
        world.listener.handle_datagram_untrusted(forged, &datagram, world.now);
    }
    world.run(Duration::from_millis(1));
    let from = pushed_from(&mut world, client, server, 1000);
    assert!(!from.is_empty() && from.iter().all(|from| *from == local(2)), "{from:?}");
}

#[test]
fn a_stranger_is_answered_from_the_address_that_it_asked() {
    let mut world = World::new(2, Weather::FAIR);
    for number in 0..200 {
        let remote = SocketAddr::from(([203, 0, 113, number], 7777));
        let route = Route { remote, local: local(number) };
        world.listener.handle_datagram_untrusted(route, &noise(number.into())[0], world.now);
    }
    world.run(Duration::from_millis(1));
    assert!(world.left_from.len() >= 200);
    for (remote, from) in &world.left_from {
        let IpAddr::V4(ip) = remote.ip() else { panic!("{remote}") };
        assert_eq!(*from, local(ip.octets()[3]));
    }
}

#[test]
fn a_connection_follows_its_client_to_another_address() {
    let mut world = World::new(3, Weather::FAIR);
    world.local = local(2);
    let (client, server) = world.connect(&format!("{V2}:client"));
    world.local = local(3);
    world.at(End::Client(client), |session| {
        session.open_channel(1000);
        session.send(1000, vec![b"from here on".to_vec()]);
    });
    world.run(Duration::from_secs(1));
    let from = pushed_from(&mut world, client, server, 1002);
    assert!(!from.is_empty() && from.iter().all(|from| *from == local(3)), "{from:?}");
}
