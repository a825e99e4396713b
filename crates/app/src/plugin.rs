//! The connector class that this program stands for, as REST shows it and checks pairs by it.

use std::sync::Arc;

use admin::{Plugin, Validate};

use crate::settings::{Ground, keys};

/// The class with its keys; `validate` knows the worker.
pub(crate) fn plugin(validate: Validate) -> Plugin {
    let [class, aliases @ ..] = &keys::CLASSES;
    let framework_keys = keys::framework();
    let own = |key: &&'static config::Key| !framework_keys.iter().any(|framework| framework.name == key.name);
    Plugin {
        class,
        task_class: "io.conduktor.connect.otel.OpenTelemetrySourceTask",
        aliases,
        version: env!("CARGO_PKG_VERSION"),
        keys: keys::connector().into_iter().filter(own).collect(),
        framework_keys,
        converters: sink::CONVERTERS,
        header_converters: sink::HEADER_CONVERTERS,
        client_property,
        validate,
    }
}

/// The check of pairs that come over REST.
pub(crate) fn validate(ground: Arc<Ground>) -> Validate {
    Arc::new(move |connector| ground.problems(connector))
}

/// What the documentation says of a property of Kafka's clients.
fn client_property(name: &str) -> Option<String> {
    let mut properties = sink::client_properties();
    properties.find(|(known, ..)| *known == name).map(|(_, _, story)| story)
}
