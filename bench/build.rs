//! Generates the views of the contender `buffa` from the published descriptors that `cargo xtask bench codec` fetched.

#[cfg(not(feature = "contenders"))]
fn main() {}

#[cfg(feature = "contenders")]
#[expect(clippy::disallowed_methods, reason = "a build script has no other way to be told")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    const VARIABLE: &str = "OTLP_DESCRIPTORS";
    const SERVICES: [&str; 3] = [
        "opentelemetry/proto/collector/trace/v1/trace_service.proto",
        "opentelemetry/proto/collector/metrics/v1/metrics_service.proto",
        "opentelemetry/proto/collector/logs/v1/logs_service.proto",
    ];
    const MESSAGES: [&str; 5] = [
        "opentelemetry/proto/common/v1/common.proto",
        "opentelemetry/proto/resource/v1/resource.proto",
        "opentelemetry/proto/trace/v1/trace.proto",
        "opentelemetry/proto/metrics/v1/metrics.proto",
        "opentelemetry/proto/logs/v1/logs.proto",
    ];
    println!("cargo::rerun-if-env-changed={VARIABLE}");
    let descriptors = std::env::var(VARIABLE)
        .map_err(|_| format!("{VARIABLE} is not set: contenders are built by `cargo xtask bench codec`"))?;
    println!("cargo::rerun-if-changed={descriptors}");
    buffa_build::Config::new()
        .descriptor_set(descriptors)
        .files(&[&SERVICES[..], &MESSAGES[..]].concat())
        .include_file("views.rs")
        .compile()
}
