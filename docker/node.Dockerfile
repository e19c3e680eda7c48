# One media node: HTTP for negotiation, one UDP port a worker for media.
# Build from the repository's root: docker build -f docker/node.Dockerfile -t tertulia-node .
# Run it with the host's network: a node behind a bridge copies every packet once more and knows no outside address.

FROM rust:1.95-slim-bookworm AS wheel
# Debian keeps only the newest version of a package:
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends python3 python3-venv \
    && rm -rf /var/lib/apt/lists/* \
    && python3 -m venv /opt/build
WORKDIR /src
COPY . .
RUN /opt/build/bin/pip wheel --no-cache-dir --no-deps --wheel-dir /wheels .

FROM python:3.11-slim-bookworm
COPY requirements.lock /tmp/requirements.lock
RUN pip install --no-cache-dir --require-hashes -r /tmp/requirements.lock
COPY --from=wheel /wheels /wheels
RUN pip install --no-cache-dir --no-deps /wheels/*.whl \
    && useradd --system --uid 10001 --uid 10001 --no-create-home tertulia
USER 10001
EXPOSE 8081/tcp 40000-40063/udp
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8081/healthz', timeout=2)"]
ENTRYPOINT ["tertulia", "node", "--host", "0.0.0.0", "--port", "8081", "--udp-port", "40000"]
