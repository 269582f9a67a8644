//! What the service says on the wire. `cargo test` is all that it takes, with curl and libpcap installed.

use wiresnap::{Error, Lab, Scenario, assert_wire_snapshot};

/// The scenario of `greets.toml`, with the service that cargo has built.
fn greets() -> Result<Scenario, Error> {
    let scenario = Scenario::from_file("tests/greets.toml")?;
    Ok(scenario.set("service", env!("CARGO_BIN_EXE_greeter")))
}

#[tokio::test]
async fn greets_ada() -> Result<(), Error> {
    let recording = Lab::new().time_scale(0.1).play(&greets()?).await?;

    assert_wire_snapshot!(recording);
    Ok(())
}

#[test]
fn each_greeting_is_one_packet_of_the_server() -> Result<(), Error> {
    let grace = greets()?.set("name", "Grace");

    let recording = Lab::new().time_scale(0.1).play_blocking(&grace)?;

    let messages = recording.messages()?;
    let answers: Vec<_> = messages
        .iter()
        .filter(|message| !message.is_from_client())
        .collect();
    assert_eq!(answers.len(), 2);
    for answer in answers {
        assert_eq!(
            (answer.status(), answer.text()),
            (Some(200), Some("Hello, Grace!\n"))
        );
    }
    // A request and a response in each of the two connections: nothing is sent in pieces, and readiness was asked for
    // past the capture.
    assert_eq!(recording.stats()?.app_packets, 4);
    Ok(())
}
