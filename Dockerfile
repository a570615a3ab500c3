# The whole package on CPU: pipeline, trainer and server.
#
#   docker build -t srp4ctr .
#   mkdir -p data runs
#   docker run --rm --user "$(id -u)" -v "$PWD/data:/app/data" -v "$PWD/runs:/app/runs" srp4ctr data fetch ml-100k
#   docker run --rm --user "$(id -u)" -v "$PWD/data:/app/data" -v "$PWD/runs:/app/runs" srp4ctr run configs/ml_100k.yaml
ARG BASE=python:3.10-slim-bookworm

FROM ${BASE} AS build
RUN apt-get update && apt-get install -y --no-install-recommends g++ && rm -rf /var/lib/apt/lists/*
RUN pip install --no-cache-dir uv && uv venv /opt/srp4ctr
ENV UV_HTTP_TIMEOUT=300 UV_LINK_MODE=copy
COPY requirements/py310.txt /tmp/
RUN uv pip sync --no-cache --python /opt/srp4ctr/bin/python /tmp/py310.txt
COPY . /src
RUN uv pip install --no-cache --no-deps --no-build-isolation --python /opt/srp4ctr/bin/python /src

FROM ${BASE}
COPY --from=build /opt/srp4ctr /opt/srp4ctr
RUN useradd --no-create-home --uid 1000 srp4ctr && mkdir -p /app/data /app/runs && chown -R srp4ctr /app
COPY configs /app/configs
ENV PATH=/opt/srp4ctr/bin:$PATH TF_USE_LEGACY_KERAS=1 HOME=/tmp
USER srp4ctr
WORKDIR /app
ENTRYPOINT ["srp4ctr"]
