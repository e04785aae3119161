# Slim, non-root: both wheels are built in one stage and installed in another.
FROM python:3.11-slim AS build
RUN pip install --no-cache-dir uv
WORKDIR /src
COPY pyproject.toml README.md LICENSE CHANGELOG.md ./
COPY schemas schemas
COPY detectors detectors
COPY stream stream
RUN uv build --wheel --all-packages --out-dir /wheels

FROM python:3.11-slim
ARG EXTRAS=""
COPY --from=build /wheels /wheels
RUN pip install --no-cache-dir /wheels/tidegauge-[0-9]*.whl "$(ls /wheels/tidegauge_worker-*.whl)${EXTRAS}" \
    && rm -rf /wheels \
    && useradd --system --create-home --uid 10001 tidegauge
USER tidegauge
WORKDIR /home/tidegauge
EXPOSE 6066
ENTRYPOINT ["tidegauge"]
CMD ["worker"]
