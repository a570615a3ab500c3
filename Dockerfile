# The whole package: pipeline, trainer and server; the components of Kubeflow and Vertex runs; Beam's workers.
#
#   docker build --build-arg REVISION="$(git rev-parse HEAD)" -t srp4ctr .     # the revision is for reports
#   mkdir -p data runs
#   docker run --rm --user "$(id -u)" -v "$PWD/data:/app/data" -v "$PWD/runs:/app/runs" srp4ctr data fetch ml-100k
#   docker run --rm --user "$(id -u)" -v "$PWD/data:/app/data" -v "$PWD/runs:/app/runs" srp4ctr run configs/ml_100k.yaml
#
#   docker build -t srp4ctr-worker --target worker .     # for Beam on Flink, Spark or Dataflow
#
# The stack of Debian 13: --build-arg STACK=tfx121 --build-arg BASE=python:3.13-slim-trixie
#                         --build-arg BEAM=apache/beam_python3.13_sdk:2.77.0
# With CUDA, for machines with NVIDIA's driver: --build-arg DEVICE=gpu -t srp4ctr:gpu
# Who submits a job and its workers need the same stack.
ARG BASE=python:3.10-slim-bookworm
ARG BEAM=apache/beam_python3.10_sdk:2.74.0

FROM ${BASE} AS build
ARG STACK=tfx116
ARG DEVICE=cpu
RUN apt-get update && apt-get install -y --no-install-recommends g++ && rm -rf /var/lib/apt/lists/*
RUN pip install --no-cache-dir uv && uv venv /opt/srp4ctr
# Bytecode, for who runs the image can not write any: each start would compile TFX and TensorFlow anew.
ENV UV_HTTP_TIMEOUT=300 UV_LINK_MODE=copy UV_COMPILE_BYTECODE=1
COPY requirements/${STACK}*.txt /tmp/requirements/
RUN uv pip sync --no-cache --python /opt/srp4ctr/bin/python /tmp/requirements/${STACK}.txt /tmp/requirements/${STACK}-${DEVICE}.txt
RUN if [ "${DEVICE}" = gpu ]; then uv pip install --no-cache --python /opt/srp4ctr/bin/python "tensorflow[and-cuda]==$(sed -n 's/^tensorflow==\([^ ]*\).*/\1/p' /tmp/requirements/${STACK}-gpu.txt)"; fi
COPY . /src
ARG REVISION=
RUN SRP4CTR_REVISION="${REVISION}" uv pip install --no-cache --no-deps --no-build-isolation --python /opt/srp4ctr/bin/python /src

FROM ${BASE} AS package
# For LightGBM; the build has it from g++.
RUN apt-get update && apt-get install -y --no-install-recommends libgomp1 && rm -rf /var/lib/apt/lists/*
COPY --from=build /opt/srp4ctr /opt/srp4ctr
RUN useradd --no-create-home --uid 1000 srp4ctr && mkdir -p /app/data /app/runs && chown -R srp4ctr /app
COPY configs /app/configs
ENV PATH=/opt/srp4ctr/bin:$PATH TF_USE_LEGACY_KERAS=1 HOME=/tmp
WORKDIR /app

FROM ${BEAM} AS beam

FROM package AS worker
COPY --from=beam /opt/apache/beam /opt/apache/beam
ENV RUN_PYTHON_SDK_IN_DEFAULT_ENVIRONMENT=1
ENTRYPOINT ["/opt/apache/beam/boot"]

FROM package
USER srp4ctr
ENTRYPOINT ["srp4ctr"]
