# The image: one static program, the authorities that the system trusts, nothing else.
#   docker build -t otlp2kafka:0.1.0 .
# Without an engine: `cargo xtask dist` writes an OCI archive of the same program, with the licences of what is in it.
FROM rust:1.95-alpine AS build
RUN apk add --no-cache build-base ca-certificates
WORKDIR /src
COPY . .
# Alpine's toolchain builds for musl, and that is static.
RUN cargo build --locked --profile dist --bin otlp2kafka \
    && mkdir -p /image/data /image/etc/ssl/certs \
    && cp target/dist/otlp2kafka /image/otlp2kafka \
    && cp /etc/ssl/certs/ca-certificates.crt /image/etc/ssl/certs/

FROM scratch
COPY --from=build /image/otlp2kafka /otlp2kafka
COPY --from=build /image/etc /etc
COPY --from=build --chown=65532:65532 /image/data /data
USER 65532:65532
# The REST API, health and metrics; OTLP over gRPC and HTTP.
EXPOSE 8083 4317 4318
# Connectors made over REST, and the embedded broker's topics.
VOLUME /data
ENV OTLP2KAFKA_DATA_DIR=/data
ENTRYPOINT ["/otlp2kafka"]
