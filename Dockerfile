# Pin a digest for builds that can be repeated: --build-arg BASE=python:3.13-slim@sha256:…
ARG BASE=default
ARG NODE=node:24-slim
ARG UV=ghcr.io/astral-sh/uv:0.13.9
FROM python:3.13-slim AS default

FROM ${BASE} AS build
# optional.lock adds the packages of Redis, metrics and traces.
ARG REQUIREMENTS=run.lock
WORKDIR /app
COPY requirements/*.lock requirements/
COPY requirements.txt ./
# Packages that your own servers import: --build-arg PACKAGES="requests pandas==2.3". None of them replaces the SDK.
ARG PACKAGES=
# The environment has no pip. Bytecode is compiled here, because the file system of the container may be read-only.
RUN python -m venv --without-pip /venv \
 && python -m pip --python /venv/bin/python install --no-cache-dir --no-compile --no-deps --require-hashes \
      -r requirements/${REQUIREMENTS} \
 && if [ -n "${PACKAGES}" ]; then python -m pip --python /venv/bin/python install --no-cache-dir --no-compile \
      -c requirements.txt ${PACKAGES}; fi \
 && /venv/bin/python -m compileall -q --invalidation-mode unchecked-hash /venv/lib
COPY app.py ./
COPY settings settings
COPY features features
COPY process process
COPY gateway gateway
COPY routes routes
COPY mcp_servers mcp_servers
# Checked hashes, because a volume may replace a file.
RUN /venv/bin/python -m compileall -q --invalidation-mode checked-hash . && rm -r requirements

FROM ${BASE} AS router
LABEL org.opencontainers.image.title="Multi-MCP" \
      org.opencontainers.image.description="A light router that serves many MCP servers, natively and as JSON" \
      org.opencontainers.image.licenses="MIT"
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 HOST=0.0.0.0 PORT=8000
COPY --from=build /venv /venv
COPY --from=build /app /app
COPY LICENSE /app/
WORKDIR /app
USER 10001:10001
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s CMD ["python", "-ISc", "import http.client, os, sys; \
c = http.client.HTTPConnection('127.0.0.1', int(os.environ['PORT']), timeout=3); \
c.request('GET', '/livez'); sys.exit(c.getresponse().status != 200)"]
CMD ["python", "app.py"]

FROM ${UV} AS uv
FROM ${NODE} AS node
RUN mkdir -p /made/cache

# --target tools: the router with npx and uvx, which download servers into HOME.
FROM router AS tools
COPY --from=uv /uv /uvx /usr/local/bin/
COPY --from=node /usr/local /opt/node
COPY --from=node --chown=10001:10001 /made /
ENV HOME=/cache PATH=/opt/node/bin:$PATH

# The last stage is the one that `docker build .` builds.
FROM router
