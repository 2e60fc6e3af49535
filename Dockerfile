# The daemon of one workspace, as a plain user. See docs/operating.md.
FROM python:3.11-slim AS build
WORKDIR /source
COPY pyproject.toml README.md LICENSE ./
COPY pipeline pipeline
COPY connectors connectors
COPY mappings mappings
COPY state state
RUN python -m venv /opt/customer-sync \
 && /opt/customer-sync/bin/pip install --no-cache-dir '.[alerts]'

FROM python:3.11-slim
RUN useradd --system --uid 10001 --home-dir /data --shell /usr/sbin/nologin customer-sync \
 && install -d -o customer-sync -g customer-sync -m 0700 /data
COPY --from=build /opt/customer-sync /opt/customer-sync
ENV PATH=/opt/customer-sync/bin:$PATH PYTHONUNBUFFERED=1
USER 10001
WORKDIR /data
VOLUME /data
EXPOSE 8080
# Docker sends SIGTERM and waits ten seconds, which is what the daemon needs at most.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s \
  CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8080/healthz', timeout=4)"]
ENTRYPOINT ["customer-sync", "--config", "/data/config.yaml"]
CMD ["daemon"]
