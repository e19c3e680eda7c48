# Signaling and the page: QSS, sign-in, placement of rooms on nodes.
# Build from the repository's root: docker build -f docker/signaling.Dockerfile -t tertulia-signaling .

FROM node:20-bookworm-slim AS page
WORKDIR /src/web
COPY web/package.json web/package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY web/ ./
RUN npm run build

FROM rust:1.95-slim-bookworm AS wheel
# Debian keeps only the newest version of a package:
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends python3 python3-venv \
    && rm -rf /var/lib/apt/lists/* \
    && python3 -m venv /opt/build
WORKDIR /src
COPY . .
COPY --from=page /src/web/dist ./web/dist
RUN /opt/build/bin/pip wheel --no-cache-dir --no-deps --wheel-dir /wheels .

FROM python:3.11-slim-bookworm
COPY requirements.lock /tmp/requirements.lock
RUN pip install --no-cache-dir --require-hashes -r /tmp/requirements.lock
COPY --from=wheel /wheels /wheels
RUN pip install --no-cache-dir --no-deps /wheels/*.whl \
    && useradd --system --uid 10001 --create-home --home-dir /var/lib/tertulia tertulia
USER 10001
WORKDIR /var/lib/tertulia
VOLUME /var/lib/tertulia
EXPOSE 8080/tcp
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8080/healthz', timeout=2)"]
ENTRYPOINT ["tertulia", "signaling", "--host", "0.0.0.0", "--port", "8080", "--data", "/var/lib/tertulia"]
