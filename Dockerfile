# drkit with what it needs to back up, restore and drill. docs/DOCKER.md: how to build, run and extend it.
ARG BASE=debian:trixie-slim

# What is fetched here is pinned by hash. Two secrets may be given for a package index of your own: pip is a pip.conf, and
# authorities a file of certificates that it names as `cert = /run/secrets/authorities`.
FROM ${BASE} AS builder
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates locales python3-venv \
    && rm -rf /var/lib/apt/lists/*
# A drill of a database whose locale is not here takes C.UTF-8 in its place, and says so. Not as an archive: Debian's package
# of locales, where somebody adds it, throws that away.
ARG LOCALES="en_US.UTF-8"
RUN for locale in ${LOCALES}; do \
        localedef --no-archive --inputfile="${locale%%.*}" --charmap="${locale#*.}" "${locale}" || exit 1; \
    done
WORKDIR /build
COPY scripts/fetch-postgres scripts/
RUN --mount=type=secret,id=pip,target=/etc/pip.conf --mount=type=secret,id=authorities \
    python3 -m venv tools \
    && scripts/fetch-postgres tools/bin/python \
    && mkdir postgres \
    && for folder in .cache/postgres/*; do mv "${folder}" "postgres/pgsql-${folder##*/}" || exit 1; done \
    && rm -rf postgres/*/include postgres/*/lib/pgxs postgres/*/lib/pkgconfig postgres/*/lib/*.a \
    && rm -f postgres/*/lib/*plpython* postgres/*/share/extension/*plpython*
COPY requirements.txt ./
RUN --mount=type=secret,id=pip,target=/etc/pip.conf --mount=type=secret,id=authorities \
    python3 -m venv --without-pip /opt/drkit \
    && tools/bin/pip --python /opt/drkit/bin/python install --quiet --disable-pip-version-check \
        --no-cache-dir --no-compile --only-binary :all: --require-hashes -r requirements.txt
COPY src/drkit drkit
# The root file system is read only when it runs: byte code is made now, and never looked at again.
RUN mv drkit "$(/opt/drkit/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')" \
    && printf '#!/opt/drkit/bin/python\nfrom drkit.cli.app import main\n\nmain()\n' >/opt/drkit/bin/drkit \
    && chmod 755 /opt/drkit/bin/drkit \
    && /opt/drkit/bin/python -m compileall -q -j 0 --invalidation-mode unchecked-hash /opt/drkit/lib

FROM ${BASE}
# The libraries are those of PostgreSQL's programs. Nothing here needs a program that runs as its owner.
RUN apt-get update \
    && apt-get install -y --no-install-recommends age ca-certificates libnss-wrapper python3 redis-server tini tzdata zstd \
        libgssapi-krb5-2 liblz4-1 libossp-uuid16 libreadline8 libssl3 libxml2 libxslt1.1 libzstd1 zlib1g \
    && rm -rf /var/lib/apt/lists/* /var/cache/* /var/log/* \
    && groupadd --gid 65532 drkit \
    && useradd --uid 65532 --gid 65532 --no-log-init --create-home --shell /usr/sbin/nologin drkit \
    && chown -R 0:0 /home/drkit && chmod 755 /home/drkit \
    && install --directory --owner=65532 --group=65532 /var/lib/drkit \
    && find / -xdev -type f -perm /6000 -exec chmod a-s {} +
COPY --from=builder /usr/lib/locale /usr/lib/locale
# One of the places where drkit looks for PostgreSQL's programs.
COPY --from=builder /build/postgres /usr
COPY --from=builder /opt/drkit /opt/drkit
ENV PATH=/opt/drkit/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/usr/pgsql-18/bin \
    HOME=/home/drkit \
    LANG=C.UTF-8 \
    TMPDIR=/tmp \
    PYTHONDONTWRITEBYTECODE=1 \
    DRKIT_CONFIG=/etc/drkit/schedules
# /tmp is the only folder that must be writable.
WORKDIR /tmp
USER 65532:65532
EXPOSE 8321
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s CMD ["python", "-m", "drkit.daemon.health"]
ENTRYPOINT ["tini", "--", "drkit"]
CMD ["daemon"]
# Last, as they change with every build.
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="drkit" \
      org.opencontainers.image.description="Backups of PostgreSQL, SQLite, Redis and files, encrypted, and restored to a moment" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
