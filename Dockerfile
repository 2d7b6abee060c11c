# syntax=docker/dockerfile:1
# One image for both roles: the bot on Pipecat Cloud (its default command), and the webhook server (compose.yaml).
# docs/deploy.md says how to build and deploy it.
FROM rust:1.95-slim-bookworm AS build
WORKDIR /src
RUN apt-get update \
    && apt-get install -y --no-install-recommends gcc libc6-dev ca-certificates libstdc++6 \
    && rm -rf /var/lib/apt/lists/*
# Dependencies first: they change far less often than the sources.
COPY Cargo.toml Cargo.lock ./
RUN mkdir -p src benches \
    && echo '//! x' > src/lib.rs && echo 'fn main() {}' > src/main.rs \
    && for bench in $(sed -n '/^\[\[bench\]\]/,/^$/s/^name = "\(.*\)"/\1/p' Cargo.toml); do echo 'fn main() {}' > "benches/$bench.rs"; done \
    && cargo build --release --locked --bin callflow && rm -rf src benches
COPY src src
COPY benches benches
COPY schemas schemas
COPY docs docs
RUN touch src/lib.rs src/main.rs && cargo build --release --locked --bin callflow

# Daily's media library, by its checksum (docs/daily.md has what is known of its licence).
FROM build AS library
RUN target/release/callflow daily fetch --yes --data /opt

# A flow with errors ends the build, not the first call.
FROM build AS flows
COPY flows flows
RUN target/release/callflow check flows/

FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates libstdc++6 libgcc-s1 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --create-home callflow
COPY --from=library /opt/callflow /opt/callflow
COPY --from=build /src/target/release/callflow /usr/local/bin/callflow
COPY --from=flows /src/flows /home/callflow/flows
ENV DAILY_CORE_LIBRARY=/opt/callflow/daily/0.36.0/daily.abi3.so
# By number: not every platform resolves names when it forbids root.
USER 10001
WORKDIR /home/callflow
EXPOSE 8080 7860
# bash speaks TCP; curl would be half the size of the program.
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s CMD ["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/${PORT:-8080} && printf 'GET /livez HTTP/1.1\\r\\nHost: localhost\\r\\nConnection: close\\r\\n\\r\\n' >&3 && head -n 1 <&3 | grep -q ' 200 '"]
ENTRYPOINT ["callflow"]
CMD ["bot", "--flow", "flows/cold_transfer.yaml"]
