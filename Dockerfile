# syntax=docker/dockerfile:1
FROM rust:1.95-slim-bookworm AS build
WORKDIR /src
RUN apt-get update && apt-get install -y --no-install-recommends gcc libc6-dev && rm -rf /var/lib/apt/lists/*
# Dependencies first: they change far less often than the sources.
COPY Cargo.toml Cargo.lock ./
RUN mkdir -p src benches \
    && echo '//! x' > src/lib.rs && echo 'fn main() {}' > src/main.rs \
    && for bench in $(sed -n '/^\[\[bench\]\]/,/^$/s/^name = "\(.*\)"/\1/p' Cargo.toml); do echo 'fn main() {}' > "benches/$bench.rs"; done \
    && cargo build --release --locked --bin callflow && rm -rf src benches
COPY src src
COPY benches benches
COPY schemas schemas
RUN touch src/lib.rs src/main.rs && cargo build --release --locked --bin callflow

FROM debian:bookworm-slim
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates curl \
    && rm -rf /var/lib/apt/lists/* && useradd --system --create-home callflow
COPY --from=build /src/target/release/callflow /usr/local/bin/callflow
COPY flows /home/callflow/flows
USER callflow
WORKDIR /home/callflow
ENV CALLFLOW_BIND=0.0.0.0
EXPOSE 7860
HEALTHCHECK --interval=10s --timeout=3s CMD curl -fsS http://127.0.0.1:7860/health || exit 1
ENTRYPOINT ["callflow"]
CMD ["--flow", "flows/cold_transfer.yaml"]
