# drkit's image with PostgreSQL as Debian or PGDG packages it: with ICU, with PL/Perl, with extensions such as pgvector.
#
#   docker build -f docs/extended.Dockerfile --build-arg PACKAGES="postgresql-17 postgresql-17-pgvector" --build-arg PGDG=yes -t drkit-extended .
ARG DRKIT=drkit
FROM ${DRKIT}
ARG PACKAGES
# Empty: Debian's own packages, which are of one version (17 in Debian 13). PGDG's key comes in a package of Debian's, signed as all of them are.
ARG PGDG=
ARG KEY=/usr/share/postgresql-common/pgdg/apt.postgresql.org.asc
USER 0:0
RUN apt-get update \
    && apt-get install -y --no-install-recommends postgresql-common \
    && echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.conf \
    && if [ -n "${PGDG}" ]; then \
        . /etc/os-release \
        && echo "deb [signed-by=${KEY}] https://apt.postgresql.org/pub/repos/apt ${VERSION_CODENAME}-pgdg main" \
            >/etc/apt/sources.list.d/pgdg.list \
        && apt-get update; \
    fi \
    && apt-get install -y --no-install-recommends ${PACKAGES:?names what to install} \
    && for folder in /usr/lib/postgresql/*/bin; do \
        version="${folder%/bin}" && rm -rf "/usr/pgsql-${version##*/}" || exit 1; \
    done \
    && rm -rf /var/lib/apt/lists/* /var/log/* /etc/ssl/private/* \
    && find / -xdev -type f -perm /6000 -exec chmod a-s {} +
USER 65532:65532
