# Pin the image by digest where you build: --build-arg PYTHON_IMAGE=python:3.13-slim@sha256:...
ARG PYTHON_IMAGE=python:3.13-slim

FROM ${PYTHON_IMAGE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ONLY_BINARY=:all: PYTHONDONTWRITEBYTECODE=1
WORKDIR /src
COPY deploy/requirements.lock deploy/build.lock ./
RUN python -m venv /build \
    && /build/bin/python -m pip install --require-hashes -r build.lock \
    && python -m venv --without-pip /opt/cds-service \
    && python -m pip --python /opt/cds-service/bin/python install --require-hashes -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY cds_service ./cds_service
COPY fixtures ./fixtures
COPY plan_definitions ./plan_definitions
RUN /build/bin/hatchling build -t wheel -d /wheels \
    && python -m pip --python /opt/cds-service/bin/python install --no-index --no-deps /wheels/*.whl \
    && /opt/cds-service/bin/python -m compileall -q /opt/cds-service/lib

FROM ${PYTHON_IMAGE}
RUN groupadd --system --gid 10001 cds \
    && useradd --system --uid 10001 --gid cds --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin cds \
    && install -d -o cds -g cds -m 0700 /var/lib/cds-service
COPY --from=build /opt/cds-service /opt/cds-service
ENV PATH=/opt/cds-service/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    CDS_DATABASE_URL=sqlite:////var/lib/cds-service/decisions.db
WORKDIR /var/lib/cds-service
VOLUME /var/lib/cds-service
USER 10001:10001
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8000/health/live', timeout=2)"]
ENTRYPOINT ["cds-service"]
CMD ["serve", "--host", "0.0.0.0", "--port", "8000"]
