# The same Python that the requirements are resolved for. To pin it, give its digest too:
# docker build --build-arg PYTHON=python:3.11-slim@sha256:…
ARG PYTHON=python:3.11-slim
FROM ${PYTHON} AS build

ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore

# The environment that is shipped: without pip, and made before the code so that the layer is reused.
RUN python -m venv --without-pip /opt/leadscore
COPY requirements/ /src/requirements/
RUN pip --python /opt/leadscore install --no-deps --require-hashes --only-binary :all: -r /src/requirements/runtime.txt

# The build's own tool, setuptools, with the pin and the hashes that it has in dev.txt.
RUN awk '/^setuptools==/ {found = 1} found {print} found && !/\\$/ {exit}' /src/requirements/dev.txt > /src/build.txt \
    && pip install --no-deps --require-hashes -r /src/build.txt

COPY pyproject.toml README.md LICENSE /src/
COPY app/ /src/app/
COPY migrations/ /src/migrations/
RUN pip wheel --no-deps --no-build-isolation --wheel-dir /wheels /src \
    && pip --python /opt/leadscore install --no-deps --no-index /wheels/leadscore-*.whl


FROM ${PYTHON}

# TMPDIR: with a read-only root, /data is the one place where SQLite and Python may spill to disk.
ENV PATH=/opt/leadscore/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    TMPDIR=/data \
    LEADSCORE_DATABASE_URL=sqlite:////data/leadscore.db

# A numeric user, so that an orchestrator can tell it is not root. A new volume takes over /data's owner.
RUN install --directory --owner 10001 --group 10001 --mode 0750 /data
COPY --from=build /opt/leadscore /opt/leadscore

USER 10001:10001
WORKDIR /data
VOLUME /data
EXPOSE 8000

HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen(f'http://127.0.0.1:{int(os.environ.get(\"LEADSCORE_PORT\") or 8000)}/livez', timeout=2)"]

# docker run --read-only --volume leadscore:/data --publish 8000:8000 leadscore
ENTRYPOINT ["leadscore"]
CMD ["serve", "--host", "0.0.0.0"]
